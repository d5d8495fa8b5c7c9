"""What a router knows otherwise than from its links: a gateway the directory, others nothing. Pure."""

from collections.abc import Iterable
from typing import Protocol

from nwip.directory.records import Key, Route, Service
from nwip.routing.routes import Reach


class Elsewhere(Protocol):
    """The networks and services that others of the domain offer, as far as they can be reached."""

    def route(self, network: int) -> Reach | None:
        """Return the best way to a network through the domain, as seen from here; its port is None."""
        ...

    def service(self, key: Key) -> Service | None:
        """Return a service as the nearest of the others offers it, its hops as seen from here."""
        ...

    def services(self, service_type: int | None) -> Iterable[Key]:
        """Give out the keys of the services of a type, nearest first, or of all; own ones may be among."""
        ...

    def hides(self, value: Route | Service) -> bool:
        """Say whether the domain's filters keep something of our own links from every answer."""
        ...


class Nowhere:
    """For a router that belongs to no domain."""

    def route(self, network: int) -> Reach | None:  # noqa: ARG002 - the protocol's
        """Return None."""
        return None

    def service(self, key: Key) -> Service | None:  # noqa: ARG002 - the protocol's
        """Return None."""
        return None

    def services(self, service_type: int | None) -> Iterable[Key]:  # noqa: ARG002 - the protocol's
        """Return none."""
        return ()

    def hides(self, value: Route | Service) -> bool:  # noqa: ARG002 - the protocol's
        """Return False."""
        return False
