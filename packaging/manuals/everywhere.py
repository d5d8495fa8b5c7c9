"""What holds for every command: exit codes, the environment, files."""

from typing import Final

EXIT_CODES: Final = (
    ("0", "It is done, or the answer is yes."),
    ("1", "The answer is no."),
    ("2", "The command line or the configuration is wrong; standard error says what to write."),
    ("3", "What was asked, a node or a DSS, could not be reached."),
    ("130", "Interrupted, as by Ctrl-C."),
)
ENVIRONMENT: Final = (
    ("NWIP_CONFIG", "The configuration file, where --config names none."),
    ("NWIP_CONTROL", "The control socket of the node."),
    ("STATE_DIRECTORY", "Where identity and secrets are kept."),
    ("NO_COLOR", "If it is set and not empty, nothing is coloured."),
)
FILES: Final = (
    ("/etc/nwip/nwip.toml, ~/.config/nwip/nwip.toml", "The configuration: the first that there is."),
    ("/var/lib/nwip, ~/.local/state/nwip", "The state of a node, for root and for others."),
    ("/run/nwip/control.sock, $XDG_RUNTIME_DIR/nwip/control.sock", "Its control socket."),
)
