"""Sealed domains: what strangers, guests and members send before and behind their handshakes.

Keys are the same for every input, and what needs a handshake shares one: so an input costs no key exchange.
"""

import random
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Final

from nwip.security import invitations, statements
from nwip.security.domain_secrets import DomainSecrets
from nwip.security.invitations import Invitation
from nwip.security.keys import KEY_SIZE, KeyPair
from nwip.security.membership import Membership
from nwip.security.roster import Roster
from nwip.security.sealed import contents, framing
from nwip.security.sealed.asking import Asker
from nwip.security.sealed.engine import SealedPackets
from nwip.security.sealed.questions import SealedQuestions
from nwip.security.sealed.tunnels import Tunnels
from nwip.security.stream import CallingStream, Choice, Hint, SealedStream, ServingStream, of_member
from nwip.wire import WireError
from targets.steps import promise, steps

DOMAIN: Final = "fuzz.test"
PSK: Final = b"p" * 32
AUTHORITY: Final = statements.Authority.from_octets(b"A" * KEY_SIZE)
OURS: Final = KeyPair.from_octets(b"O" * KEY_SIZE)
THEIRS: Final = KeyPair.from_octets(b"T" * KEY_SIZE)
HERE: Final = ("192.0.2.1", 43981)
THERE: Final = ("198.51.100.1", 43981)


def statement(data: bytes) -> None:
    """Octets that the authority has signed, or else the same unsigned."""
    signed = data + AUTHORITY._private.sign(statements._signed_text(data, DOMAIN))  # noqa: SLF001 - any octets
    for said in (signed, data):
        try:
            read = statements.read_statement(said, AUTHORITY.public, DOMAIN)
        except WireError:
            continue
        again = statements.read_statement(AUTHORITY.sign(read, DOMAIN), AUTHORITY.public, DOMAIN)
        promise(again == read, f"{read} is read differently when it was signed again")


def invitation(data: bytes) -> None:
    """A line that was pasted; and one with the right check over any octets."""
    whole = data + invitations._check(data)  # noqa: SLF001 - any octets
    made = invitations.SCHEME + urlsafe_b64encode(whole).decode("ascii").rstrip("=")
    for line in (data.decode("utf-8", "replace"), made):
        try:
            Invitation.decode(line)
        except WireError as error:
            promise("\n" not in str(error), "more than one sentence")


def sealed_contents(data: bytes) -> None:
    """The formats of datagrams, and of what is in them."""
    for decode in (
        framing.decode_initiation,
        framing.decode_response,
        framing.decode_cookie,
        framing.read_member_payload,
        contents.read_part,
        contents.read_probe_answer,
        contents.read_seen_at,
        contents.read_envelope,
    ):
        try:
            decode(data)
        except WireError:
            continue


def _secrets() -> DomainSecrets:
    secrets = DomainSecrets()
    secrets.learn(1, PSK, 0.0)
    return secrets


def _node(key: KeyPair, other: KeyPair) -> SealedPackets:
    token = random.Random(key.public).randbytes  # noqa: S311 - the same numbers for every input
    node = SealedPackets(Tunnels(key, DOMAIN, _secrets(), lambda public: public == other.public, token))
    node.know({other.public: THERE if key is OURS else HERE}, 0.0)
    return node


@cache
def _pair() -> tuple[SealedPackets, SealedPackets]:
    """Return two nodes with a tunnel between them: us, and a member that may say anything."""
    us, them = _node(OURS, THEIRS), _node(THEIRS, OURS)
    us.send(THEIRS.public, [b"\xff" * 30], 1000.0)
    for _ in range(3):
        them.receive([(data, HERE) for data, _ in us.datagrams_to_send()], 1000.0)
        us.receive([(data, THERE) for data, _ in them.datagrams_to_send()], 1000.0)
    promise(us.tunnels.is_open(THEIRS.public, 1000.0), "no tunnel")
    return us, them


def stranger() -> SealedPackets:
    """Return a node that would begin a tunnel with us: for the corpus."""
    return _node(THEIRS, OURS)


