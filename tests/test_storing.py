"""The store that a configuration asks for: etcd only where it is wanted, a sentence for what is of no use."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from nwip.config import Config, ConfigError
from nwip.config.reading import parse
from nwip.dss.store.etcd_gateway import Access
from nwip.dss.store.memory import MemoryStore
from nwip.dss.store.sqlite import SqliteStore
from nwip.storing import access, exposures, open_store

HTTP = 'dss.store = "etcd"\ndomain.name = "a.example"\n[etcd]\nendpoints = ["http://192.0.2.1:2379/"]\n'
HTTPS = HTTP.replace("http:", "https:")


class Made(NamedTuple):
    access: Access
    domain: str
    identity: bytes


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be a store that only remembers what it was made of."""
    store = ModuleType("nwip.dss.store.etcd")
    vars(store)["EtcdStore"] = Made
    monkeypatch.setitem(sys.modules, store.__name__, store)


def config(text: str) -> Config:
    return parse(text, "nwip.toml")


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        open_store(config(text), bytes(16))
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.startswith("nwip.toml: key '")
    return sentence


def test_the_usual_stores(tmp_path: Path) -> None:
    assert isinstance(open_store(config('dss.store = "memory"'), bytes(16)), MemoryStore)
    assert isinstance(open_store(config(f'node.state = "{tmp_path}"'), bytes(16)), SqliteStore)


@pytest.mark.usefixtures("stand_in")
def test_the_store_in_etcd_is_made_of_what_the_table_says(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("S3CRET\n")
    text = f'{HTTP}user = "nwip"\npassword-file = "{tmp_path}/password"'
    made = open_store(config(text), bytes(range(16)))
    assert isinstance(made, Made)
    assert made.domain == "a.example"
    assert made.identity == bytes(range(16))
    assert made.access == Access(("http://192.0.2.1:2379",), "nwip", "S3CRET")


@pytest.mark.usefixtures("stand_in")
def test_a_password_may_stand_in_the_configuration_itself() -> None:
    assert access(config(HTTP + 'user = "nwip"\npassword = "here"')).password == "here"  # noqa: S105 - none
    assert access(config(HTTP)).password == ""


def test_a_machine_without_aiohttp_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)  # as Python marks what cannot be imported
    sentence = refusal(HTTP)
    assert "'dss.store' is \"etcd\", which takes aiohttp" in sentence
    assert sentence.endswith("; pip install 'nwip[etcd]'")


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("content", ["", "\n", "two\nlines", "a\x07", "x" * 1025])
def test_a_password_file_without_a_password_is_named_and_not_shown(tmp_path: Path, content: str) -> None:
    (tmp_path / "password").write_text(content)
    sentence = refusal(f'{HTTP}user = "nwip"\npassword-file = "{tmp_path}/password"')
    assert f"'etcd.password-file' means {tmp_path}/password, which does not hold one line" in sentence
    assert "two" not in sentence


@pytest.mark.usefixtures("stand_in")
def test_a_password_file_of_other_octets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"\xff\xfe")
    assert "does not hold one line" in refusal(f'{HTTP}user = "n"\npassword-file = "{tmp_path}/password"')


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ('user = "nwip"\npassword-file = "/none"', "password-file"),
        ('ca = "/none"', "ca"),
        ('certificate = "/none"\nkey = "/none"', "certificate"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(keys: str, key: str) -> None:
    sentence = refusal(HTTPS + keys)
    assert f"key 'etcd.{key}' means /none: No such file or directory; write the path of a file" in sentence


def certificate(folder: Path, name: str, *options: str) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-batch"]
    files = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt"), "-subj", "/CN=a"]
    subprocess.run([*command, *files, *(options or ["-nodes"])], check=True, capture_output=True)


@pytest.mark.real("openssl")
@pytest.mark.usefixtures("stand_in")
def test_certificates_are_held_against_their_keys_before_anything_is_sent(tmp_path: Path) -> None:
    certificate(tmp_path, "one")
    certificate(tmp_path, "two", "-passout", "pass:secret")
    (tmp_path / "garbage").write_text("garbage")

    def keys(ca: str, own: str, key: str) -> str:
        folder = tmp_path
        return f'{HTTPS}ca = "{folder}/{ca}"\ncertificate = "{folder}/{own}"\nkey = "{folder}/{key}"'

    assert access(config(keys("one.crt", "one.crt", "one.key"))).key == tmp_path / "one.key"
    assert "'etcd.ca' means" in refusal(keys("garbage", "one.crt", "one.key"))
    for own, key in (("one.crt", "two.key"), ("two.crt", "two.key"), ("garbage", "one.key")):
        assert "key 'etcd.key' means" in refusal(keys("one.crt", own, key))


def test_a_secret_that_others_can_read_is_told(tmp_path: Path) -> None:
    password, key, file = tmp_path / "password", tmp_path / "key", tmp_path / "nwip.toml"
    for path in (password, key, file):
        path.touch(mode=0o640)
    of_file = f'{HTTPS}user = "n"\npassword-file = "{password}"\ncertificate = "/c"\nkey = "{key}"'
    in_itself = f'{HTTPS}user = "n"\npassword = "S3CRET"'
    assert list(exposures(parse(of_file, str(file)))) == []
    assert list(exposures(parse(in_itself, str(file)))) == []
    for path in (password, key, file):
        path.chmod(0o644)
    told = list(exposures(parse(of_file, str(file))))
    assert [
        (str(path) in each.says, each.mend) for path, each in zip((password, key), told, strict=True)
    ] == [
        (True, f"chmod o-rwx {password}"),
        (True, f"chmod o-rwx {key}"),
    ]
    assert told[0].says.endswith("holds the password of etcd, and every user of this machine may read it")
    (exposed,) = exposures(parse(in_itself, str(file)))
    assert exposed.says.startswith(f"{file} holds the password of etcd")
    assert "S3CRET" not in str(exposed)


@pytest.mark.parametrize(
    ("endpoint", "tells"),
    [
        ("http://192.0.2.1:2379", True),
        ("http://etcd.example:2379", True),
        ("http://127.0.0.1:2379", False),
        ("http://localhost:2379", False),
        ("http://[::1]:2379", False),
        ("https://192.0.2.1:2379", False),
    ],
)
def test_a_password_that_leaves_the_machine_in_clear_is_told(endpoint: str, tells: bool) -> None:
    text = f'dss.store = "etcd"\n[etcd]\nendpoints = ["{endpoint}"]\n'
    assert list(exposures(config(text))) == []
    told = list(exposures(config(text + 'user = "n"\npassword = "p"')))
    assert [endpoint in each.says for each in told] == ([True] if tells else [])


def test_a_node_without_a_cluster_imports_nothing_of_it() -> None:
    program = "import sys, nwip.binding; sys.exit(any(m.partition('.')[0] == 'aiohttp' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=30).returncode == 0
