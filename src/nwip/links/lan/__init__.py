"""LAN-like links: IPX in Ethernet frames, over whatever carries those."""
