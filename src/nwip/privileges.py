"""Gives root away for good: another user, few capabilities or none, and no way back.

On Linux, before the process has threads: system calls on capabilities concern the calling thread alone.
Sources: capabilities(7), prctl(2), capset(2), and their header files for the numbers.
"""

import contextlib
import ctypes
import os
import pwd
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from nwip.config import Config, ConfigError
from nwip.config.links import EthernetSettings, TapSettings

CAP_NET_ADMIN: Final = 12  # linux/capability.h
CAP_NET_RAW: Final = 13
_VERSION_3: Final = 0x20080522

_PR_SET_KEEPCAPS: Final = 8  # linux/prctl.h
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_CAPABILITIES: Final = 64  # numbers that a set has room for


class User(NamedTuple):
    """Whom a node becomes."""

    name: str
    uid: int
    gid: int


def user_of(config: Config) -> User | None:
    """Return the user that `node.user` names, None where the node stays who it is.

    Raises `ConfigError` for one who is not known, is root, or cannot be had.
    """
    name = config.node.user
    if name is None:
        return None
    if sys.platform != "linux":
        problem = f'is "{name}", and only on Linux can nwip become another user'
        raise ConfigError(config.file, "node.user", problem, "take the key out, and start nwip as that user")
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        mend = f"make that user with 'useradd --system {name}', or name another"
        raise ConfigError(
            config.file, "node.user", f'is "{name}", whom this machine does not know', mend
        ) from None
    user = User(name, entry.pw_uid, entry.pw_gid)
    if user.uid == 0:
        raise ConfigError(config.file, "node.user", f'is "{name}", which is root', "name another user")
    if os.geteuid() == user.uid:
        return None
    if os.geteuid() != 0:
        problem = f'is "{name}", and only root can become that user'
        raise ConfigError(config.file, "node.user", problem, "start nwip as root, or take the key out")
    return user


def become(user: User, config: Config) -> None:
    """Hand the node's directories over, then be that user, with what the configured links go on needing.

    Raises `ConfigError`.
    """
    for key, directory in (
        ("node.state", config.node.state_directory),
        ("node.control", config.node.control_path.parent),
    ):
        try:
            _hand_over(directory, user)
        except OSError as error:
            problem = f"means {directory}, which cannot be given to {user.name}: {error.strerror}"
            mend = f"write another path, or 'install -d -m 0700 -o {user.name} {directory}'"
            raise ConfigError(config.file, key, problem, mend) from None
    try:
        give_up_root(user, needed(config))
    except OSError as error:
        problem = f'is "{user.name}", whom nwip cannot become: {error.strerror or error}'
        mend = "start nwip with the capabilities of root, or as that user without the key"
        raise ConfigError(config.file, "node.user", problem, mend) from None
    for program in (os.__file__, __file__):  # much of both is imported later
        if not os.access(program, os.R_OK):
            problem = f'is "{user.name}", who may not read {program}'
            raise ConfigError(config.file, "node.user", problem, "install nwip where all may read it")


def needed(config: Config) -> frozenset[int]:
    """Return the capabilities by which links that lose their device open it again.

    Ports need none: they are bound by then.
    """
    kinds = {type(settings) for settings in config.links}
    raw = {CAP_NET_RAW} if EthernetSettings in kinds else set()
    return frozenset(raw | ({CAP_NET_ADMIN} if TapSettings in kinds else set()))


def give_up_root(user: User, keep: Iterable[int] = ()) -> None:
    """Be that user with just these capabilities, which nothing that is started inherits.

    Raises `OSError`; the process must then end, since part may have happened.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def control(option: int, argument: int) -> None:
        if libc.prctl(option, ctypes.c_ulong(argument), *[ctypes.c_ulong(0)] * 3) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    for capability in range(_CAPABILITIES):
        with contextlib.suppress(OSError):  # no kernel knows all of them
            control(_PR_CAPBSET_DROP, capability)
    control(_PR_SET_KEEPCAPS, 1)
    os.initgroups(user.name, user.gid)
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
    mask = sum(1 << capability for capability in keep)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    sets = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)  # effective, permitted, inheritable; twice
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    control(_PR_SET_KEEPCAPS, 0)
    control(_PR_SET_NO_NEW_PRIVS, 1)


def _hand_over(directory: Path, user: User) -> None:
    """Make a directory the user's, with the files that an earlier start as root has left in it.

    One that is somebody else's, or that others may look into, is no place of ours and left alone: it must
    then be one that the user may use.
    """
    directory.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        found = os.fstat(descriptor)
        if found.st_uid == user.uid:
            _hand_over_files(descriptor, user)
        elif found.st_uid == 0 and not stat.S_IMODE(found.st_mode) & 0o077:
            _hand_over_files(descriptor, user)
            os.fchown(descriptor, user.uid, user.gid)
        else:
            raise PermissionError(1, "it belongs to another user, or is not for its owner alone")
    finally:
        os.close(descriptor)


def _hand_over_files(directory: int, user: User) -> None:
    for name in os.listdir(directory):
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if found.st_uid != 0 or not stat.S_ISREG(found.st_mode):
            continue
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
        try:
            found = os.fstat(file)
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:  # no second name of a file elsewhere
                os.fchown(file, user.uid, user.gid)
        finally:
            os.close(file)
