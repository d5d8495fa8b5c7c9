"""The guides hold to their own rules: files can be used, commands exist, what is not tried says so.

That their commands do what they should is tried by `tests/real/test_guides_at_work.py`.
"""

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from guide_pages import GUIDES, KINDS, UNTRIED, Block, Command, blocks, of_kind, pages
from nwip.cli.main import cli
from nwip.config.reading import parse

FILES = of_kind("toml")
TYPED = [
    (block, command)
    for block in of_kind("console")
    for command in block.commands
    if any(words[0] == "nwip" for words in command.parts) or "$(nwip " in command.line
]
READ = re.compile(r"[\w.-]+\.(?:pcapng|pcap\.gz|pcap|toml|jsonl)\b|\bweb-token\b")
TRIED_IN_TESTS = frozenset({"nwip", "nmap", "qemu-system-x86_64", "tshark"})
TRIED_WITH_A_CLUSTER = TRIED_IN_TESTS | {"etcd", "etcdctl", "openssl", "chmod", "export"}


def where(given: object) -> str | None:
    if isinstance(given, Block):
        return given.where
    return given.line if isinstance(given, Command) else None


@pytest.mark.parametrize("block", FILES, ids=where)
def test_each_file_of_a_guide_can_be_used(block: Block) -> None:
    parse(block.text, block.where)


@pytest.mark.parametrize(("block", "command"), TYPED, ids=where)
def test_each_nwip_command_of_a_guide_exists_with_its_options(
    block: Block, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in READ.findall(command.line):
        (tmp_path / name).touch()
    inner = re.findall(r"\$\((nwip [^)]*)\)", command.line)
    lines = [words for words in command.parts if words[0] == "nwip"] + [line.split() for line in inner]
    assert lines, f"{block.where}: {command.line}"
    for words in lines:
        understand(words[1:])


def understand(words: list[str]) -> None:
    """Let click read a command line as it would before it runs it. Raises `UsageError`."""
    group: click.Command = cli
    parent = None
    while True:
        context = group.make_context(group.name, list(words), parent=parent)
        context.close()
        rest = [*context._protected_args, *context.args]
        if not isinstance(group, click.Group) or not rest:
            return
        name, command, words = group.resolve_command(context, rest)
        assert command is not None, name
        group, parent = command, context


@pytest.mark.parametrize("page", pages())
def test_a_block_is_of_a_kind_that_is_tried_or_says_that_it_is_not(page: str) -> None:
    for block in blocks(page):
        assert block.kind in KINDS, f"{block.where}: write what this block is behind its fence"
        if block.kind == "text":
            assert block.untried, f"{block.where}: put a paragraph that begins with {UNTRIED} before it"
        tried = TRIED_WITH_A_CLUSTER if page == "large-domain.md" else TRIED_IN_TESTS
        if block.kind == "console":
            for command in block.commands:
                programs = {words[0] for words in command.parts}
                assert block.untried or programs <= tried, f"{block.where}: {command.line}"


@pytest.mark.parametrize("page", pages())
def test_nothing_hides_from_these_tests_in_an_indented_block(page: str) -> None:
    outside = re.sub(r"^```.*?^```$", "", (GUIDES / page).read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert not re.search(r"^    \S", outside, re.MULTILINE)


@pytest.mark.parametrize("page", pages())
def test_links_of_a_guide_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", (GUIDES / page).read_text("utf-8"))
    assert [target for target in targets if not (GUIDES / target).exists()] == []


def test_the_index_names_every_guide() -> None:
    index = (GUIDES / "README.md").read_text("utf-8")
    assert [page for page in pages() if page != "README.md" and f"({page})" not in index] == []


@pytest.mark.real("named")
@pytest.mark.parametrize("block", of_kind("zone"), ids=where)
def test_each_zone_of_a_guide_is_one_that_bind_takes(block: Block, tmp_path: Path) -> None:
    head, _, records = block.text.partition("\n")
    name = re.match(r"; (?:in )?zone (\S+)", head)
    assert name
    apex = (
        "" if "SOA" in records else "$TTL 60\n@ SOA ns hostmaster 1 60 60 60 60\n@ NS ns\nns A 192.0.2.53\n"
    )
    file = tmp_path / "zone"
    file.write_text(apex + records + "\n", "ascii")
    checker = shutil.which("named-checkzone")
    assert checker, "it comes with BIND"
    checked = subprocess.run([checker, name[1], str(file)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
