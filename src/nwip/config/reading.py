"""Reads `nwip.toml`: finds it, checks it, and turns whatever is wrong into one sentence (`ConfigError`)."""

import difflib
import ipaddress
import math
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from nwip.config.error import ConfigError
from nwip.config.etcd import etcd_checks
from nwip.config.keys import MENDS, SECRETS
from nwip.config.link_checks import Check, ClashError, admitted, link_checks, never, server
from nwip.config.links import AnyLink, DosboxSettings
from nwip.config.paths import SYSTEM_CONTROL_PATH, configuration_candidates, default_control_path
from nwip.config.settings import Config, Document, WebSettings
from nwip.discovery.preferred import split_server
from nwip.discovery.steps import Way
from nwip.ipx.address import parse_network
from nwip.ipx.numbers import ALL_NETWORKS, DEFAULT_ROUTE, THIS_NETWORK

_LARGEST_FILE: Final = 1 << 20
_PATH: Final = re.compile(r" - at `\$\.?(?P<path>.*)`\Z")
_UNKNOWN: Final = re.compile(r"unknown field `(?P<key>[^`]*)`")
_SOMEBODY: Final = re.compile(r"//[^/@\s]*@")  # who somebody is, in a URL, perhaps with a password
_MISSING: Final = re.compile(r"missing required field `(?P<key>[^`]*)`")


def load(path: Path | None = None) -> Config:
    """Return the configuration: of `path`, else of NWIP_CONFIG, else of the first usual file that exists.

    Without any file it is a one-machine domain: a DSS, a gateway, and a DOSBox link. Raises `ConfigError`.
    """
    named = path or (Path(os.environ["NWIP_CONFIG"]) if os.environ.get("NWIP_CONFIG") else None)
    if named is not None:
        return _read(named)
    for candidate in configuration_candidates():
        if _is_there(candidate):
            return _read(candidate)
    document = Document(link=(DosboxSettings(),))
    return _config(document, None)


def usual_control_path(file: Path | None = None) -> Path:
    """Return the control socket of the node here: the configured one, else that of the system's node.

    Raises `ConfigError` only for a `file` that is named; without one a broken configuration is passed over.
    """
    try:
        path = load(file).node.control_path
    except ConfigError:
        if file is not None:
            raise
        path = default_control_path()
    return path if path.exists() or not SYSTEM_CONTROL_PATH.exists() else SYSTEM_CONTROL_PATH


def parse(text: str, file: str) -> Config:
    """Return the configuration that a TOML text holds; `file` names it in messages. Raises `ConfigError`."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            file, "", f"is not TOML: {error}", "write KEY = VALUE, with text in quotes"
        ) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, thousands of brackets
        raise ConfigError(file, "", "holds a value beyond all bounds", "see 'nwip config example'") from None
    try:
        document = msgspec.convert(data, Document)
    except msgspec.ValidationError as error:
        raise _explained(str(error), data, file) from None
    config = _config(document, file)
    _judge(_checks(config), file)
    return config


def one_link(data: dict[str, object], beside: Sequence[AnyLink]) -> AnyLink:
    """Return the settings of one more link, held against those that there are. Raises `ConfigError`."""
    try:
        document = msgspec.convert({"link": [data]}, Document)
    except msgspec.ValidationError as error:
        raise _explained(str(error), {"link": [data]}, None) from None
    (found,) = document.link
    _judge(link_checks([*beside, found]), None)
    return found


def check_web(settings: WebSettings, file: str | None) -> None:
    """Hold settings of the page against what `[web]` takes. Raises `ConfigError`."""
    try:
        msgspec.convert({"web": msgspec.to_builtins(settings)}, Document)
    except msgspec.ValidationError as error:
        raise _explained(str(error), {"web": msgspec.to_builtins(settings)}, file) from None
    for key, value, check in _web_checks(settings):
        try:
            check(value)
        except ValueError:
            raise ConfigError(file, key, f"is {_shown(value)}", MENDS[key]) from None


def joining(config: Config) -> Config:
    """Return the configuration of the same node without a DSS of its own. Raises `ConfigError`."""
    if config.dss.peers or config.dss.serve:
        key, value = ("dss.peers", config.dss.peers) if config.dss.peers else ("dss.serve", True)
        problem = f"is {_shown(value)}, but a node that joins runs no DSS"
        raise ConfigError(config.file, key, problem, "take the key out, or leave --join away")
    return replace(config, dss=replace(config.dss, serve=False))


def portable(config: Config) -> Config:
    """Return the configuration of the same node with portable ports."""
    return replace(config, node=replace(config.node, portable=True))


def example() -> str:
    """Return the commented example file, which is the configuration's documentation."""
    return Path(__file__).with_name("example.toml").read_text("utf-8")


def _judge(checks: Iterable[Check], file: str | None) -> None:
    for key, value, check in checks:
        try:
            check(value)
        except ClashError as error:
            raise ConfigError(file, error.key or key, error.problem, error.mend) from None
        except ValueError:
            raise ConfigError(file, key, f"is {_shown(value)}", MENDS[key]) from None


