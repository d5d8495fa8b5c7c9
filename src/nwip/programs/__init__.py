"""Programs on this machine that take part in the virtual network through their node's control socket."""
