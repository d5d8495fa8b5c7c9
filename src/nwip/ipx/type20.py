"""Type 20: broadcasts that routers pass on, with the list of the networks they have crossed.

    offset  octets  field
         0      32  eight networks of 4; the first n are used, n being the header's transport control
        32          what is broadcast, as a rule NetBIOS

Source: Microsoft Q149270. What a router does with them is not here.
"""

from typing import Final, NamedTuple

from nwip.wire import Reader, WireError, Writer

MAXIMUM_NETWORKS: Final = 8
NETWORK_SIZE: Final = 4
LIST_SIZE: Final = MAXIMUM_NETWORKS * NETWORK_SIZE


class PropagatedPayload(NamedTuple):
    """The payload of a type 20 packet.

    `networks` are those crossed so far, the sender's first; `unused` is what stands in the other slots of
    the list (senders do not always clear them); `data` is what is broadcast.
    """

    networks: tuple[int, ...]
    unused: bytes
    data: bytes

    @classmethod
    def of(cls, data: bytes, networks: tuple[int, ...] = ()) -> "PropagatedPayload":
        """Make a payload whose unused slots are zero. Raises `WireError` for more than eight networks."""
        if len(networks) > MAXIMUM_NETWORKS:
            raise WireError(f"{len(networks)} networks do not fit a list of {MAXIMUM_NETWORKS}")
        return cls(networks, bytes((MAXIMUM_NETWORKS - len(networks)) * NETWORK_SIZE), data)

    @classmethod
    def decode(cls, payload: bytes | bytearray | memoryview, transport_control: int) -> "PropagatedPayload":
        """Read the payload of a packet with this transport control.

        Raises `WireError` when the list is cut short, or has no room for as many networks as were crossed.
        """
        if not 0 <= transport_control <= MAXIMUM_NETWORKS:
            raise WireError(
                f"transport control {transport_control} of a type 20 packet is beyond its list of 8"
            )
        reader = Reader(payload)
        with reader.restrict_to(LIST_SIZE):
            networks = tuple(reader.u32() for _ in range(transport_control))
            unused = reader.rest()
        return cls(networks, unused, reader.rest())

    @property
    def transport_control(self) -> int:
        """What the header's transport control must be: the number of networks crossed."""
        return len(self.networks)

    def encode(self) -> bytes:
        """Write the payload. Raises `WireError` when networks and unused octets are not 32 in all."""
        writer = Writer()
        for network in self.networks:
            writer.u32(network)
        writer.octets(self.unused, LIST_SIZE - NETWORK_SIZE * len(self.networks))
        return writer.octets(self.data).getvalue()
