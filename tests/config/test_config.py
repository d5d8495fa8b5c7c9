"""Configuration: defaults, where it is looked for, and one clear sentence for every mistake."""

import re
import tomllib
from pathlib import Path

import pytest
from msgspec import structs

from nwip.config import ConfigError, example, load
from nwip.config.etcd import EtcdSettings
from nwip.config.keys import MENDS
from nwip.config.links import KINDS, DosboxSettings
from nwip.config.paths import configuration_candidates
from nwip.config.policy import FilterSettings, GrantSettings
from nwip.config.reading import joining, parse
from nwip.config.settings import (
    DEFAULT_DOMAIN,
    DiscoverySettings,
    Document,
    DomainSettings,
    DssSettings,
    LogSettings,
    NodeSettings,
    WebSettings,
)
from nwip.directory.filters import Filter
from nwip.directory.grants import Grant
from nwip.directory.parameters import Parameters
from nwip.discovery.steps import Way

BAD_VALUES = {
    "domain": "domain = 3",
    "domain.name": 'domain.name = "a b"',
    "domain.sealed": "domain.sealed = 1",
    "domain.network": 'domain.network = "XYZ"',
    "domain.data-port": "domain.data-port = 0",
    "domain.node-prefix": 'domain.node-prefix = "7E0"',
    "domain.ticks": "domain.ticks = [1, 2]",
    "domain.broadcasts": 'domain.broadcasts = "all"',
    "domain.broadcast-rate": "domain.broadcast-rate = 0",
    "domain.broadcast-burst": 'domain.broadcast-burst = "many"',
    "domain.hop-limit": "domain.hop-limit = 1",
    "domain.networks": 'domain.networks = "closed"',
    "domain.profile": 'domain.profile = "slow"',
    "domain.lease": "domain.lease = 0",
    "domain.renewal": "domain.renewal = 10",
    "domain.synchronisation": "domain.synchronisation = 16",
    "node": "node = []",
    "node.name": 'node.name = "a\\u001bb"',
    "node.address": 'node.address = "museum"',
    "node.seen-at": 'node.seen-at = "museum"',
    "node.port": "node.port = 70000",
    "node.forward": 'node.forward = "no"',
    "node.portable": "node.portable = 1",
    "node.busy-poll": "node.busy-poll = 1000001",
    "node.user": "node.user = 1",
    "node.state": "node.state = 1",
    "node.control": 'node.control = ""',
    "node.audit": "node.audit = true",
    "dss": "dss = true",
    "dss.serve": 'dss.serve = "yes"',
    "dss.listen": 'dss.listen = ["everywhere"]',
    "dss.port": 'dss.port = "396"',
    "dss.servers": 'dss.servers = ["host:99999"]',
    "dss.admit": 'dss.admit = ["friends"]',
    "dss.peers": 'dss.peers = ["a b"]',
    "dss.peer-port": "dss.peer-port = 0",
    "dss.store": 'dss.store = "redis"',
    "etcd": "etcd = 1",
    "etcd.endpoints": 'etcd.endpoints = ["192.0.2.1:2379"]',
    "etcd.user": "etcd.user = 1",
    "etcd.password": "etcd.password = 1",
    "etcd.password-file": "etcd.password-file = 1",
    "etcd.ca": "etcd.ca = 1",
    "etcd.certificate": "etcd.certificate = 1",
    "etcd.key": "etcd.key = 1",
    "discovery": "discovery = 1",
    "discovery.ways": 'discovery.ways = ["telepathy"]',
    "discovery.leases": 'discovery.leases = ["leases"]',
    "web": "web = 8396",
    "web.listen": 'web.listen = ["localhost"]',
    "web.port": "web.port = 0",
    "web.token": 'web.token = "too short"',
    "web.names": 'web.names = ["https://a"]',
    "log": "log = 1",
    "log.format": 'log.format = "xml"',
    "filter": "filter = { action = 'deny' }",
    "filter.action": '[[filter]]\naction = "hide"',
    "filter.kind": '[[filter]]\naction = "deny"\nkind = "host"',
    "filter.types": '[[filter]]\naction = "deny"\ntypes = ["file server"]',
    "filter.name": '[[filter]]\naction = "deny"\nname = "*a*a*a*a*"',
    "filter.networks": '[[filter]]\naction = "deny"\nnetworks = ["0"]',
    "filter.owner": '[[filter]]\naction = "deny"\nowner = "*a*a*a*a*"',
    "grant": "grant = { networks = ['C0FFEE'] }",
    "grant.networks": "[[grant]]\nnetworks = []",
    "grant.owner": '[[grant]]\nnetworks = ["1"]\nowner = "*a*a*a*a*"',
    "grant.source": '[[grant]]\nnetworks = ["1"]\nsource = "192.0.2.1/24"',
    "link": 'link = { kind = "dosbox" }',
    "link.kind": '[[link]]\nkind = "token-ring"',
    "link.name": '[[link]]\nkind = "dosbox"\n[[link]]\nkind = "dosbox"',
    "link.joined": '[[link]]\nkind = "dosbox"\njoined = "yes"',
    "link.network": '[[link]]\nkind = "dosbox"\nnetwork = "C0FFEE"',
    "link.priority": '[[link]]\nkind = "tap"\npriority = 256',
    "link.listen": '[[link]]\nkind = "dosbox"\nlisten = []',
    "link.port": '[[link]]\nkind = "dosbox"\nport = -1',
    "link.clients": '[[link]]\nkind = "dosbox"\nclients = 0',
    "link.admit": '[[link]]\nkind = "dosbox"\nadmit = ["10.0.0.0/40"]',
    "link.packet-rate": '[[link]]\nkind = "dosbox"\npacket-rate = -1',
    "link.per-address": '[[link]]\nkind = "websocket"\nper-address = "few"',
    "link.busy-poll": '[[link]]\nkind = "dosbox"\nbusy-poll = -1',
    "link.frame": '[[link]]\nkind = "tap"\nframe = "802.3"',
    "link.interface": '[[link]]\nkind = "ethernet"\ninterface = "an interface"',
    "link.device": '[[link]]\nkind = "tap"\ndevice = "/dev/tap"',
    "link.netdev": '[[link]]\nkind = "qemu"',
    "link.connect": '[[link]]\nkind = "qemu"\nconnect = 1',
    "link.local": '[[link]]\nkind = "qemu"\nlocal = 1',
    "link.remote": '[[link]]\nkind = "qemu"\nremote = 1',
    "link.group": '[[link]]\nkind = "netswitch"\ngroup = 32',
    "link.interfaces": '[[link]]\nkind = "netswitch"\ninterfaces = ["an interface"]',
    "link.room": '[[link]]\nkind = "websocket"\nroom = "a/b"',
    "link.certificate": '[[link]]\nkind = "websocket"\nkey = "/k"',
    "link.key": '[[link]]\nkind = "websocket"\ncertificate = "/c"',
    "link.origins": '[[link]]\nkind = "websocket"\norigins = ["games.example.org"]',
    "link.idle": '[[link]]\nkind = "websocket"\nidle = 1',
    "link.server": '[[link]]\nkind = "uplink"\nserver = "a b"',
    "link.hosts": '[[link]]\nkind = "uplink"\nserver = "a"\nhosts = 0',
    "link.own-numbers": '[[link]]\nkind = "uplink"\nserver = "a"\nown-numbers = 1',
    "link.known-as": '[[link]]\nkind = "rfc1234"\nnetwork = "1"\npeers = ["a"]\nknown-as = "::1"',
    "link.peers": '[[link]]\nkind = "rfc1234"\nnetwork = "1"\npeers = ["192.0.2.1:213"]',
    "link.peer-list": '[[link]]\nkind = "rfc1234"\nnetwork = "1"\npeer-list = "ftp://a/b"',
    "link.refresh": '[[link]]\nkind = "rfc1234"\nnetwork = "1"\npeers = ["a"]\nrefresh = 1',
}