def tunnel_strangers(data: bytes) -> None:
    """Datagrams of strangers to a node with a tunnel: it says no more than they, and the tunnel stays."""
    us, _ = _pair()
    for step in steps(data):
        stranger = (f"203.0.113.{step.source}", 43981)
        taken = us.receive([(step.data, stranger)], 1001.0)
        promise(not taken, "a datagram of a stranger was taken")
        for answer, to in us.datagrams_to_send():
            if to == stranger:
                promise(len(answer) <= len(step.data), "more octets back than came")
    promise(us.tunnels.is_open(THEIRS.public, 1001.0), "a stranger has ended a tunnel")


@cache
def _dss() -> tuple[SealedQuestions, Asker]:
    """Return a DSS that has shaken hands, and whom with: a member that may ask anything."""
    roster = Roster(AUTHORITY.public, DOMAIN)
    for key, role in ((OURS, "dss"), (THEIRS, "node")):
        member = statements.Member(key.public, role, "", (), 1)  # type: ignore[arg-type]
        roster.merge(AUTHORITY.sign(member, DOMAIN))
    token = random.Random(1).randbytes  # noqa: S311 - the same numbers for every input
    ours, theirs = (Membership(key, DOMAIN, AUTHORITY.public, roster, _secrets()) for key in (OURS, THEIRS))
    dss, asker = SealedQuestions(ours, token), Asker(theirs, b"", token)
    for initiation in asker.say(1000.0):
        for response in dss.take(initiation, THERE, 1000.0, lambda _: ()):
            asker.take(response, 1000.0)
    promise(asker.is_known, "no handshake")
    return dss, asker


def question_strangers(data: bytes) -> None:
    """Datagrams of strangers to a DSS's port of questions, and to a member that asks: nothing comes of it."""
    dss, asker = _dss()
    for step in steps(data):
        stranger = (f"203.0.113.{step.source}", 1)
        with suppress(WireError):
            replies = dss.take(step.data, stranger, 1001.0, lambda packet: [packet])
            promise(sum(map(len, replies)) <= len(step.data), "more octets back than came")
        with suppress(WireError):
            promise(not asker.take(step.data, 1001.0).answers, "an answer of a stranger was taken")


def tunnel_member(data: bytes) -> None:
    """Whatever a member says inside its tunnel."""
    us, them = _pair()
    for step in steps(data):
        said, to = them.tunnels.seal(OURS.public, [step.data], 1001.0)
        promise(to == HERE, "the member does not know us any more")
        for _, packets in us.receive([(datagram, THERE) for datagram in said], 1001.0):
            promise(all(packet[:1] == b"\xff" for packet in packets), "no packet")
        us.datagrams_to_send()


def _admit(_public: bytes, _payload: bytes) -> bytes:
    return PSK


def _choose(hint: Hint) -> Choice:
    if hint.public != OURS.public:
        raise WireError("no DSS")
    return Choice(of_member(1), PSK)


def stream_server(data: bytes) -> None:
    """What comes to a sealed port before the handshake is done."""
    _feed(ServingStream(OURS, DOMAIN, 1, _admit, generate=lambda: OURS), data)


def stream_client(data: bytes) -> None:
    """What a server says, or what says that it is one."""
    for server in (OURS.public, None):
        _feed(CallingStream(THEIRS, DOMAIN, _choose, server, lambda: THEIRS), data)


def _feed(stream: SealedStream, data: bytes) -> None:
    """Give a stream octets in steps: what it yields would have been proven, and nothing here can be."""
    for step in steps(data):
        try:
            promise(not list(stream.receive(step.data)), "octets that nobody has sealed")
        except WireError:
            return
        finally:
            stream.take()
    promise(stream.remote in {b"", OURS.public, THEIRS.public}, "a stranger was believed")


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "statement": statement,
    "invitation": invitation,
    "sealed-contents": sealed_contents,
    "tunnel-strangers": tunnel_strangers,
    "tunnel-member": tunnel_member,
    "question-strangers": question_strangers,
    "stream-server": stream_server,
    "stream-client": stream_client,
}
