"""A whole domain on a simulated clock and network: faults, invariants. Deterministic from a seed."""
