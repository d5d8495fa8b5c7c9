"""Changes of a domain's parameters, as an operator writes them: `lease=30`, `profile=classic`. Pure."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec
from msgspec.structs import fields, replace

from nwip.config.keys import MENDS
from nwip.config.policy import profile
from nwip.directory.filters import Filter
from nwip.directory.grants import Grant
from nwip.directory.parameters import Parameters
from nwip.dss_rows import OWN_KEYS, Row, plain
from nwip.ipx.address import parse_network

SETTABLE: Final = tuple(
    field.name.replace("_", "-")
    for field in fields(Parameters)
    if field.name not in {*OWN_KEYS, "filters", "grants"}
)
NEEDS_RESTART: Final = ("network", "data-port", "node-prefix", "broadcasts")
"""What a node takes only when it starts: its sockets or its hosts are bound to it."""

Finite = Annotated[float, msgspec.Meta(ge=0.0, le=1e9)]


class ChangeError(ValueError):
    """A change cannot be made; the message is one sentence with the mend."""


def changed(
    parameters: Parameters,
    values: Mapping[str, str],
    filters: Sequence[Filter] | None = None,
    grants: Sequence[Grant] | None = None,
) -> Parameters:
    """Return the parameters with these values, and filters and grants unless None; the rank stays.

    Raises `ChangeError`.
    """
    built = msgspec.to_builtins(parameters, builtin_types=(bytes,))
    places = {field.name.replace("_", "-"): place for place, field in enumerate(fields(Parameters))}
    for key, text in _single(values).items():
        built[places[key]] = _value(key, text)
        try:
            parameters = msgspec.convert(built, Parameters, strict=False, builtin_types=(bytes,))
        except ValueError:
            raise ChangeError(_sentence(key, text)) from None
    if filters is not None:
        parameters = replace(parameters, filters=tuple(filters))
    if grants is not None:
        parameters = replace(parameters, grants=tuple(grants))
    if parameters.lease <= 2 * parameters.renewal:
        raise ChangeError(
            f"lease is {parameters.lease:g} and renewal {parameters.renewal:g}:"
            " set both so that the lease is more than twice the renewal"
        )
    if parameters.synchronisation > parameters.lease:
        raise ChangeError(
            f"synchronisation is {parameters.synchronisation:g} and lease {parameters.lease:g}:"
            " set synchronisation to the lease at most"
        )
    return parameters


def differences(before: Parameters, after: Parameters) -> list[Row]:
    """Return a row for each key in which the two differ, but for the rank."""
    return [
        {
            "key": field.name.replace("_", "-"),
            "before": plain(field.name, getattr(before, field.name)),
            "after": plain(field.name, getattr(after, field.name)),
        }
        for field in fields(Parameters)
        if field.name not in ("term", "version", "identity")
        and getattr(before, field.name) != getattr(after, field.name)
    ]


def _single(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values with a profile written out; what is named besides it stands."""
    found = dict(values)
    if "profile" in found:
        name = found.pop("profile")
        if name not in ("default", "classic"):
            raise ChangeError(_sentence("profile", name))
        found = {key: f"{value:g}" for key, value in profile(name)._asdict().items()} | found
    for key in found:
        if key in ("filters", "grants"):
            raise ChangeError(
                f"{key} are not set by a value: name a file of [[{key[:-1]}]] tables with --{key}"
            )
        if key in OWN_KEYS:
            raise ChangeError(f"{key} cannot be set: it is the domain's name or its rank")
        if key not in SETTABLE:
            raise ChangeError(f"{key!r} is no parameter; there are: profile, {', '.join(SETTABLE)}")
    return found


def _value(key: str, text: str) -> object:
    """Return a value as the parameters hold it; what else there may be wrong with it shows later."""
    try:
        if key == "network":
            return parse_network(text)
        if key == "node-prefix":
            return bytes.fromhex(text)
        if key in ("lease", "renewal", "synchronisation"):
            return msgspec.convert(float(text), Finite)
    except ValueError:
        raise ChangeError(_sentence(key, text)) from None
    return text


def _sentence(key: str, text: str) -> str:
    mend = MENDS.get(f"domain.{key}", "write ticks from 1 to 65535")
    return f"{key} cannot be {text[:64]!r}: {mend.replace(' in quotes', '')}"
