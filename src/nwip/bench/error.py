"""What ends a measurement before it has an answer. Pure."""


class BenchError(Exception):
    """A measurement cannot be made; the message is one sentence for people."""
