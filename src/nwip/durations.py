"""Durations in words, as tables and pages show them. Pure."""


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
