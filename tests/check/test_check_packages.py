"""Package managers' answers, and the one of this machine if it has one."""

import shutil

import pytest

from nwip.check.packages import from_dpkg, from_pacman, from_rpm, package_of

DIVERTED = "diversion by dash from: /bin/sh\ndiversion by dash to: /bin/sh.distrib\ndash: /bin/sh\n"


@pytest.mark.parametrize(
    ("text", "package"),
    [
        ("dosbox: /usr/bin/dosbox\n", "dosbox"),
        ("libc6:amd64: /lib64/ld-linux-x86-64.so.2\n", "libc6"),
        ("libstdc++-12-dev, g++: /usr/share/doc\n", "libstdc++-12-dev"),
        (DIVERTED, "dash"),
        ("dpkg-query: no path found matching pattern /x\n", ""),
        ("", ""),
    ],
)
def test_dpkg_names_the_package_of_a_file(text: str, package: str) -> None:
    assert from_dpkg(text) == package


def test_rpm_and_pacman_name_the_package_of_a_file() -> None:
    assert from_rpm("openssh-server-9.6p1-1.fc40.x86_64\n") == "openssh-server-9.6p1-1.fc40.x86_64"
    assert not from_rpm("file /x is not owned by any package\n")
    assert from_pacman("/usr/bin/dosbox is owned by dosbox 0.74.3-4\n") == "dosbox"
    assert not from_pacman("error: No package owns /x\n")


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="needs dpkg, which Debian has")
def test_the_package_of_a_program_of_this_machine_is_found() -> None:
    assert package_of("/usr/bin/env") == "coreutils"
    assert package_of("/usr/bin/cat") == "coreutils"  # packaged as /bin/cat
    assert not package_of("/nowhere/at-all")
    assert package_of("/nowhere/at-all") is not None
