"""What is fuzzed: every decoder, and every server as it is entered. Each takes octets, and raises `Fault`."""

from collections.abc import Callable
from typing import Final

from targets import decoders, edges, sealed, sessions, texts

Target = Callable[[bytes], None]

TARGETS: Final[dict[str, Target]] = {
    **decoders.TARGETS,
    **texts.TARGETS,
    **sessions.TARGETS,
    **edges.TARGETS,
    **sealed.TARGETS,
}
