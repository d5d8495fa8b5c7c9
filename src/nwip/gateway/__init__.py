"""The gateway: forwards between the links of a node and the virtual network."""
