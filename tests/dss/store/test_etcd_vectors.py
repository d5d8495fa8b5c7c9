"""Where a directory stands in etcd, as `docs/protocol.md` promises it, and what nobody should put there."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nwip.directory.parameters import Parameters
from nwip.directory.records import Kind, Record
from nwip.directory.tombstones import Withdrawal
from nwip.dss.store.etcd_layout import Layout, Value, Written, encode, end_of, medium_of

VECTORS = json.loads((Path(__file__).parents[3] / "docs" / "protocol-vectors.json").read_text())["etcd"]


@pytest.mark.parametrize("vector", VECTORS["entries"], ids=lambda vector: vector["name"])
def test_where_things_stand_is_as_the_vectors_say(vector: dict[str, Any]) -> None:
    layout = Layout(vector["domain"])
    key, octets = vector["key"].encode(), bytes.fromhex(vector["value"])
    value = layout.value(key, octets)
    assert value is not None
    assert encode(value) == octets
    assert type(value).__name__ == vector["type"]
    assert place_of(layout, value) == key
    assert end_of(layout.prefix) > key > layout.prefix


def place_of(layout: Layout, value: Value) -> bytes:
    match value:
        case Written(lease=lease):
            return layout.owner(lease.owner)
        case Parameters():
            return layout.parameters
        case Record(owner=owner):
            return layout.record(owner, value.key)
        case Withdrawal(owner=owner, key=key):
            return layout.gone(owner, key)


@pytest.mark.parametrize("vector", VECTORS["leases"], ids=lambda vector: vector["owner"])
def test_the_lease_of_an_owner_has_the_same_number_everywhere(vector: dict[str, Any]) -> None:
    assert Layout(vector["domain"]).lease(bytes.fromhex(vector["owner"])) == int(vector["lease"])


@pytest.mark.parametrize("vector", VECTORS["media"], ids=lambda vector: vector["domain"])
def test_the_medium_is_one_for_each_domain_and_cluster(vector: dict[str, Any]) -> None:
    medium = medium_of(Layout(vector["domain"]), int(vector["cluster"]))
    assert medium.hex() == vector["identity"]


def test_what_is_damaged_or_unknown_is_nothing() -> None:
    layout = Layout("x")
    good = msgspec.msgpack.encode([[b"o" * 16, 1, 1, 15.0, 0.0, 0, 0, 0], b"d" * 16])
    assert layout.value(layout.owner(b"o" * 16), good) is not None
    for key, octets in (
        (layout.owner(b"o" * 16), good[:-1]),
        (layout.owner(b"o" * 16), b""),
        (layout.record(b"o" * 16, (Kind.SERVICE, 4, "A")), good),
        (layout.record(b"o" * 16, (Kind.SERVICE, 4, "A")), b"\x91" * 5000),
        (layout.prefix + b"future/thing", good),
        (b"other", good),
    ):
        assert layout.value(key, octets) is None


def test_the_owner_is_read_from_its_key() -> None:
    layout = Layout("x")
    assert layout.owner_at(layout.owner(b"o" * 16)) == b"o" * 16
    assert layout.owner_of_record(layout.record(b"o" * 16, (Kind.SERVICE, 4, "A"))) == b"o" * 16
    for key in (layout.owner(b"o" * 16), layout.parameters, layout.prefix + b"record/zz/00", b""):
        assert layout.owner_of_record(key) is None
    for key in (layout.record(b"o" * 16), layout.parameters, layout.prefix + b"owner/zz", b"owner/6f", b""):
        assert layout.owner_at(key) is None


def test_no_domain_reaches_into_another() -> None:
    names = ["a", "a/b", "a%2Fb", "A", "a ", "ä", "a\x00", "a/../b", "", "a/owner"]
    prefixes = {name: Layout(name).prefix for name in names}
    assert prefixes["a"] == prefixes["A"]
    for one in names:
        for other in names:
            if prefixes[one] != prefixes[other]:
                assert not prefixes[one].startswith(prefixes[other])
