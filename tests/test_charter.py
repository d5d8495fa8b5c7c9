"""A node knows by its state directory that its domain is sealed, and never runs open by mistake."""

import subprocess
import sys
from pathlib import Path

import pytest

from nwip.charter import CHARTER, Charter, chartered, read_charter
from nwip.config import Config, ConfigError
from nwip.config.reading import parse
from nwip.state import State

NODE = Charter(domain="a.example.org", authority="ab" * 32, role="node", servers=[("192.0.2.1", 396)])
DSS = Charter(domain="a.example.org", authority="ab" * 32, role="dss", peers=[("2001:db8::1", 2010)])


def completed(home: Path, charter: Charter | None, text: str = "") -> Config:
    state = State(home)
    if charter is not None:
        state.write(CHARTER, charter.text())
    config, found = chartered(parse(text, "nwip.toml"), state)
    assert found == charter
    return config


def refusal(home: Path, charter: Charter | None, text: str = "") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        completed(home, charter, text)
    assert str(home) in str(caught.value)
    assert str(caught.value).startswith("nwip.toml: key ")
    assert "\n" not in str(caught.value)
    return caught.value


def test_without_a_charter_nothing_changes(tmp_path: Path) -> None:
    plain = completed(tmp_path, None)
    assert plain == parse("", "nwip.toml")
    assert plain.dss.addresses == ("127.0.0.1",)
    assert completed(tmp_path, None, "domain.sealed = false").domain.sealed is False


def test_a_node_needs_no_configuration(tmp_path: Path) -> None:
    config = completed(tmp_path, NODE)
    assert config.domain.name == "a.example.org"
    assert not config.dss.serves
    assert config.dss.servers == ("192.0.2.1:396",)


def test_a_dss_serves_at_all_addresses_and_knows_the_others(tmp_path: Path) -> None:
    config = completed(tmp_path, DSS)
    assert config.dss.serves
    assert config.dss.addresses == ("0.0.0.0",)
    assert config.dss.peers == ("[2001:db8::1]:2010",)


def test_what_is_written_stands(tmp_path: Path) -> None:
    assert completed(tmp_path, NODE, 'dss.servers = ["dss.test"]').dss.servers == ("dss.test",)
    written = 'dss.listen = ["127.0.0.1"]\ndss.peers = ["dss.test"]'
    config = completed(tmp_path, DSS, written)
    assert (config.dss.addresses, config.dss.peers) == (("127.0.0.1",), ("dss.test",))
    for text in ("dss.serve = false", 'dss.servers = ["dss.test"]'):
        assert not completed(tmp_path, DSS, text).dss.serves
    text = 'domain.sealed = true\ndomain.name = "a.example.org"'
    assert completed(tmp_path, NODE, text).domain.name == "a.example.org"


def test_a_node_that_must_be_a_member_does_not_start_without_a_membership(tmp_path: Path) -> None:
    error = refusal(tmp_path, None, "domain.sealed = true")
    assert error.key == "domain.sealed"
    assert "nwip join TOKEN" in error.mend


def test_a_node_of_an_open_domain_has_no_address_but_its_own(tmp_path: Path) -> None:
    error = refusal(tmp_path, None, 'node.seen-at = "198.51.100.7"')
    assert error.key == "node.seen-at"
    config = completed(tmp_path, NODE, 'node.seen-at = "198.51.100.7"')
    assert config.node.outer(43981) == ("198.51.100.7", 43981)
    config = completed(tmp_path, NODE, 'node.seen-at = "[2001:db8::7]:1"')
    assert config.node.outer(43981) == ("2001:db8::7", 1)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("domain.sealed = false", "domain.sealed"),
        ('domain.name = "b.example.org"', "domain.name"),
        ("dss.serve = true", "dss.serve"),
    ],
)
def test_a_configuration_that_contradicts_the_charter_is_refused(tmp_path: Path, text: str, key: str) -> None:
    error = refusal(tmp_path, NODE, text)
    assert error.key == key
    assert "a.example.org" in error.problem


@pytest.mark.parametrize("content", ["", "{}", "not JSON", NODE.text()[:-20], NODE.text().replace("1", "2")])
def test_a_damaged_charter_is_no_open_domain(tmp_path: Path, content: str) -> None:
    State(tmp_path).write(CHARTER, content)
    error = refusal(tmp_path, None)
    assert "damaged" in error.problem
    assert "nwip join --anew" in error.mend
    assert (tmp_path / CHARTER).exists(), "it is left for whoever can mend it"


def test_a_charter_that_cannot_be_read_is_no_open_domain(tmp_path: Path) -> None:
    (tmp_path / CHARTER).mkdir()
    assert "cannot be read" in refusal(tmp_path, None).problem


def test_a_file_in_the_place_of_the_directory_holds_no_charter(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    assert read_charter(State(tmp_path / "state")) is None


def test_a_node_of_an_open_domain_and_the_command_line_load_no_ciphers() -> None:
    script = "import sys, nwip.running, nwip.cli.main, nwip.cli.domain; print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
