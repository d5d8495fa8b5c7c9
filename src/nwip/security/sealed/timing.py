"""The times and limits of tunnels, those of WireGuard (its paper, section 6.1) where it has them. Pure."""

from typing import Final

REKEY_AFTER: Final = 120.0  # seconds: then whoever began a session begins the next
REJECT_AFTER: Final = 180.0  # seconds: then its keys are gone
RETRY_AFTER: Final = 5.0  # seconds between initiations
RETRY_JITTER: Final = 1 / 3  # seconds at most, so that two who began at once do not stay in step
GIVE_UP_AFTER: Final = 90.0  # seconds of initiations without an answer
KEEPALIVE_AFTER: Final = 10.0  # seconds: whoever gets packets and has none to send says that it is there
PERSISTENT_AFTER: Final = 25.0  # seconds: NATs forget silent ways after 30
UNANSWERED_AFTER: Final = (
    KEEPALIVE_AFTER + RETRY_AFTER
)  # seconds: who hears nothing on what it sent asks anew
REKEY_WHILE_RECEIVING: Final = REJECT_AFTER - KEEPALIVE_AFTER - RETRY_AFTER

REKEY_AFTER_MESSAGES: Final = 1 << 60
REJECT_AFTER_MESSAGES: Final = (1 << 64) - (1 << 13) - 1

PENDING_FOR: Final = 15.0  # seconds that an answered initiation waits for the first data under its keys
MOST_PENDING: Final = 1024
MOST_PENDING_OF_PEER: Final = 8
MOST_QUEUED: Final = 16
MOST_STRANGERS: Final = 1024  # members that the directory does not name
HANDSHAKES_A_SECOND: Final = 200.0  # more, and addresses must be proven
BUSY_FOR: Final = 1.0  # seconds from the last one too many
PROVEN_A_SECOND: Final = 20.0  # then, for each address that is proven
MOST_A_SECOND: Final = 500.0  # then, for all of them together
