"""Simulated networks of IPX routers: cables, plain routers, gateways, and what may not happen in them."""
