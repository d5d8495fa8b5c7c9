"""The public API: complete, and free to import."""

import subprocess
import sys

import pytest

import nwip


def test_the_public_names_are_these_and_no_others() -> None:
    assert sorted(nwip.__all__) == [
        "Address",
        "Domain",
        "DosboxPlayer",
        "IpxSocket",
        "NodeRefused",
        "NodeUnreachable",
        "Packet",
        "Service",
        "WireError",
        "__version__",
        "open_socket",
        "read_domain",
    ]


@pytest.mark.parametrize("name", nwip.__all__)
def test_every_public_name_is_there_and_described(name: str) -> None:
    value = getattr(nwip, name)
    assert isinstance(value, str) or value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = nwip.nothing


def test_importing_it_loads_nothing_else() -> None:
    code = "import sys, nwip; print([m for m in sys.modules if m.startswith('nwip.') or m == 'asyncio'])"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert output.strip() == "[]"
