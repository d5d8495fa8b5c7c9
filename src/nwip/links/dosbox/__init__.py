"""The DOSBox link: a server of the protocol that DOSBox tunnels IPX by, and a client of it."""

from nwip.links.dosbox.clients import ClientView
from nwip.links.dosbox.link import DosboxLink
from nwip.links.dosbox.player import DosboxPlayer

__all__ = ["ClientView", "DosboxLink", "DosboxPlayer"]
