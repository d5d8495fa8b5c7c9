"""NetWare/IP for today: IPX networks joined over any IP network."""
