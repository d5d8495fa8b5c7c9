"""The DSS and its clients: sessions on TCP 396, questions on UDP 396."""
