"""The web page: a process of its own that asks a node and shows what it says. It never costs a packet.

`asking` asks the node's control socket; `facts`, `history`, `alarms` and `picture` make of the answers what
there is to see; `watching` keeps it all and tells who looks; `application` answers browsers, `guard` decides
who may ask; `serving` runs it.
"""
