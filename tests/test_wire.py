import pytest
from hypothesis import given
from hypothesis import strategies as st

from nwip.wire import Reader, WireError, Writer


def test_integers_are_read_big_endian() -> None:
    reader = Reader(bytes.fromhex("01 0203 04050607 0809"))
    assert (reader.u8(), reader.u16(), reader.u32()) == (0x01, 0x0203, 0x04050607)
    assert reader.remaining == 2
    assert reader.rest() == b"\x08\x09"
    reader.finish()


@pytest.mark.parametrize(("read", "size"), [(Reader.u8, 1), (Reader.u16, 2), (Reader.u32, 4)])
def test_reading_past_the_end_is_a_wire_error_and_moves_nothing(read: object, size: int) -> None:
    assert callable(read)
    reader = Reader(bytes(size - 1))
    with pytest.raises(WireError):
        read(reader)
    assert reader.remaining == size - 1


def test_a_negative_count_is_a_wire_error() -> None:
    reader = Reader(b"abc")
    with pytest.raises(WireError):
        reader.octets(-1)
    with pytest.raises(WireError), reader.restrict_to(-1):
        pass


def test_a_restricted_part_hides_what_is_behind_it() -> None:
    reader = Reader(b"abcdef")
    with reader.restrict_to(3) as part:
        assert part.octets(2) == b"ab"
        with pytest.raises(WireError):
            part.octets(2)
    assert reader.rest() == b"def"


def test_a_restricted_part_is_skipped_when_its_body_returns_early() -> None:
    def first_octet_of_part(reader: Reader) -> int:
        with reader.restrict_to(3) as part:
            return part.u8()

    reader = Reader(b"abcdef")
    assert first_octet_of_part(reader) == ord("a")
    assert reader.rest() == b"def"


def test_an_error_inside_a_part_lifts_the_restriction() -> None:
    reader = Reader(b"abcdef")
    with pytest.raises(WireError), reader.restrict_to(1) as part:
        part.u16()
    assert reader.remaining == 6


def test_a_part_larger_than_what_is_left_is_a_wire_error() -> None:
    with pytest.raises(WireError, match="7 octets is announced"), Reader(b"abcdef").restrict_to(7):
        pass


def test_octets_too_many_are_a_wire_error() -> None:
    with pytest.raises(WireError, match="1 octets too many"):
        Reader(b"x").finish()


def test_a_writer_is_the_reverse_of_a_reader() -> None:
    writer = Writer().u8(1).u16(0x0203).u32(0x04050607).octets(b"\x08").padded(b"\x09", 3)
    assert writer.getvalue() == bytes.fromhex("01 0203 04050607 08 090000")


@pytest.mark.parametrize(
    "write",
    [
        lambda writer: writer.u8(256),
        lambda writer: writer.u16(-1),
        lambda writer: writer.u32(1 << 32),
        lambda writer: writer.octets(b"abc", 2),
        lambda writer: writer.padded(b"abc", 2),
    ],
)
def test_a_value_that_does_not_fit_its_field_is_a_wire_error(write: object) -> None:
    assert callable(write)
    with pytest.raises(WireError):
        write(Writer())


@given(st.lists(st.integers(0, 0xFFFF)))
def test_words_survive_the_wire(values: list[int]) -> None:
    writer = Writer()
    for value in values:
        writer.u16(value)
    reader = Reader(writer.getvalue())
    assert [reader.u16() for _ in values] == values
    reader.finish()
