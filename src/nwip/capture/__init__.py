"""Captures: reading and writing of pcap and pcapng files."""
