"""Seeds of networks of routers that broke a promise once, each with its cause."""

FAILED_ONCE: tuple[int, ...] = (
    0,  # a network was forgotten with its last way though it was a port's own, whose cable was out
    4,  # what was lost during a hold-down fell at once to an echo, which had waited long enough for the first
    64,  # who took over a LAN believed at once what its neighbours had from who was active before
    80,  # the same, and did not take back what was told in its name
    100,  # a gateway that was cut off still sent to the virtual network's hosts through its dead uplink
    230,  # a gateway that was cut off told its LAN for ten seconds more that it was on the virtual network
    460,  # a unicast to the router itself was taken for one to its LAN, and sent back there
    509,  # what a dead gateway's neighbour still believed was registered before it had aged out
    615,  # the domain's routes were told on a joined LAN with no hop added, so that an echo looked like a way
    1159,  # who took over a LAN had waited long enough for a loss of its own, and not for what it took over
    4614,  # what an earlier life had told was taken for a way, because the domain offered one as well
    4734,  # what an earlier life had told was still believed by a neighbour, and never taken back
    2769,  # who took over a LAN without having listened went on using what its neighbours had from before
)
