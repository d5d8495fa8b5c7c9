"""The IPX router: where hosts and networks are, and what is answered for them. Pure."""
