"""What `nwip init` asks, as values, and the file that they make. Pure but for the example that it quotes."""

from typing import Final, Literal, NamedTuple

from nwip.config.composing import Keys, compose
from nwip.config.link_checks import server
from nwip.discovery.steps import is_domain_name

HERE: Final = "here"
FIND: Final = "find"

Reach = Literal["local", "sealed", "open"]
REACHES: Final[tuple[Reach, ...]] = ("local", "sealed", "open")

ATTACHED: Final = {
    "dosbox": "DOSBox players",
    "ethernet:INTERFACE": "a LAN card",
    "websocket": "players in browsers",
    "netswitch": "86Box",
    "qemu:HOST:PORT": "a QEMU, which connects there",
    "tap:DEVICE": "virtual machines on this machine",
    "uplink:HOST": "somebody else's DOSBox server",
}
_WHERE: Final = {"ethernet": "interface", "qemu": "listen", "tap": "device", "uplink": "server"}
_OWN_NETWORK: Final = frozenset({"ethernet", "qemu", "tap"})


class Choices(NamedTuple):
    """The answers: the domain's name, "" for that of the DSS that is found; where its DSS is, as it is typed.

    `dss` is "here", "find" or HOST[:PORT]; `attach` are kinds of links, each with where it is behind a colon
    if it takes that; `reach` is who may join.
    """

    domain: str = ""
    dss: str = HERE
    attach: tuple[str, ...] = ("dosbox",)
    reach: Reach = "local"

    def file(self) -> str:
        """Return the text of the file."""
        tables: list[tuple[str, Keys]] = []
        domain: dict[str, object] = {"name": self.domain} if self.domain else {}
        if self.reach == "sealed":
            domain["sealed"] = True
        if domain:
            tables.append(("domain", domain))
        tables.append(("dss", self._dss()))
        tables += [("link", _link(each)) for each in self.attach]
        return compose(tables)

    def steps(self, file: str) -> list[str]:
        """Return the commands that come next."""
        nwip = f"nwip --config {file}"
        if self.reach != "sealed":
            first = []
        elif self.dss == HERE:
            first = [f"{nwip} domain create {self.domain}"]
        else:
            first = [f"{nwip} join TOKEN"]
        return [*first, f"{nwip} up", f"{nwip} doctor"]

    def _dss(self) -> dict[str, object]:
        if self.dss == FIND:
            return {"serve": False}
        if self.dss != HERE:
            return {"serve": False, "servers": [self.dss]}
        keys: dict[str, object] = {"serve": True, "listen": ["0.0.0.0"]}
        return keys | {"admit": ["any"]} if self.reach == "open" else keys


def checked_domain(text: str) -> str:
    """Return a domain's name, or "" for none. Raises `ValueError` with a sentence."""
    if text and not is_domain_name(text):
        raise ValueError(f"{text!r} is no name of a domain: write letters, digits, dots and hyphens")
    return text


def checked_dss(text: str) -> str:
    """Return where the DSS is. Raises `ValueError` with a sentence."""
    if text not in {HERE, FIND}:
        try:
            server(text)
        except ValueError:
            raise ValueError(f"{text!r} is neither here, find, nor HOST[:PORT]") from None
    return text


def checked_attachment(text: str) -> str:
    """Return one thing to attach. Raises `ValueError` with a sentence."""
    kind, _, where = text.partition(":")
    known = {form.partition(":")[0]: form for form in ATTACHED}
    if kind not in known or bool(where) != (":" in known[kind]):
        raise ValueError(f"{text!r} is none of {', '.join(ATTACHED)}")
    return text


def _link(text: str) -> Keys:
    kind, _, where = text.partition(":")
    keys: dict[str, object] = {"kind": kind}
    if where:
        keys[_WHERE[kind]] = where
    if kind in _OWN_NETWORK:
        keys["joined"] = kind != "ethernet"
    return keys
