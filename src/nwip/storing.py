"""Opens the store that a configuration asks for, and says in one sentence why it cannot be had.

etcd and what it takes are imported by a node that keeps its directory there, and by no other.
"""

import stat
from collections.abc import Iterator
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn
from urllib.parse import urlsplit

from nwip.config import Config, ConfigError
from nwip.dss.store.base import Store
from nwip.dss.store.memory import MemoryStore
from nwip.dss.store.sqlite import SqliteStore

if TYPE_CHECKING:
    import ssl

    from nwip.dss.store.etcd_gateway import Access

LONGEST_PASSWORD: Final = 1024  # octets of the file that holds one


class Exposure(NamedTuple):
    """A secret that others may come to know: a sentence without its end, and what mends it."""

    says: str
    mend: str


def open_store(config: Config, identity: bytes) -> Store:
    """Return the store for the DSS of this identity; nothing is sent yet. Raises `ConfigError`."""
    match config.dss.store:
        case "memory":
            return MemoryStore()
        case "sqlite":
            return SqliteStore(config.node.state_directory / "directory.db")
    if find_spec("aiohttp") is None:
        problem = 'is "etcd", which takes aiohttp, and that is not installed'
        _refuse(config, "dss.store", problem, "pip install 'nwip[etcd]'")
    from nwip.dss.store.etcd import EtcdStore  # noqa: PLC0415 - few nodes have a cluster

    return EtcdStore(access(config), config.domain.known_as, identity)


def access(config: Config) -> "Access":
    """Return how to reach the cluster; its files have been read once. Raises `ConfigError`."""
    from nwip.dss.store.etcd_gateway import Access  # noqa: PLC0415 - few nodes have a cluster

    settings = config.etcd
    if settings.is_sealed:
        tls_context(config)
    return Access(
        endpoints=tuple(endpoint.rstrip("/") for endpoint in settings.endpoints),
        user=settings.user or "",
        password=_password(config),
        ca=_path(settings.ca),
        certificate=_path(settings.certificate),
        key=_path(settings.key),
    )


def tls_context(config: Config) -> "ssl.SSLContext":
    """Return what a client of the cluster takes for TLS. Raises `ConfigError` for a file of no use."""
    import ssl  # noqa: PLC0415 - few nodes have a cluster

    settings = config.etcd
    for key, name in (("ca", settings.ca), ("certificate", settings.certificate), ("key", settings.key)):
        if name is not None:
            _read(config, f"etcd.{key}", name)
    try:
        context = ssl.create_default_context(cafile=_path(settings.ca))
    except ssl.SSLError:
        mend = "write that of a file with certificates in PEM"
        _refuse(config, "etcd.ca", f"means {settings.ca}, which holds no certificate", mend)
    if settings.certificate is not None and settings.key is not None:
        try:
            chain = Path(settings.certificate).expanduser(), Path(settings.key).expanduser()
            context.load_cert_chain(*chain, password=_no_passphrase)
        except (ssl.SSLError, ValueError):
            problem = f"means {settings.key}, which is no key of {settings.certificate}, or has a passphrase"
            _refuse(config, "etcd.key", problem, "write those of a certificate and its key in PEM")
    return context


def exposures(config: Config) -> Iterator[Exposure]:
    """Yield each secret of the cluster that others may come to know."""
    settings = config.etcd
    for what, name in (
        ("the password of etcd", settings.password_file),
        ("the password of etcd", config.file if settings.password is not None else None),
        ("the key of etcd.certificate", settings.key),
    ):
        if name is not None and _is_open(name):
            says = f"{name} holds {what}, and every user of this machine may read it"
            yield Exposure(says, f"chmod o-rwx {name}")
    if settings.user is None or settings.is_sealed:
        return
    far = [endpoint for endpoint in settings.endpoints if not _is_here(endpoint)]
    if far:
        says = f"the password of etcd goes to {far[0]} unsealed"
        yield Exposure(says, "give the cluster TLS, and write its endpoints with https")


def _password(config: Config) -> str:
    settings = config.etcd
    if settings.password_file is None:
        return settings.password or ""
    octets = _read(config, "etcd.password-file", settings.password_file)
    try:
        text = octets.decode("utf-8").strip()
    except UnicodeDecodeError:
        text = ""
    if not text or len(octets) > LONGEST_PASSWORD or not text.isprintable():
        problem = f"means {settings.password_file}, which does not hold one line with a password"
        _refuse(config, "etcd.password-file", problem, "write the password into it, and nothing else")
    return text


def _read(config: Config, key: str, name: str) -> bytes:
    try:
        with Path(name).expanduser().open("rb") as file:
            return file.read(LONGEST_PASSWORD + 1)
    except OSError as error:
        problem = f"means {name}: {error.strerror or error}"
        _refuse(config, key, problem, "write the path of a file that this user may read")


def _refuse(config: Config, key: str, problem: str, mend: str) -> NoReturn:
    raise ConfigError(config.file, key, problem, mend) from None


def _no_passphrase() -> str:
    """Stand in for OpenSSL's own question at the terminal."""
    return ""


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name).expanduser()


def _is_open(name: str) -> bool:
    try:
        return bool(stat.S_IMODE(Path(name).expanduser().stat().st_mode) & 0o007)
    except OSError:
        return False


def _is_here(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