def _is_there(path: Path) -> bool:
    """Say whether there is a file, or something that keeps us from seeing whether there is."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _read(path: Path) -> Config:
    try:
        with path.open("rb") as file:
            octets = file.read(_LARGEST_FILE + 1)
        text = octets.decode("utf-8")
    except OSError as error:
        raise ConfigError(
            str(path), "", f"cannot be read: {error.strerror}", "name a file that can be"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(str(path), "", "is not UTF-8 text", "save it as UTF-8") from None
    if len(octets) > _LARGEST_FILE:
        raise ConfigError(str(path), "", "is larger than 1 MiB", "name a configuration file")
    return parse(text, str(path))


def _config(document: Document, file: str | None) -> Config:
    return Config(
        domain=document.domain,
        node=document.node,
        dss=document.dss,
        etcd=document.etcd,
        discovery=document.discovery,
        web=document.web,
        log=document.log,
        filters=document.filter,
        grants=document.grant,
        links=document.link,
        file=file,
    )


def _explained(message: str, data: dict[str, object], file: str | None) -> ConfigError:
    """Turn a complaint of msgspec into ours."""
    match = _PATH.search(message)
    path = match["path"] if match else ""
    table = re.sub(r"\[(\d+|\.\.\.)\]", "", path)
    unknown = _UNKNOWN.search(message)
    if unknown:
        return _unknown_key(f"{table}.{unknown['key']}".lstrip("."), file)
    missing = _MISSING.search(message)
    if missing:
        key = f"{table}.{missing['key']}"
        return ConfigError(file, key, "is missing", MENDS[key])
    shown = "not fit, and secret" if table in SECRETS else _shown(_value_at(data, path))
    return ConfigError(file, table, f"is {shown}", MENDS.get(table, "see 'nwip config example'"))


def _unknown_key(key: str, file: str | None) -> ConfigError:
    near = difflib.get_close_matches(key, MENDS, n=1)
    mend = f"did you mean '{near[0]}'?" if near else "see 'nwip config example' for all keys"
    return ConfigError(file, key, "is not known", mend)


def _value_at(data: object, path: str) -> object:
    for part in re.findall(r"[^.\[\]]+", path):
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and part.isdecimal() and int(part) < len(data):
            data = data[int(part)]
    return data


def _shown(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    text = _SOMEBODY.sub("//...@", msgspec.json.encode(value, enc_hook=str).decode())
    return text if len(text) <= 60 else text[:57] + "..."


def _checks(config: Config) -> Iterator[Check]:
    """Yield what types cannot say: key, value, and a test that raises `ValueError`."""
    yield "domain.network", config.domain.network, _network
    yield from _domain_and_dss_checks(config)
    if not config.node.name.isprintable():
        yield "node.name", config.node.name, never
    if config.node.address is not None:
        yield "node.address", config.node.address, _ip_of_a_host
    if config.node.seen_at is not None:
        yield "node.seen-at", config.node.seen_at, _outer_address
    yield from (
        (f"node.{key}", path, _path)
        for key, path in (
            ("state", config.node.state),
            ("control", config.node.control),
            ("audit", None if config.node.audit == "log" else config.node.audit),
        )
        if path is not None
    )
    yield from _web_checks(config.web)
    yield from link_checks(config.links)


def _web_checks(settings: WebSettings) -> Iterator[Check]:
    yield from (("web.listen", address, _ip) for address in settings.listen)
    yield from (("web.names", name, _host_name) for name in settings.names)


def _domain_and_dss_checks(config: Config) -> Iterator[Check]:
    ageing = config.domain.ageing
    if ageing.lease <= 2 * ageing.renewal:
        yield "domain.renewal", ageing.renewal, never
    if ageing.synchronisation > ageing.lease:
        yield "domain.synchronisation", ageing.synchronisation, never
    yield from (("dss.listen", address, _ip) for address in config.dss.addresses)
    yield from (("dss.servers", name, server) for name in config.dss.servers)
    if not config.dss.serves and not config.dss.servers and set(config.ways) == {Way.PREFERRED}:
        yield "dss.servers", config.dss.servers, never
    yield from (("discovery.leases", pattern, _absolute) for pattern in config.discovery.leases)
    yield from (("dss.peers", peer, server) for peer in config.dss.peers)
    if config.dss.peers and not config.dss.serves:
        yield "dss.peers", config.dss.peers, never
    if config.dss.serves and config.dss.servers:
        yield "dss.serve", config.dss.serve, never
    yield "dss.admit", config.dss.admit, admitted
    yield from etcd_checks(config.dss.store, config.etcd)
    yield from (("grant.source", grant.source, _ip_network) for grant in config.grants if grant.source)


def _network(value: object) -> None:
    if parse_network(str(value)) in (THIS_NETWORK, ALL_NETWORKS, DEFAULT_ROUTE):
        raise ValueError(value)


def _path(value: object) -> None:
    try:
        Path(str(value)).expanduser()
    except RuntimeError:  # ~NAME of a user who is not known
        raise ValueError(value) from None


def _absolute(value: object) -> None:
    if not Path(str(value)).is_absolute():
        raise ValueError(value)


def _ip(value: object) -> None:
    ipaddress.ip_address(str(value))


def _host_name(value: object) -> None:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}", str(value)):
        raise ValueError(value)


def _ip_network(value: object) -> None:
    ipaddress.ip_network(str(value))


def _outer_address(value: object) -> None:
    host, _ = split_server(str(value), ())
    _ip_of_a_host(host)


def _ip_of_a_host(value: object) -> None:
    address = ipaddress.ip_address(str(value))
    if address.is_unspecified or address.is_multicast:
        raise ValueError(value)
