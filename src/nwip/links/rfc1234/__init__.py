"""The RFC 1234 tunnel: IPX in UDP between peers on a list; IP is one IPX network to them."""

from nwip.links.rfc1234.link import Rfc1234Link

__all__ = ["Rfc1234Link"]
