import pytest

from fixtures import netware_server as museum
from fixtures.captured import captured, framed, in_udp, packet
from nwip.capture.decoding import Decoder, Row
from nwip.capture.filtering import parse_filter

RIP = Decoder().decode(1, captured(museum.RIP_BROADCAST))
GAME = Decoder().decode(2, captured(in_udp(packet(b"NWIP").encode())))
BROKEN = Decoder().decode(3, captured(framed(packet(b"\0\x07", destination=0x0453)))) | {
    "direction": "out",
    "link": "lan0",
}
ROWS = {"rip": RIP, "game": GAME, "broken": BROKEN}


def fitting(text: str) -> list[str]:
    fits = parse_filter(text)
    return [name for name, row in ROWS.items() if fits(row)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("rip", ["rip", "broken"]),
        ("RIP", ["rip", "broken"]),
        ("ipx", ["game"]),
        ("sap,ipx", ["game"]),
        ("!rip", ["game"]),
        ("!rip,ipx", []),
        ("error", ["broken"]),
        ("out", ["broken"]),
        ("in", []),
        ("link=lan0", ["broken"]),
        ("2e5a0001", ["game", "broken"]),
        ("0ab12", ["rip", "game", "broken"]),
        ("00001B2C3D4E", ["rip", "game", "broken"]),
        ("0080c7a1b2c3", ["broken"]),
        ("00:80:c7:a1:b2:c3", ["broken"]),
        ("00-00-00-00-00-01", ["game", "broken"]),
        ("453", ["rip", "broken"]),
        ("AB12.FFFFFFFFFFFF", ["rip"]),
        ("AB12.FFFFFFFFFFFF.452", []),
        ("AB12.FFFFFFFFFFFF.453", ["rip"]),
        ("10.0.0.1", ["game"]),
        ("10.0.0.2:43981", ["game"]),
        ("10.0.0.2:43982", []),
        ("10.0.0.9", []),
        ("2001:db8::1", []),
        ("[2001:db8::1]:213", []),
    ],
)
def test_a_filter_chooses_what_fits(text: str, names: list[str]) -> None:
    assert fitting(text) == names


@pytest.mark.parametrize(
    "text", ["", "zorro", "rip,,sap", "0123456789ABC", "10.0.0.0.1", "!", "AB12.1.2.3.4"]
)
def test_a_word_that_is_no_filter_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is no filter: write a protocol"):
        parse_filter(text)


def test_a_row_of_something_else_fits_no_ipx_address() -> None:
    other: Row = Decoder().decode(1, captured(b""))
    assert not parse_filter("0452")(other)
    assert parse_filter("other")(other)
