"""Opens captures as they come: gzipped or not, from files and pipes."""

import gzip
import io
import zlib
from typing import Final

from nwip.capture.pcap import Octets
from nwip.wire import WireError

_GZIP_MAGIC: Final = b"\x1f\x8b"


def unzipped(stream: io.BufferedReader) -> Octets:
    """Return the stream itself, or what is in it when it is gzipped.

    Reading the latter raises `WireError` where it is damaged or cut short, as `read_capture` does.
    """
    return _Unzipped(stream) if stream.peek(2)[:2] == _GZIP_MAGIC else stream


class _Unzipped:
    def __init__(self, stream: io.BufferedReader) -> None:
        self._inside = gzip.GzipFile(fileobj=stream)

    def read(self, size: int, /) -> bytes:
        try:
            return self._inside.read(size)
        except EOFError:
            raise WireError("the gzipped file is cut short") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise WireError(f"the gzipped file is damaged: {error}") from None
