"""Lets `python -m nwip` be `nwip`."""

from nwip.cli.main import main

main()
