"""Wire formats of IPX. Pure: octets to typed objects and back, nothing else."""
