"""Words that name hosts."""

import asyncio

import pytest

from nwip.check.hosts import Target, targets


def of(*words: str) -> list[Target]:
    return asyncio.run(targets(words))


def test_addresses_are_taken_as_they_are_and_each_once() -> None:
    assert of("192.0.2.1", "[2001:db8::1]", "192.0.2.1") == [
        Target("192.0.2.1", "192.0.2.1"),
        Target("2001:db8::1", "2001:db8::1"),
    ]


def test_a_network_is_its_hosts() -> None:
    assert [target.name for target in of("192.0.2.9/30")] == ["192.0.2.9", "192.0.2.10"]
    assert not any(target.named for target in of("192.0.2.8/30"))
    assert len(of("2001:db8::/125")) == 7


def test_names_are_resolved_and_unknown_ones_have_no_address() -> None:
    assert of("localhost")[0].address in {"127.0.0.1", "::1"}
    assert of("no-such-host.invalid") == [Target("no-such-host.invalid", None)]
    assert of("x" * 300) == [Target("x" * 300, None)]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("10.0.0.0/8", "16777216 addresses: at most 256"),
        ("nonsense/24", "is not a network"),
        ("224.0.0.0/28", "no network of hosts"),
        ("224.0.0.1", "the address of no host"),
        ("0.0.0.0", "the address of no host"),
    ],
)
def test_what_means_no_host_is_refused_in_a_sentence(word: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        of(word)


def test_too_many_hosts_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 1024 hosts"):
        of(*(f"10.0.{number}.0/24" for number in range(5)))
