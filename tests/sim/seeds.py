"""Seeds of histories that broke an invariant once, each with its cause."""

FAILED_ONCE: tuple[int, ...] = (
    379,  # a replica's own lease of an owner ended in a gap that the session outlived; only news came back
    212,  # a node that came back with its old numbers met withdrawals of a life that its DSS had else forgotten
    3609,  # in a ring of DSSs the word that a node had come went round for ever, and ended its own session
)
