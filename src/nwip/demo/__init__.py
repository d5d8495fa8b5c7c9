"""`nwip demo`: a whole domain on loopback, in processes of its own, with two players that find each other."""

from nwip.demo.show import run

__all__ = ["run"]
