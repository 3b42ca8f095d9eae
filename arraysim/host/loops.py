"""Loop devices by ioctl (linux/loop.h)."""

import contextlib
import errno
import fcntl
import os
import stat
from pathlib import Path

from arraysim.host.maps import LOOP_MAJOR

_CONTROL = "/dev/loop-control"
_SET_FD, _CLR_FD, _SET_STATUS64, _SET_CAPACITY, _GET_FREE = 0x4C00, 0x4C01, 0x4C04, 0x4C07, 0x4C82
_ATTEMPTS = 16
#: struct loop_info64, of which only the name is set.
_INFO_BYTES, _NAME_AT, _NAME_BYTES = 232, 56, 64


class NoLoopDevice(Exception):
    """This machine gives us no loop device."""


def _node(number: int) -> str:
    path = f"/dev/loop{number}"
    if not os.path.exists(path):
        os.mknod(path, 0o660 | stat.S_IFBLK, os.makedev(LOOP_MAJOR, number))
    return path


def free() -> int:
    """The number of a free loop device. OSError."""
    control = os.open(_CONTROL, os.O_RDWR)
    try:
        return fcntl.ioctl(control, _GET_FREE)
    finally:
        os.close(control)


def attach(backing: Path) -> int:
    """Put a loop device over a file; its number. NoLoopDevice, OSError."""
    target = os.open(backing, os.O_RDWR)
    try:
        for _ in range(_ATTEMPTS):
            number = free()
            device = os.open(_node(number), os.O_RDWR)
            try:
                fcntl.ioctl(device, _SET_FD, target)
                info = bytearray(_INFO_BYTES)
                name = os.fsencode(backing)[: _NAME_BYTES - 1]
                info[_NAME_AT : _NAME_AT + len(name)] = name
                fcntl.ioctl(device, _SET_STATUS64, bytes(info))
            except OSError as error:
                if error.errno != errno.EBUSY:  # somebody was faster
                    raise
            else:
                return number
            finally:
                os.close(device)
    finally:
        os.close(target)
    raise NoLoopDevice("every free loop device was taken by somebody else")


def refresh_size(number: int, backing: Path) -> None:
    """Take over the file's new size."""
    os.stat(backing)  # tells the kernel the size
    device = os.open(_node(number), os.O_RDWR)
    try:
        fcntl.ioctl(device, _SET_CAPACITY)
    finally:
        os.close(device)


def in_use(number: int) -> bool:
    """Whether something holds it exclusively, as a mounted file system does."""
    try:
        os.close(os.open(_node(number), os.O_RDONLY | os.O_EXCL))
    except OSError as error:
        return error.errno == errno.EBUSY
    return False


def detach(number: int) -> None:
    """Let go of the file; if somebody still uses the device, as soon as nobody does."""
    with contextlib.suppress(OSError):
        device = os.open(_node(number), os.O_RDONLY)
        try:
            fcntl.ioctl(device, _CLR_FD)
        finally:
            os.close(device)
