"""Files and texts that people hand in: captures, configuration, leases, peers, filters, addresses."""

from collections.abc import Callable
from io import BytesIO
from typing import Final

from nwip.capture.decoding import Decoder
from nwip.capture.filtering import parse_filter
from nwip.capture.pcap import read_capture
from nwip.config import ConfigError
from nwip.config.reading import parse
from nwip.directory.filters import Filter, Policy
from nwip.directory.records import Service
from nwip.discovery.dhcp.leases import read_dhclient, read_key_value
from nwip.ipx.address import Address, parse_network, parse_node
from nwip.links.lan.length_framing import LARGEST_FRAME, FrameSplitter
from nwip.links.rfc1234.peer_list import ListError, parse_peers
from nwip.programs.frames import Splitter, read_refusal, read_service
from nwip.wire import WireError
from targets.steps import promise, steps


def capture(data: bytes) -> None:
    """A pcap or pcapng file, each of its packets decoded."""
    decoder = Decoder()
    try:
        for number, captured in enumerate(read_capture(BytesIO(data))):
            decoder.decode(number, captured)
    except WireError:
        return


def config(data: bytes) -> None:
    """A configuration file: one sentence for whatever is wrong with it."""
    try:
        parse(data.decode("utf-8", "replace"), "nwip.toml")
    except ConfigError as error:
        promise("\n" not in str(error), f"more than a line: {error}")


def leases(data: bytes) -> None:
    """Lease files of dhclient and of systemd-networkd."""
    text = data.decode("utf-8", "replace")
    read_dhclient(text, 1.7e9)
    read_key_value(text)


def capture_filter(data: bytes) -> None:
    """The expression that `nwip capture` and `nwip decode` take."""
    try:
        parse_filter(data.decode("utf-8", "replace"))
    except ValueError:
        return


def domain_filter(data: bytes) -> None:
    """A name held against a pattern of the domain's filters: no pattern may take long."""
    pattern, _, name = data.decode("latin-1").partition("\n")
    try:
        policy = Policy([Filter("deny", "service", name=pattern[:64])])
    except ValueError:
        return
    if 0 < len(name) <= 47:
        policy.hides(Service(4, name, 1, bytes(6), 0x451, 0), bytes(16), "node")


def peer_list(data: bytes) -> None:
    """The list of peers of an RFC 1234 tunnel."""
    try:
        parse_peers(data)
    except ListError:
        return


def addresses(data: bytes) -> None:
    """Addresses as people write them."""
    text = data.decode("utf-8", "replace")
    for parser in (Address.parse, parse_network, parse_node):
        try:
            parser(text)
        except ValueError:
            continue


def program_frames(data: bytes) -> None:
    """The stream of a program on the control socket."""
    splitter = Splitter()
    try:
        for step in steps(data):
            for found in splitter.feed(step.data):
                read_service(found.rest)
                read_refusal(found.rest)
    except WireError:
        return


def qemu_stream(data: bytes) -> None:
    """Frames on a stream, as QEMU's netdevs send them."""
    splitter = FrameSplitter()
    for step in steps(data):
        for found in splitter.feed(step.data):
            promise(len(found) <= LARGEST_FRAME, "a frame over the limit")


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "capture": capture,
    "config": config,
    "leases": leases,
    "capture-filter": capture_filter,
    "domain-filter": domain_filter,
    "peer-list": peer_list,
    "addresses": addresses,
    "program-frames": program_frames,
    "qemu-stream": qemu_stream,
}
