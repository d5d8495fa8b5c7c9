"""DHCP messages: octet by octet, options in parts and in other fields, noise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.discovery.dhcp.message import COOKIE, REPLY, SMALLEST, Message, inform
from nwip.wire import WireError

HARDWARE = bytes.fromhex("02004C4F4F50")


def reply(options: bytes, sname: bytes = b"", file: bytes = b"") -> bytes:
    head = bytes([REPLY, 1, 6, 0]) + bytes(4 + 4 + 4 + 12) + HARDWARE.ljust(16, b"\0")
    return head + sname.ljust(64, b"\0") + file.ljust(128, b"\0") + COOKIE + options


def test_the_octets_of_a_dhcpinform() -> None:
    octets = inform(0x01020304, "10.9.0.59", HARDWARE, bytes([62, 63]))
    assert octets[:12] == bytes.fromhex("01 01 06 00 01020304 0000 0000")
    assert octets[12:16] == bytes([10, 9, 0, 59]), "ciaddr"
    assert octets[16:28] == bytes(12), "yiaddr, siaddr, giaddr"
    assert octets[28:44] == HARDWARE.ljust(16, b"\0")
    assert octets[44:236] == bytes(192)
    assert octets[236:].rstrip(b"\0") == COOKIE + bytes.fromhex("35 01 08 39 02 05C0 37 02 3E 3F FF")
    assert len(octets) == SMALLEST


def test_what_is_written_is_read() -> None:
    message = Message(REPLY, 7, "10.9.0.59", HARDWARE, {53: b"\x05", 62: b"nwip.test", 63: b"\2\0"})
    assert Message.decode(message.encode()) == message


def test_an_option_in_parts_is_one() -> None:
    assert Message.decode(reply(b"\x3e\x03abc\0\x3e\x02de\xff\x01\x01x")).options == {62: b"abcde"}


@pytest.mark.parametrize(
    ("overload", "found"), [(1, {63: b"f"}), (2, {62: b"s"}), (3, {62: b"s", 63: b"f"}), (0, {})]
)
def test_options_that_stand_in_other_fields(overload: int, found: dict[int, bytes]) -> None:
    data = reply(bytes([52, 1, overload, 255]), sname=b"\x3e\x01s\xff", file=b"\x3f\x01f\xff")
    assert Message.decode(data).options == {52: bytes([overload])} | found


def test_the_fields_for_names_are_kept_as_they_are() -> None:
    assert Message.decode(reply(b"\xff", sname=b"one", file=b"two")).sname_file == (
        b"one".ljust(64, b"\0") + b"two".ljust(128, b"\0")
    )


@pytest.mark.parametrize("size", range(240))
def test_a_message_that_is_cut_short_is_refused(size: int) -> None:
    with pytest.raises(WireError):
        Message.decode(reply(b"\xff")[:size])


@pytest.mark.parametrize("options", [b"\x3e", b"\x3e\x05abcd"])
def test_an_option_that_is_cut_short_is_refused(options: bytes) -> None:
    with pytest.raises(WireError, match="cut short"):
        Message.decode(reply(options))


def test_what_does_not_fit_is_not_written() -> None:
    with pytest.raises(WireError):
        Message(REPLY, 7, "0.0.0.0", HARDWARE, {62: bytes(256)}).encode()


@given(st.binary(max_size=400))
def test_noise_raises_nothing_else(data: bytes) -> None:
    try:
        Message.decode(data)
        Message.decode(reply(data))
    except WireError:
        pass
