"""Whether this process carries packets now: for whoever has other work in the same loop."""


class Traffic:
    """Counts the datagrams that have come in at any port. One for the process, as there is one processor."""

    def __init__(self) -> None:
        self.datagrams = 0


traffic = Traffic()
