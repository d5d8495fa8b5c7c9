"""What SECURITY.md says can be checked: its links lead somewhere, and its two sites find each other."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from nwip.config.reading import parse
from real.namespaces import two_hosts
from service.started import WAIT, first_line, nwip_up

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "SECURITY.md").read_text("utf-8")
SITES = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
TUNNEL = re.findall(r"ip address add (\S+) dev nwip0", PAGE)


def test_its_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert targets
    assert [target for target in targets if not (REPOSITORY / target).exists()] == []


def test_its_sites_are_those_of_the_tunnel() -> None:
    addresses = [tomllib.loads(site)["node"]["address"] for site in SITES]
    assert [f"{address}/24" for address in addresses] == TUNNEL
    first = parse(SITES[0], "nwip.toml")
    assert first.dss.listen == (addresses[0],)
    assert parse(SITES[1], "nwip.toml").dss.servers == (addresses[0],)
    assert f"allowed-ips {addresses[1]}/32" in PAGE


@pytest.mark.real("netns")
def test_its_sites_find_each_other_over_a_tunnel(tmp_path: Path) -> None:
    (mtu,) = set(re.findall(r"ip link set nwip0 mtu (\d+) up", PAGE))
    files = []
    for name, site in zip("ab", SITES, strict=True):
        folder = tmp_path / name
        folder.mkdir()
        text = site.replace(
            "[node]\n", f'[node]\nname = "{name}"\nstate = "{folder}"\ncontrol = "{folder}/c"\n'
        )
        (folder / "nwip.toml").write_text(text)
        files.append(folder / "nwip.toml")
    with two_hosts(TUNNEL[0], TUNNEL[1], mtu=int(mtu)) as (one, other):
        in_one, in_other = (["ip", "netns", "exec", name] for name in (one, other))
        with nwip_up(files[0], before=in_one) as first, nwip_up(files[1], before=in_other) as second:
            assert json.loads(first_line(first))["dss_here"]
            assert json.loads(first_line(second))["domain"] == "games.example.org"
            command = [
                sys.executable,
                "-m",
                "nwip",
                "nodes",
                "--json",
                "--control",
                str(tmp_path / "b" / "c"),
            ]
            told = subprocess.run(command, capture_output=True, text=True, timeout=WAIT, check=True).stdout
            assert {node["name"] for node in json.loads(told)["nodes"]} == {"a", "b"}