def all_keys() -> set[str]:
    tables = {
        "domain": DomainSettings,
        "node": NodeSettings,
        "dss": DssSettings,
        "etcd": EtcdSettings,
        "discovery": DiscoverySettings,
        "web": WebSettings,
        "log": LogSettings,
        "filter": FilterSettings,
        "grant": GrantSettings,
    }
    assert {*tables, "link"} == set(Document.__struct_encode_fields__)
    keys = {f"{name}.{key}" for name, table in tables.items() for key in table.__struct_encode_fields__}
    links = {f"link.{key}" for kind in KINDS for key in kind.__struct_encode_fields__}
    return keys | set(tables) | links | {"link", "link.kind"}


def test_every_key_has_its_mend_and_a_bad_value_here() -> None:
    assert set(MENDS) == all_keys() == set(BAD_VALUES)


@pytest.mark.parametrize(("key", "text"), BAD_VALUES.items())
def test_a_bad_value_gives_one_sentence_with_file_key_and_mend(key: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "nwip.toml")
    sentence = str(caught.value)
    assert sentence.startswith(f"nwip.toml: key '{key}' is ")
    assert sentence.endswith(MENDS[key])
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("dss.prot = 1", "nwip.toml: key 'dss.prot' is not known; did you mean 'dss.port'?"),
        ("colour = 1", "nwip.toml: key 'colour' is not known; see 'nwip config example' for all keys"),
        ("[[link]]", f"nwip.toml: key 'link.kind' is missing; {MENDS['link.kind']}"),
        (
            '[[link]]\nkind = "ethernet"',
            f"nwip.toml: key 'link.interface' is missing; {MENDS['link.interface']}",
        ),
        (
            'dss.serve = false\ndiscovery.ways = ["preferred"]',
            "nwip.toml: key 'dss.servers' is []; " + MENDS["dss.servers"],
        ),
    ],
)
def test_what_is_unknown_or_missing_is_named(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "nwip.toml")
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("domain.name", 'domain.name = "a..b"'),
        ("domain.name", f'domain.name = "{"a" * 64}"'),
        ("domain.lease", "domain.lease = inf"),
        ("domain.lease", "domain.lease = nan"),
        ("node.address", 'node.address = "0.0.0.0"'),
        ("node.address", 'node.address = "224.0.0.1"'),
        ("node.seen-at", 'node.seen-at = "0.0.0.0"'),
        ("node.seen-at", 'node.seen-at = "192.0.2.1:0"'),
        ("node.seen-at", 'node.seen-at = "dss.example.org:396"'),
        ("node.state", 'node.state = "a\\u0000b"'),
        ("node.control", 'node.control = "a\\u0000b"'),
        ("node.audit", 'node.audit = "a\\u0000b"'),
        ("dss.serve", 'dss.serve = true\ndss.servers = ["192.0.2.1"]'),
        ("dss.servers", 'dss.servers = ["a b"]'),
        ("dss.servers", 'dss.servers = [":396"]'),
        ("dss.servers", 'dss.servers = ["a..b"]'),
        ("dss.servers", 'dss.servers = ["a\\u0000"]'),
    ],
)
def test_a_value_that_would_fail_later_is_refused_at_once(key: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"^nwip.toml: key '{re.escape(key)}' is ") as caught:
        parse(text, "nwip.toml")
    assert str(caught.value).endswith(MENDS[key])


