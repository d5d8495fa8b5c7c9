"""Seeds of histories that broke an invariant once, each with its cause."""

FAILED_ONCE: tuple[int, ...] = (
    379,  # a lease ended at a replica in a gap that the session outlived; only news came back
    212,  # a node with its old numbers met withdrawals of a life that was else forgotten
    3609,  # in a ring of DSSs the word that a node had come went round for ever, and ended its own session
    7210,  # a replica that was away kept a record whose withdrawal its present DSS had not heard of either
    3154,  # a replica forgot an owner that began anew with low numbers, and no short renewal brought it back
    7366,  # a record of a former life with a number that this life gave out too stood beside this life's own
    14297,  # the same, and the former life's record hid this life's
    22395,  # the same, with a route
    23478,  # two lives gave one number to two values of one key, and neither DSS took the other's
    66769,  # a DSS that had forgotten an owner compared itself without the withdrawals that it still had
    84148,  # two lives came to the same number, so the greeting did not tell them apart
    89491,  # the same; and a slow node lost the last word of a session, which was the simulation's own fault
)
