"""Sealed datagrams: what nodes of a sealed domain say to each other over UDP, as pure engines.

`engine.SealedPackets` is what a link uses: IPX packets of peers in and out, nothing but sealed datagrams on
the wire. It stands on `tunnels.Tunnels`, which knows handshakes and keys, and not what is carried.
"""
