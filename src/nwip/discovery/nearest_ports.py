"""Asks for the nearest DSS and answers who asks: the I/O around `nearest`."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from nwip.dataplane.port import Datagram, Port, open_port
from nwip.directory.parameters import Parameters
from nwip.directory.records import Endpoint, endpoint_text
from nwip.discovery.nearest import Nearest, answer, query, read_answer
from nwip.discovery.preferred import USUAL_PORTS
from nwip.discovery.steps import Hints, Say, Step, Way
from nwip.ipx.numbers import NETWARE_IP_DATA_PORT
from nwip.security.limits import TokenBuckets

WAIT: Final = 1.0  # seconds for the first answer, and for those that come after it
ANSWER_LIMIT: Final = 16
SOURCE_RATE: Final = 5.0  # answers a second to one source
SOURCE_BURST: Final = 10.0


class NearestWay:
    """Asks the servers that DHCP has named, then the subnets of this machine by broadcast.

    `subnets` gives pairs of a local address and its broadcast address; `nonce` 6 random octets a query.
    """

    def __init__(
        self,
        subnets: Callable[[], Iterable[tuple[str, str]]],
        nonce: Callable[[], bytes],
        ports: Sequence[int] = USUAL_PORTS,
        wait: float = WAIT,
    ) -> None:
        self._subnets = subnets
        self._nonce = nonce
        self._ports = ports
        self._wait = wait

    async def __call__(self, hints: Hints, say: Say) -> list[Endpoint]:
        """Return where the nearest DSSs are, in the order of their answers."""
        found: list[Endpoint] = []
        for server in hints.nearest_servers:
            # A NetWare/IP server need not be a DSS: it hears us at its data port.
            found += await self._ask(None, server, hints, say, [*self._ports, NETWARE_IP_DATA_PORT])
        if hints.nsq_broadcast is False:
            say(Step(Way.NEAREST, "the subnet", "not asked: DHCP says that there is no use", helps=False))
            return found
        for address, everyone in self._subnets():
            found += await self._ask(address, everyone, hints, say, self._ports)
        return found

    async def _ask(
        self, source: str | None, to: str, hints: Hints, say: Say, ports: Sequence[int]
    ) -> list[Endpoint]:
        asked = f"nearest-server query to {to}"
        heard: asyncio.Queue[Nearest] = asyncio.Queue(ANSWER_LIMIT)
        nonce = self._nonce()

        def received(batch: Sequence[Datagram]) -> None:
            for data, _ in batch:
                nearest = read_answer(data, nonce)
                if nearest is not None and not heard.full():
                    heard.put_nowait(nearest)

        try:
            port = open_port((source or "0.0.0.0", 0), received, broadcast=source is not None)
        except OSError as error:
            say(Step(Way.NEAREST, asked, f"cannot be asked: {error.strerror}", helps=False))
            return []
        try:
            sent = [port.send(query(nonce), (to, number)) for number in ports]
            if not any(sent):
                say(Step(Way.NEAREST, asked, "cannot be sent", helps=False))
                return []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._wait):
                    first = await heard.get()
                    heard.put_nowait(first)
        finally:
            port.close()
        answers = [heard.get_nowait() for _ in range(heard.qsize())]
        return _chosen(answers, asked, hints, say)


def _chosen(answers: list[Nearest], asked: str, hints: Hints, say: Say) -> list[Endpoint]:
    if not answers:
        say(Step(Way.NEAREST, asked, "nobody answers", helps=False))
    found = []
    for nearest in dict.fromkeys(answers):
        fits = not hints.domain or hints.domain.lower().startswith(nearest.domain.lower())
        text = f"DSS at {endpoint_text(nearest.server)} of the domain {nearest.domain}"
        say(Step(Way.NEAREST, asked, text if fits else f"{text}: another domain", helps=fits))
        if fits:
            found.append(nearest.server)
    return found


class NearestAnswerer:
    """Answers nearest-server queries: at the broadcast addresses of subnets, and what others hand in.

    `server` says which DSS to tell an asker at that address of, None for none; `parameters` are the domain's,
    None while they are not known. `clock` returns seconds.
    """

    def __init__(
        self,
        server: Callable[[str], Endpoint | None],
        parameters: Callable[[], Parameters | None],
        clock: Callable[[], float],
    ) -> None:
        self._server = server
        self._parameters = parameters
        self._clock = clock
        self._budget = TokenBuckets(SOURCE_RATE, SOURCE_BURST)
        self._ports: list[Port] = []

    def listen(self, broadcasts: Iterable[str], ports: Sequence[int]) -> list[Endpoint]:
        """Open what can be had of these broadcast addresses, each on the first of `ports` that can be had."""
        for address in broadcasts:
            for number in ports:
                with contextlib.suppress(OSError):
                    self._open(address, number)
                    break
        return [port.endpoint for port in self._ports]

    def close(self) -> None:
        """Close every port."""
        for port in self._ports:
            port.close()
        self._ports.clear()

    def answer(self, data: bytes, source: Endpoint) -> bytes | None:
        """Return the answer to one datagram, or None."""
        parameters, server = self._parameters(), self._server(source[0])
        if parameters is None or server is None or not self._budget.allow(source[0], self._clock()):
            return None
        return answer(data, server, parameters)

    def _open(self, address: str, number: int) -> None:
        def received(batch: Sequence[Datagram]) -> None:
            for data, source in batch:
                response = self.answer(data, source)
                if response is not None:
                    port.send(response, source)

        port = open_port((address, number), received, shared=True)
        self._ports.append(port)
