"""Datagrams in and out of the kernel, and forwarding on raw octets."""
