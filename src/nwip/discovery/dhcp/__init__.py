"""NetWare/IP in DHCP: options 62 and 63 (RFC 2242)."""
