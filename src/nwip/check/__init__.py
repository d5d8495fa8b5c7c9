"""What is on the ports of NetWare/IP, here and on other hosts, and whether to worry."""