@pytest.mark.parametrize(
    "octets",
    [
        b"a = ",
        b"\xff\xfe",
        b"#" * ((1 << 20) + 1),
        b"a = " + b"[" * 5000,
        b"dss.port = " + b"9" * 5000,
    ],
)
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, octets: bytes) -> None:
    file = tmp_path / "nwip.toml"
    file.write_bytes(octets)
    with pytest.raises(ConfigError, match=f"^{re.escape(str(file))}: ") as caught:
        load(file)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "none.toml")


def test_files_are_looked_for_in_the_stated_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("NWIP_CONFIG", raising=False)
    usual, named, given = tmp_path / "nwip" / "nwip.toml", tmp_path / "named.toml", tmp_path / "given.toml"
    usual.parent.mkdir()
    for file in (usual, named, given):
        file.write_text(f'[domain]\nname = "{file.stem}"\n')
    candidates = configuration_candidates()
    assert candidates == [Path("/etc/nwip/nwip.toml"), usual]
    monkeypatch.setattr("nwip.config.reading.configuration_candidates", lambda: candidates[1:])
    assert load().file == str(usual)
    monkeypatch.setenv("NWIP_CONFIG", str(named))
    assert load().file == str(named)
    assert load(given).file == str(given)


def test_without_a_file_it_is_a_one_machine_domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("NWIP_CONFIG", raising=False)
    monkeypatch.setattr("nwip.config.reading.configuration_candidates", lambda: [tmp_path / "none"])
    config = load()
    assert config.file is None
    assert config.dss.serves
    assert [link.kind for link in config.links] == ["dosbox"]
    assert config.domain.parameters(bytes(16)) == Parameters(domain="nwip.local")


def test_the_classic_profile_ages_as_novells_did_but_for_what_is_written() -> None:
    parameters = parse('[domain]\nprofile = "classic"\nrenewal = 60', "f").parameters(bytes(16))
    assert (parameters.lease, parameters.renewal, parameters.synchronisation) == (900, 60, 300)


