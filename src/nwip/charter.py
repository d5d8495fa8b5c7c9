"""By what a node knows that its domain is sealed: the file `membership` of its state directory, its charter.

`nwip domain create` and `nwip join` write it, last of all, and `nwip up` goes by it: no configuration has to
be edited, and none can make a member of a sealed domain run open by mistake. Where the state directory itself
may be mistaken, `[domain] sealed = true` insists.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from nwip.config import Config, ConfigError
from nwip.directory.records import Endpoint, endpoint_text
from nwip.state import State

CHARTER: Final = "membership"


class Charter(Struct, frozen=True, kw_only=True):
    """The domain of which a state directory holds a membership, and as what.

    `authority` is the public key of the domain's authority in hexadecimal. `servers` and `peers` are where
    DSSs take sessions of nodes and of DSSs; none on the DSS that made the domain.
    """

    version: Literal[1] = 1
    domain: Annotated[str, Meta(min_length=1, max_length=255)]
    authority: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    role: Literal["node", "dss"]
    servers: list[Endpoint] = []
    peers: list[Endpoint] = []

    @property
    def authority_key(self) -> bytes:
        """The public key of the authority, 32 octets."""
        return bytes.fromhex(self.authority)

    def text(self) -> str:
        """Return the file's text."""
        return msgspec.json.encode(self).decode("ascii") + "\n"


def read_charter(state: State, file: str | None = None) -> Charter | None:
    """Return the charter of a state directory, None when it is of no sealed domain.

    Raises `ConfigError`, which names the configuration `file`, when that cannot be told: a member of a sealed
    domain must not take itself for one of an open domain.
    """
    where = state.directory / CHARTER
    try:
        text = state.read(CHARTER)
    except NotADirectoryError:
        return None
    except OSError as error:
        problem = f"means {state.directory}, whose file {CHARTER} cannot be read: {error.strerror}"
        raise ConfigError(file, "node.state", problem, "run nwip as the user who may read it") from None
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Charter)
    except (ValueError, RecursionError):
        problem = f"means {state.directory}, whose file {CHARTER} is damaged"
        mend = f"restore {where} from a copy, or join again with a new invitation: nwip join --anew TOKEN"
        raise ConfigError(file, "node.state", problem, mend) from None


def chartered(config: Config, state: State) -> tuple[Config, Charter | None]:
    """Return the configuration as the charter of the state directory completes it, and the charter.

    The domain, and for a node the servers, need not be written; a DSS of a sealed domain listens at all
    addresses unless others are written, since it proves whom it talks to. Raises `ConfigError` where the two
    contradict each other.
    """
    charter = read_charter(state, config.file)
    if charter is None:
        if config.domain.sealed:
            problem = f"is true, but {state.directory} holds no membership of a sealed domain"
            mend = "run 'nwip join TOKEN' or 'nwip domain create NAME' as this user, or mend node.state"
            raise ConfigError(config.file, "domain.sealed", problem, mend)
        if config.node.seen_at is not None:
            problem = f"counts for members of a sealed domain only, and {state.directory} holds no membership"
            mend = "leave it out: others must reach a node of an open domain at its own address"
            raise ConfigError(config.file, "node.seen-at", problem, mend)
        return config, None
    check(config, charter, state)
    dss = config.dss
    if charter.role == "node" or dss.serve is False or dss.servers:
        dss = replace(dss, serve=False, servers=dss.servers or _texts(charter.servers))
    else:
        dss = replace(
            dss, serve=True, peers=dss.peers or _texts(charter.peers), listen=dss.listen or ("0.0.0.0",)
        )
    return replace(config, domain=replace(config.domain, name=charter.domain), dss=dss), charter


def check(config: Config, charter: Charter, state: State) -> None:
    """Raise `ConfigError` where a configuration contradicts a charter."""
    member = f"{state.directory} holds a membership of the sealed domain {charter.domain}"
    aside = "give this node another directory with node.state"
    if config.domain.sealed is False:
        problem, mend = f"is false, but {member}", f"take the key out, or {aside}"
        raise ConfigError(config.file, "domain.sealed", problem, mend)
    if config.domain.name not in (None, charter.domain):
        problem, mend = f'is "{config.domain.name}", but {member}', f"take the key out, or {aside}"
        raise ConfigError(config.file, "domain.name", problem, mend)
    if config.dss.serve and charter.role == "node":
        problem = f"is true, but {member} as a node, not as a DSS"
        mend = "take the key out, or join in an empty directory by 'nwip domain invite --role dss'"
        raise ConfigError(config.file, "dss.serve", problem, mend)


def _texts(endpoints: list[Endpoint]) -> tuple[str, ...]:
    return tuple(map(endpoint_text, endpoints))
