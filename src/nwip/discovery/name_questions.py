"""Questions to DNS: what a resolver says, what one server says itself, and the addresses of a host."""

import contextlib
import ipaddress
from collections.abc import Iterable, Iterator
from typing import Final

import dns.asyncquery
import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver
from dns.rrset import RRset

QUESTION_LIMIT: Final = 4.0  # seconds for one name, all its tries together


class Unanswered(Exception):  # noqa: N818 - it is an answer of a kind
    """Why there is no answer, in a few words; `final` when asking elsewhere is of no use."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


def of_type(section: Iterable[RRset], kind: dns.rdatatype.RdataType) -> Iterator[RRset]:
    """Yield those record sets of a section of a response that are of one type."""
    return (rrset for rrset in section if rrset.rdtype == kind)


class NameQuestions:
    """Asks by a resolver; every question is bounded in time."""

    def __init__(self, resolver: dns.asyncresolver.Resolver) -> None:
        self._resolver = resolver

    async def ask_directly(self, name: dns.name.Name, server: str) -> dns.message.Message | None:
        """Return what one server says of a name's NS records by itself (no recursion); None if nothing."""
        question = dns.message.make_query(name, dns.rdatatype.NS, flags=0)
        try:
            response, _ = await dns.asyncquery.udp_with_fallback(
                question, server, timeout=QUESTION_LIMIT, port=self._resolver.port
            )
        except (dns.exception.DNSException, OSError):
            return None
        return response

    async def addresses(self, host: dns.name.Name, response: dns.message.Message) -> list[str]:
        """Return a host's addresses: those that came with the response, else asked for."""
        found = [
            record.to_text()
            for rrset in response.additional
            if rrset.name == host and rrset.rdtype in {dns.rdatatype.A, dns.rdatatype.AAAA}
            for record in rrset
        ]
        for kind in () if found else (dns.rdatatype.A, dns.rdatatype.AAAA):
            with contextlib.suppress(Unanswered):
                answer = await self.ask(host.to_text(), kind)
                found += [record.to_text() for rrset in of_type(answer.answer, kind) for record in rrset]
        return [address for address in found if not ipaddress.ip_address(address).is_unspecified]

    async def ask(self, name: str, kind: dns.rdatatype.RdataType) -> dns.message.Message:
        """Return the response, which may hold no such records. Raises `Unanswered`."""
        try:
            answer = await self._resolver.resolve(
                name if name.endswith(".") else name + ".",
                kind,
                raise_on_no_answer=False,
                lifetime=QUESTION_LIMIT,
                search=False,
            )
        except dns.resolver.NXDOMAIN:
            raise Unanswered("does not exist", final=True) from None
        except dns.resolver.NoNameservers:
            raise Unanswered("no name server can tell (SERVFAIL)") from None
        except dns.resolver.LifetimeTimeout:
            raise Unanswered("no name server answers in time") from None
        except (dns.exception.DNSException, OSError) as error:
            raise Unanswered(f"cannot be asked: {error}") from None
        return answer.response
