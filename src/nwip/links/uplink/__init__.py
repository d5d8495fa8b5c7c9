"""The uplink: a client of somebody else's DOSBox-protocol server, which joins its players to ours."""

from nwip.links.uplink.link import UplinkLink
from nwip.links.uplink.registration import RegistrationView

__all__ = ["RegistrationView", "UplinkLink"]
