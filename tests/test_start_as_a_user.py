"""What a new user runs into: foreign addresses, users without a home, directories that are locked."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest

from nwip import binding
from nwip.config import Config, ConfigError, default_state_directory, load
from nwip.config.reading import parse
from nwip.directory.parameters import Parameters
from nwip.dss.server import DssServer
from nwip.state import State

PUBLIC = "203.0.113.9"


def config(text: str) -> Config:
    return parse(text, "nwip.toml")


def test_an_address_of_another_machine_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"'node.address' means 203.0.113.9, which is not this machine's"):
        binding.check_address(config(f'node.address = "{PUBLIC}"'))
    binding.check_address(config('node.address = "127.0.0.1"'))


def test_a_path_of_a_user_who_is_not_known_is_one_sentence() -> None:
    for key in ("state", "control"):
        with pytest.raises(ConfigError, match=f"key 'node.{key}' is"):
            config(f'node.{key} = "~no-such-user/x"')


def test_a_user_without_a_home_still_has_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "STATE_DIRECTORY", "NWIP_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert default_state_directory() == Path("/.local/state/nwip")
    assert load().dss.serves


def test_a_directory_that_may_not_be_looked_into_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(path: Path, *_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.delenv("NWIP_CONFIG", raising=False)
    monkeypatch.setattr(Path, "stat", locked)
    monkeypatch.setattr(Path, "open", locked)
    with pytest.raises(ConfigError, match=r"/etc/nwip/nwip.toml: cannot be read: Permission denied"):
        load()


@pytest.mark.asyncio
async def test_a_dss_lets_its_own_machine_in_and_trusts_nobody_for_being_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binding, "local_addresses", lambda: ["127.0.0.1", PUBLIC])
    for admit, others in ((["loopback"], False), (["any"], True)):
        text = f"dss.listen = ['127.0.0.1']\ndss.port = 20396\ndss.admit = {admit}"
        dss = await binding.open_dss(config(text), State(tmp_path), bytes(16), print)
        try:
            assert dss.engine._admit(PUBLIC)
            assert dss.engine._admit("198.51.100.1") == others
            assert not dss._trust("198.51.100.1")
        finally:
            await dss.close()


def test_a_node_with_its_own_dss_comes_to_it_by_an_address_that_others_know_too() -> None:
    dss = SimpleNamespace(endpoints=[("127.0.0.1", 396), (PUBLIC, 396)])
    assert binding.own_servers(cast("DssServer", dss)) == [(PUBLIC, 396), ("127.0.0.1", 396)]


def test_parameters_that_differ_in_rank_only_agree() -> None:
    ours = Parameters(domain="x", identity=b"1" * 16)
    assert ours.agree_with(msgspec.structs.replace(ours, identity=b"2" * 16, version=7))
    assert not ours.agree_with(msgspec.structs.replace(ours, network=7))
