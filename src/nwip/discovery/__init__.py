"""How a node finds a DSS, and in which order."""
