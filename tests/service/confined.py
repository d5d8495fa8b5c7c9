"""Runs a program as `nwip.service` has it run, as far as that can be done without systemd as process 1.

    confined.py WRITABLE,... UNIT,... COMMAND...

as root: a mount namespace of its own, everything read-only but the first, /home, /root, /dev and /proc as the
unit says; another user without capabilities; umask, limits and the filter of system calls. What is not done:
PrivateTmp, PrivateUsers, ProtectHostname and limits of the control group, for which systemd is needed.
"""

import ctypes
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

from service.another_user import USER
from service.call_filter import obey, program
from service.unit_files import allowed_calls, call_numbers, families, settings

CLONE_NEWNS: Final = 0x00020000  # linux/sched.h
DEVICES: Final = ("null", "zero", "full", "random", "urandom")
DONE: Final = "-"  # in place of directories, in the second step


def main(arguments: list[str]) -> None:
    """Be confined, then be the command: in two steps, with another user in between."""
    writable, files, *command = arguments
    unit = settings(*files.split(","))
    if writable == DONE:
        only = families(unit["RestrictAddressFamilies"])
        obey(program(allowed_calls(unit["SystemCallFilter"]), call_numbers(), only))
    else:
        own_mounts(writable.split(","))
        os.umask(int(unit["UMask"][-1], 8))
        limit = int(unit["LimitNOFILE"][-1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        command = [*as_user(unit["AmbientCapabilities"]), sys.executable, __file__, DONE, files, *command]
    os.execvp(command[0], command)  # noqa: S606 - that is what it is for


def as_user(capabilities: list[str]) -> list[str]:
    """Return what runs a command as a user with just these capabilities, which also its children have."""
    kept = ",".join(["-all", *(f"+{name.removeprefix('CAP_').lower()}" for name in capabilities)])
    sets = [f"--{name}={kept}" for name in ("inh-caps", "ambient-caps", "bounding-set")]
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", "--no-new-privs", *sets]


def own_mounts(writable: list[str]) -> None:
    """See everything read-only but these directories, no homes, few devices, and only our own processes."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    mount("--make-rprivate", "/")
    for directory in writable:
        mount("--bind", directory, directory)
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = line.split()[4].replace("\\040", " ")
        if place not in writable and not place.startswith(("/proc", "/sys", "/dev")):
            subprocess.run(["mount", "-o", "remount,bind,ro", place], check=False, capture_output=True)
    for home in ("/home", "/root"):
        mount("-t", "tmpfs", "-o", "ro,mode=000", "tmpfs", home)
    kept = {name: os.open(f"/dev/{name}", os.O_PATH) for name in DEVICES}
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/dev")
    for name, descriptor in kept.items():
        Path(f"/dev/{name}").touch()
        mount("--bind", f"/proc/{os.getpid()}/fd/{descriptor}", f"/dev/{name}")
        os.close(descriptor)
    mount("-t", "proc", "-o", "subset=pid,hidepid=invisible", "proc", "/proc")


def mount(*words: str) -> None:
    """Run mount(8)."""
    subprocess.run(["mount", *words], check=True, capture_output=True, timeout=10)


if __name__ == "__main__":
    main(sys.argv[1:])
