"""`[etcd]`: the cluster that keeps the directory with `dss.store = "etcd"`, and what types cannot say."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, NoReturn
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from nwip.config.keys import MENDS
from nwip.config.link_checks import Check, ClashError
from nwip.config.links import Text

SCHEMES: Final = frozenset({"http", "https"})


class EtcdSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """`[etcd]`: where the cluster is, and who this DSS is there. As text it does not show the password."""

    endpoints: Annotated[tuple[Text, ...], Meta(max_length=16)] = ()
    user: Text | None = None
    password: Text | None = None
    password_file: Text | None = None
    ca: Text | None = None
    certificate: Text | None = None
    key: Text | None = None

    def __repr__(self) -> str:
        return f"EtcdSettings(endpoints={self.endpoints!r}, user={self.user!r})"

    @property
    def is_sealed(self) -> bool:
        """Whether what is said to the cluster goes through TLS."""
        return any(urlsplit(endpoint).scheme == "https" for endpoint in self.endpoints)


def etcd_checks(store: str, settings: EtcdSettings) -> Iterator[Check]:
    """Yield what is to be tested of the table, beside `dss.store`."""
    yield from (("etcd.endpoints", endpoint, _endpoint) for endpoint in settings.endpoints)
    written: Mapping[str, object] = {
        name: value
        for name, value in msgspec.to_builtins(settings).items()
        if value is not None and value != ()
    }
    yield "dss.store", store, lambda _: _together(store, settings, written)


def _together(store: str, settings: EtcdSettings, written: Mapping[str, object]) -> None:
    if store != "etcd":
        if written:
            _clash("dss.store", f'is "{store}", and there is a table [etcd]', 'write "etcd", or take it out')
        return
    if not settings.endpoints:
        _clash("etcd.endpoints", 'is missing, and dss.store is "etcd"')
    if len({urlsplit(endpoint).scheme for endpoint in settings.endpoints}) > 1:
        mend = "write all of them with one: what goes through http can be read on its way"
        _clash("etcd.endpoints", "has URLs with http and with https", mend)
    if {"password", "password-file"} <= set(written):
        _clash("etcd.password", "stands beside etcd.password-file", "take one of them out")
    has_password = bool(written.keys() & {"password", "password-file"})
    if has_password is not ("user" in written):
        missing = "etcd.password-file" if "user" in written else "etcd.user"
        _clash(missing, "is missing, and one of user and password is written")
    if ("certificate" in written) is not ("key" in written):
        missing, other = ("key", "certificate") if "certificate" in written else ("certificate", "key")
        _clash(f"etcd.{missing}", f"is missing beside etcd.{other}")
    for name in ("ca", "certificate"):
        if name in written and not settings.is_sealed:
            mend = "write them with https, or take it out"
            _clash(f"etcd.{name}", "stands beside endpoints with http", mend)


def _clash(key: str, problem: str, mend: str = "") -> NoReturn:
    raise ClashError(problem, mend or MENDS[key], key)


def _endpoint(value: object) -> None:
    parts = urlsplit(str(value))
    further = parts.path.strip("/") or parts.query or parts.fragment
    if parts.username is not None or parts.password is not None:
        mend = "write the user as etcd.user, and the password into a file that etcd.password-file names"
        raise ClashError("has a user in a URL", mend)
    if parts.scheme not in SCHEMES or not parts.hostname or parts.port is None or further:
        raise ValueError(value)
