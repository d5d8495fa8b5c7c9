"""What `nwip up` prints: where everything is, and what to do next."""

from nwip.banner import Facts, banner

FOUND: Facts = {
    "domain": "games.example.org",
    "sealed": False,
    "network": "4E574950",
    "name": "west",
    "node": "7E01C0000201",
    "data": "192.0.2.1:43981",
    "dss": ["192.0.2.1:10396"],
    "dss_here": True,
    "forwards": True,
    "links": [
        {
            "name": "players",
            "kind": "dosbox",
            "network": "4E574950",
            "joined": True,
            "where": {
                "listens on": "UDP 192.0.2.1:10213",
                "in DOSBox, type": "ipxnet connect 192.0.2.1 10213\nipxnet connect 127.0.0.1 10213",
            },
        },
        {
            "name": "lan",
            "kind": "ethernet",
            "network": "00C0FFEE",
            "joined": False,
            "where": {"frame type": "Ethernet_II"},
        },
    ],
}


def test_everything_that_is_to_be_known_is_there_and_what_comes_next() -> None:
    assert banner(FOUND).splitlines() == [
        "domain   games.example.org, virtual network 4E574950",
        "node     west, 4E574950.7E01C0000201, data on UDP 192.0.2.1:43981",
        "DSS      TCP and UDP 192.0.2.1:10396, this node",
        "link     players, dosbox, on the virtual network",
        "           listens on: UDP 192.0.2.1:10213",
        "           in DOSBox, type: ipxnet connect 192.0.2.1 10213",
        "                            ipxnet connect 127.0.0.1 10213",
        "link     lan, ethernet, network 00C0FFEE",
        "           frame type: Ethernet_II",
        "next     players type that line in DOSBox, after: config -set ipx true",
        "         look around: nwip clients, nwip links; if something is amiss: nwip doctor; to end: Ctrl-C",
    ]


def test_a_dss_on_loopback_is_told_of_for_nobody_else_can_join_there() -> None:
    for at, told in (("127.0.0.1:396", True), ("[::1]:396", True), ("[fe80::1%eth0]:396", False)):
        assert ("the DSS is on loopback" in banner({**FOUND, "dss": [at]})) is told
    assert "loopback" not in banner({**FOUND, "dss": ["127.0.0.1:396"], "dss_here": False})


def test_a_node_without_players_is_told_nothing_of_dosbox() -> None:
    assert "DOSBox" not in banner({**FOUND, "links": []})
