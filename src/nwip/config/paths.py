"""Where a node keeps things and where its configuration is looked for."""

import os
from pathlib import Path

CONTROL_NAME = "control.sock"
SYSTEM_CONTROL_PATH = Path("/run/nwip") / CONTROL_NAME


def home_directory() -> Path:
    """Return the user's home directory; the root directory for a user who has none, as in a container."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")


def configuration_candidates() -> list[Path]:
    """Return the files that are tried when none is named, in order."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or home_directory() / ".config")
    return [Path("/etc/nwip/nwip.toml"), home / "nwip" / "nwip.toml"]


def default_state_directory() -> Path:
    """Return the directory for what must outlive the program: systemd's, else the user's."""
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    if os.geteuid() == 0:
        return Path("/var/lib/nwip")
    return Path(os.environ.get("XDG_STATE_HOME") or home_directory() / ".local" / "state") / "nwip"


def default_control_path() -> Path:
    """Return the path of the control socket: NWIP_CONTROL, else the usual place for this user."""
    given = os.environ.get("NWIP_CONTROL")
    if given:
        return Path(given)
    if os.geteuid() == 0:
        return SYSTEM_CONTROL_PATH
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return (Path(runtime) / "nwip" if runtime else default_state_directory()) / CONTROL_NAME
