"""Seeds of histories that broke an invariant once, each with its cause."""

FAILED_ONCE: tuple[int, ...] = (
    379,  # a replica's own lease of an owner ended in a gap that the session outlived; only news came back
)