@pytest.mark.parametrize(
    ("text", "ways"),
    [
        ("dss.serve = false", tuple(Way)),
        ('dss.servers = ["192.0.2.1"]', (Way.PREFERRED,)),
        ('domain.name = "a.b"\ndss.servers = ["192.0.2.1"]', tuple(Way)),
        ('dss.serve = false\ndiscovery.ways = ["dns", "dhcp"]', (Way.DNS, Way.DHCP)),
    ],
)
def test_a_node_without_a_dss_goes_all_ways_unless_it_knows_servers_alone(
    text: str, ways: tuple[Way, ...]
) -> None:
    assert parse(text, "f").ways == ways


def test_a_node_that_is_to_join_runs_no_dss() -> None:
    assert parse("", "f").dss.serves
    assert not joining(parse("", "f")).dss.serves


@pytest.mark.parametrize(("text", "key"), [("serve = true", "serve"), ('peers = ["192.0.2.2"]', "peers")])
def test_a_dss_cannot_be_told_to_join(text: str, key: str) -> None:
    with pytest.raises(ConfigError, match=rf"^f: key 'dss\.{key}' is .*; take the key out"):
        joining(parse(f"[dss]\n{text}", "f"))


def test_a_dss_that_names_others_waits_for_their_parameters() -> None:
    assert parse('[dss]\npeers = ["192.0.2.2"]', "f").parameters(bytes(16)).term == 0
    assert parse("", "f").parameters(bytes(16)).term == 1


def test_the_example_is_the_documentation_of_every_key_and_default() -> None:
    text = example()
    parse(text, "example")
    bare = re.compile(r"(?m)^#(?=[a-z-]+ = |\[\[(filter|grant|link)\]\])")
    shown = tomllib.loads(bare.sub("", text))
    assert {link["kind"] for link in shown["link"]} == {kind.kind for kind in KINDS}
    shown["link"] = {key: value for link in shown["link"] for key, value in link.items()}
    shown["filter"] = shown["filter"][0]
    shown["grant"] = shown["grant"][0]
    assert {f"{table}.{key}" for table, keys in shown.items() for key in keys} | set(shown) == all_keys()
    either_or = re.compile(r"(?m)^(servers|password) = .*$")  # not beside other keys of the example
    used = either_or.sub("", bare.sub("", text))
    assert parse(used.replace('store = "sqlite"', 'store = "etcd"'), "example").etcd.is_sealed
    uncommented = parse(used[: used.index("\n[etcd]")] + used[used.index("\n[discovery]") :], "example")
    assert uncommented.dss.store == DssSettings().store
    usual = DomainSettings()
    assert uncommented.domain.ageing == usual.ageing
    assert structs.replace(
        uncommented.domain, lease=None, renewal=None, synchronisation=None
    ) == structs.replace(usual, name=DEFAULT_DOMAIN, sealed=True)
    assert uncommented.discovery.ways == tuple(Way)
    assert uncommented.filters[0].filter() == Filter("deny", "service", (7,), "LAB*", (0xC0FFEE,), "museum")
    (grant,) = uncommented.grants
    assert grant.grant() == Grant((0xC0FFEE, 0xC0FFEF), "museum", "192.0.2.7")
    default = DosboxSettings(name="dosbox", joined=True, port=DosboxSettings.default_port)
    assert uncommented.links[0] == default
    assert (uncommented.dss.addresses, uncommented.dss.admit) == (
        DssSettings().addresses,
        DssSettings().admit,
    )
    assert uncommented.dss.port == DssSettings.default_port


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            (
                '[[link]]\nkind = "tap"\nnetwork = "86"\n'
                '[[link]]\nkind = "qemu"\nlisten = "127.0.0.1:1"\nnetwork = "00000086"'
            ),
            (
                "key 'link.network' is \"00000086\", as of link tap; "
                "two networks cannot have one number: write another for one of them"
            ),
        ),
        (
            (
                '[[link]]\nkind = "ethernet"\ninterface = "eth0"\n'
                '[[link]]\nkind = "ethernet"\nname = "b"\ninterface = "eth0"'
            ),
            (
                "key 'link.frame' is \"auto\", as of link ethernet; "
                "two links on eth0 need two frame types: write another for one of them"
            ),
        ),
    ],
)
def test_what_two_links_may_not_share_names_the_other_one(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text, "nwip.toml")
    assert str(error.value) == f"nwip.toml: {sentence}"
