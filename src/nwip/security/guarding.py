"""UDP ports that hear nothing from banned addresses."""

from collections.abc import Sequence

from nwip.dataplane.flows import Books
from nwip.dataplane.port import Datagram, Opener, Port, Received
from nwip.directory.records import Endpoint
from nwip.security.bans import Bans


def guarded(opener: Opener, bans: Bans) -> Opener:
    """Return what opens ports as `opener` does; datagrams from banned addresses are dropped there.

    What a port has learned to pass on by itself it passes on until it is made to forget: see
    `NodeGateway.bans_changed`.
    """

    def opened(
        at: Endpoint,
        received: Received,
        *,
        broadcast: bool = False,
        shared: bool = False,
        books: Books | None = None,
    ) -> Port:
        def heard(batch: Sequence[Datagram]) -> None:
            if bans:
                batch = [datagram for datagram in batch if not bans.keeps_out_address(datagram[1][0])]
            if batch:
                received(batch)

        return opener(at, heard, broadcast=broadcast, shared=shared, books=books)

    return opened
