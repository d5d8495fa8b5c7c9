"""A name server on loopback that says what a test tells it to."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import dns.asyncresolver
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

Answer = Callable[[dns.message.Message], dns.message.Message | None]


@contextlib.contextmanager
def name_server(answer: Answer) -> Iterator[dns.asyncresolver.Resolver]:
    """Run it while the body runs; gives a resolver that asks it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                try:
                    data, source = sock.recvfrom(4096)
                except OSError:
                    return
                if data == b"end":
                    return
                response = answer(dns.message.from_wire(data))
                if response is not None:
                    sock.sendto(response.to_wire(), source)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            resolver = dns.asyncresolver.Resolver(configure=False)
            resolver.nameservers, resolver.port = ["127.0.0.1"], sock.getsockname()[1]
            resolver.search, resolver.domain = [], dns.name.root
            yield resolver
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"end", sock.getsockname())
            thread.join()


def zone(*lines: str, lame: str = "", referral: bool = False) -> Answer:
    """Answer from records in the form `NAME TYPE VALUE`; what is below `lame` cannot be told with recursion.

    Asked without recursion, or with `referral`, it answers what it delegates in the authority section.
    """
    records = [line.split(None, 2) for line in lines]

    def answer(question: dns.message.Message) -> dns.message.Message:
        (asked,) = question.question
        name, kind = asked.name.to_text(omit_final_dot=True), asked.rdtype.name
        recursive = bool(question.flags & dns.flags.RD)
        response = dns.message.make_response(question, recursion_available=True)
        found = [
            dns.rrset.from_text(f"{owner}.", 60, "IN", type_, value)
            for owner, type_, value in records
            if (owner, type_) == (name, kind)
        ]
        names = {owner for owner, _, _ in records}
        if lame and recursive and (name == lame or name.endswith(f".{lame}")):
            response.set_rcode(dns.rcode.SERVFAIL)
        elif found and (not recursive or referral) and kind == "NS":
            response.authority += found
            response.additional += [
                dns.rrset.from_text(f"{owner}.", 60, "IN", type_, value)
                for owner, type_, value in records
                if type_ in {"A", "AAAA"}
            ]
        elif found:
            response.answer += found
        elif name not in names:
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response

    return answer
