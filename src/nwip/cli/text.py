"""Texts for terminals: what came from the network cannot command one."""


def printable(text: object) -> str:
    r"""Return `text` with what does not print (controls, bidirectional marks) as `\x1b` or `\u202e`."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in str(text)
    )


def seconds(value: object) -> str:
    """Return a duration in two units at most: `0.4 s`, `12 s`, `3 min 20 s`, `5 h 2 min`, `4 d 1 h`."""
    if not isinstance(value, int | float) or not 0 <= value < 1e12:
        return "-"
    if value < 10:
        return f"{value:.1f} s"
    whole = int(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole // 60 % 60} min"
    return f"{whole // 86400} d {whole // 3600 % 24} h"


def milliseconds(value: float) -> str:
    """Return a round-trip time: `0.31 ms`, `12.4 ms`."""
    return f"{value * 1000:.2f} ms" if value < 0.01 else f"{value * 1000:.1f} ms"


def example(*lines: str) -> str:
    """Return the end of a help page: commands to copy, one on each line."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
