"""Texts for terminals: what came from the network cannot command one."""

from nwip.durations import seconds

__all__ = ["example", "milliseconds", "printable", "seconds"]


def printable(text: object) -> str:
    r"""Return `text` with what does not print (controls, bidirectional marks) as `\x1b` or `\u202e`."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in str(text)
    )


def milliseconds(value: float) -> str:
    """Return a round-trip time: `0.31 ms`, `12.4 ms`."""
    return f"{value * 1000:.2f} ms" if value < 0.01 else f"{value * 1000:.1f} ms"


def example(*lines: str) -> str:
    """Return the end of a help page: commands to copy, one on each line."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
