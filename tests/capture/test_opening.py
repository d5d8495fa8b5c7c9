import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures import netware_server as museum
from fixtures.captured import capture_file
from nwip.capture.opening import unzipped
from nwip.capture.pcap import Captured, read_capture
from nwip.wire import WireError

FILE = capture_file([museum.RIP_BROADCAST, museum.SAP_BROADCAST])


def read(octets: bytes) -> list[Captured]:
    return list(read_capture(unzipped(io.BufferedReader(io.BytesIO(octets)))))


def test_a_gzipped_capture_is_read_like_another() -> None:
    assert read(gzip.compress(FILE)) == read(FILE)
    assert len(read(FILE)) == 2


def test_a_gzipped_capture_that_is_cut_short_is_a_wire_error() -> None:
    whole = gzip.compress(FILE)
    for size in range(2, len(whole)):
        with pytest.raises(WireError):
            read(whole[:size])


@given(st.integers(0, len(gzip.compress(FILE)) - 1), st.integers(0, 255))
def test_a_damaged_one_is_refused_or_read(position: int, octet: int) -> None:
    damaged = bytearray(gzip.compress(FILE))
    damaged[position] = octet
    try:
        read(bytes(damaged))
    except WireError:
        return


@given(st.binary(max_size=60))
def test_any_octets_are_refused_or_read_gzipped_or_not(anything: bytes) -> None:
    for octets in (anything, b"\x1f\x8b" + anything, gzip.compress(anything)):
        try:
            read(octets)
        except WireError:
            continue
