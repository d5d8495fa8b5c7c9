"""The DNS way: SRV `_nwip-dss._tcp` of the domain, then its NS records, as NetWare/IP had them.

A DSS is named as a name server of the domain's zone but need not be one: the delegation may be lame by
design, and resolvers then say SERVFAIL. The records are in the parent's zone all the same, so they are read
there. Source: SCO's NetWare/IP manual; RFC 2782 for SRV.
"""

from collections.abc import Callable, Iterable
from random import Random
from typing import Final

import dns.asyncresolver
import dns.message
import dns.name
import dns.rdatatype
from dns.rdtypes.ANY.NS import NS
from dns.rdtypes.IN.SRV import SRV

from nwip.directory.records import Endpoint
from nwip.discovery.name_questions import NameQuestions, Unanswered, of_type
from nwip.discovery.preferred import USUAL_PORTS
from nwip.discovery.steps import Hints, Say, Step, Way

SERVICE: Final = "_nwip-dss._tcp"
HOST_LIMIT: Final = 8  # names of one answer that are looked up
SEARCH_LIMIT: Final = 4  # search domains of the machine that are asked

Nearness = Callable[[str], float]


class DnsWay:
    """Finds the DSSs of a domain by DNS; without a domain, by SRV in the machine's own search domains.

    `nearness` sorts addresses, the least first: which of several name servers is asked is not laid down,
    and the near one is meant. `random` weighs SRV records.
    """

    def __init__(
        self, resolver: dns.asyncresolver.Resolver, random: Random, nearness: Nearness = lambda _: 0.0
    ) -> None:
        self._questions = NameQuestions(resolver)
        self._random = random
        self._nearness = nearness
        searched = [*resolver.search, resolver.domain]
        names = [name.to_text(omit_final_dot=True) for name in searched if name != dns.name.root]
        self._search = list(dict.fromkeys(names))[:SEARCH_LIMIT]

    async def __call__(self, hints: Hints, say: Say) -> list[Endpoint]:
        """Return where the domain's DSSs are."""
        if hints.domain:
            return await self._by_srv(hints.domain, say) or await self._by_name_servers(hints.domain, say)
        if not self._search:
            say(
                Step(
                    Way.DNS,
                    "name of the domain",
                    "not known, and this machine has no search domain",
                    helps=False,
                )
            )
        # The name servers of a search domain are no DSSs: they are left in peace.
        return [at for domain in self._search for at in await self._by_srv(domain, say)]

    async def _by_srv(self, domain: str, say: Say) -> list[Endpoint]:
        name = f"{SERVICE}.{domain}"
        try:
            response = await self._questions.ask(name, dns.rdatatype.SRV)
        except Unanswered as why:
            say(Step(Way.DNS, f"SRV {name}", str(why), helps=False))
            return []
        found = [
            (address, record.port)
            for record in self._by_priority(response)[:HOST_LIMIT]
            if record.target != dns.name.root
            for address in await self._questions.addresses(record.target, response)
        ]
        told = _listed(f"{host} port {port}" for host, port in found)
        say(Step(Way.DNS, f"SRV {name}", told, helps=bool(found)))
        return found

    def _by_priority(self, response: dns.message.Message) -> list[SRV]:
        """Return the records in the order of RFC 2782: by priority, within one by chance and weight."""
        drawn = [
            # A record drawn with this key comes first with a probability in proportion to its weight.
            (record.priority, -(self._random.random() ** (1 / max(record.weight, 0.01))), record)
            for rrset in of_type(response.answer, dns.rdatatype.SRV)
            for record in rrset
            if isinstance(record, SRV)
        ]
        return [record for _, _, record in sorted(drawn, key=lambda entry: entry[:2])]

    async def _by_name_servers(self, domain: str, say: Say) -> list[Endpoint]:
        asked = f"NS {domain}"
        try:
            response = await self._questions.ask(domain, dns.rdatatype.NS)
        except Unanswered as why:
            say(Step(Way.DNS, asked, str(why), helps=False))
            delegation = None if why.final else await self._delegation(domain, say)
            if delegation is None:
                return []
            asked, response = f"NS {domain} in the zone above it", delegation
        hosts = _name_servers(response, dns.name.from_text(domain))[:HOST_LIMIT]
        addresses = [address for host in hosts for address in await self._questions.addresses(host, response)]
        told = _listed(host.to_text(omit_final_dot=True) for host in hosts)
        say(Step(Way.DNS, asked, f"{told} at {_listed(addresses)}" if hosts else told, helps=bool(addresses)))
        addresses.sort(key=self._nearness)
        return [(address, port) for port in USUAL_PORTS for address in addresses]

    async def _delegation(self, domain: str, say: Say) -> dns.message.Message | None:
        """Read the delegation of the domain from a server of the zone above; say that it is lame."""
        name = dns.name.from_text(domain)
        for zone, server in await self._servers_above(name):
            referral = await self._questions.ask_directly(name, server)
            if referral is not None and _name_servers(referral, name):
                above = zone.to_text(omit_final_dot=True)
                answer = f"lame: the zone {above} delegates it to servers that do not answer for it"
                say(Step(Way.DNS, f"delegation of {domain}", answer, helps=True))
                return referral
        return None

    async def _servers_above(self, name: dns.name.Name) -> list[tuple[dns.name.Name, str]]:
        """Return the nearest zone above a name that has name servers below the root, with their addresses."""
        zone = name.parent()
        while zone != dns.name.root:
            try:
                response = await self._questions.ask(zone.to_text(), dns.rdatatype.NS)
            except Unanswered:
                return []
            hosts = _name_servers(response, zone)[:HOST_LIMIT]
            if hosts:
                return [
                    (zone, address)
                    for host in hosts
                    for address in await self._questions.addresses(host, response)
                ]
            zone = zone.parent()
        return []


def _name_servers(response: dns.message.Message, name: dns.name.Name) -> list[dns.name.Name]:
    """Return the NS targets of a name: of the answer, or of a referral."""
    return [
        record.target
        for rrset in of_type([*response.answer, *response.authority], dns.rdatatype.NS)
        if rrset.name == name
        for record in rrset
        if isinstance(record, NS)
    ]


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(texts) or "nothing"
