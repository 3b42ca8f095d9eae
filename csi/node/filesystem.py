"""What a device holds, and putting a file system on one that holds nothing.

The rule (docker-plugin.md B-11): a device is formatted only if it was read without an error, what was read is all
zeros, and blkid, whose "nothing found" and "cannot tell" differ by exit code only, finds nothing either. Fresh volumes
of these arrays read as zeros.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from csi.errors import AlreadyExistsDifferently, PathsMissing
from csi.node.port import Host, ToolFailed

BLOCK_BYTES = 1024 * 1024
HEAD_BLOCKS = 4
#: util-linux blkid -p: nothing found, or not a device it could read / more than one answer.
NOTHING, AMBIVALENT = 2, 8
#: e2fsck: errors corrected; and from here on they were not.
E2FSCK_UNCORRECTED = 4
#: ext2 is what the Docker plugin's mkfs without a type made (docker-plugin.md 3.7); ext4 mounts it as it is.
MOUNTED_AS_EXT4 = ("ext2", "ext3", "ext4")
PROBE_SECONDS = 30.0


class Content(StrEnum):
    """What kind of thing is on a device. UNKNOWN is data without a name."""

    BLANK = "blank"
    FILE_SYSTEM = "file system"
    PARTITIONS = "partition table"
    OTHER = "other signature"
    AMBIVALENT = "several signatures"
    UNKNOWN = "unknown data"


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found, and its name (ext4, gpt, LVM2_member, ...)."""

    content: Content
    name: str = ""

    def __str__(self) -> str:
        return f"{self.content.value} ({self.name})" if self.name else self.content.value


def probe(host: Host, device: str, size_bytes: int, read_seconds: float) -> Probe:
    """Look at a device. Raises PathsMissing if it cannot be read, ToolFailed if blkid itself fails."""
    zeros = _reads_as_zeros(host, device, size_bytes, read_seconds)
    result = host.run(["blkid", "-p", "-o", "export", host.device(device)], timeout_seconds=PROBE_SECONDS, check=False)
    if result.code == NOTHING:
        return Probe(Content.BLANK if zeros else Content.UNKNOWN)
    if result.code == AMBIVALENT:
        return Probe(Content.AMBIVALENT)
    if result.code != 0:
        raise ToolFailed(f"blkid cannot tell what {device} holds ({result.reason})", done="It was not touched")
    tags = dict(re.findall(r"^([A-Z_]+)=(.*)$", result.out, re.MULTILINE))
    if "TYPE" in tags:
        is_file_system = tags.get("USAGE", "filesystem") == "filesystem"
        return Probe(Content.FILE_SYSTEM if is_file_system else Content.OTHER, tags["TYPE"])
    if "PTTYPE" in tags:
        return Probe(Content.PARTITIONS, tags["PTTYPE"])
    return Probe(Content.OTHER)


def needs_making(found: Probe, wanted: str, *, unfinished: bool) -> bool:
    """Whether a file system has to be made: True for a blank device, False for one with a fitting file system.

    `unfinished` says that this node found the device blank before and was interrupted while formatting it; then data
    without a name are the traces of that. Anything else is refused with AlreadyExistsDifferently.
    """
    if found.content is Content.BLANK or (found.content is Content.UNKNOWN and unfinished):
        return True
    fitting = MOUNTED_AS_EXT4 if wanted == "ext4" else (wanted,)
    if found.content is Content.FILE_SYSTEM and found.name in fitting:
        return False
    raise AlreadyExistsDifferently(
        f"the volume holds {found}, and {wanted} was asked for",
        done="It was neither formatted nor mounted",
        hint="Ask for what it holds, or erase it yourself if nobody needs its content",
    )


def make(host: Host, device: str, fs_type: str, timeout_seconds: float) -> None:
    """Make a file system, without any force flag and without a discard: the device was just seen to be all zeros."""
    quiet = {"ext4": ["mkfs.ext4", "-q", "-E", "nodiscard"], "xfs": ["mkfs.xfs", "-q", "-K"]}
    host.run([*quiet[fs_type], host.device(device)], timeout_seconds=timeout_seconds)


def check(host: Host, device: str, name: str, timeout_seconds: float) -> None:
    """Repair a file system that another node may have left in the middle of a write. XFS replays its log when mounted.

    Raises ToolFailed if it needs a person.
    """
    if name not in MOUNTED_AS_EXT4:
        return
    result = host.run(["e2fsck", "-p", host.device(device)], timeout_seconds=timeout_seconds, check=False)
    if result.timed_out or result.code >= E2FSCK_UNCORRECTED:
        raise ToolFailed(
            f"e2fsck -p could not repair the file system ({result.reason})",
            done="It was not mounted",
            hint="Run e2fsck by hand on the volume, then repeat the call",
        )


def _reads_as_zeros(host: Host, device: str, size_bytes: int, read_seconds: float) -> bool:
    """Read the head, the middle and the tail past the page cache; True if all of it is zero bytes."""
    blocks = size_bytes // BLOCK_BYTES
    spots = {(0, min(HEAD_BLOCKS, blocks)), (blocks // 2, 1), (blocks - 1, 1)}
    zeros = True
    for skip, count in sorted(spots):
        result = host.run(
            [
                "dd",
                f"if={host.device(device)}",
                f"bs={BLOCK_BYTES}",
                f"skip={skip}",
                f"count={count}",
                "iflag=direct",
                "status=none",
            ],
            timeout_seconds=read_seconds,
            check=False,
        )
        if result.code != 0 or len(result.raw) != count * BLOCK_BYTES:
            raise PathsMissing(
                f"{device} cannot be read at {skip * BLOCK_BYTES} bytes ({result.reason})",
                done="It was not touched",
                hint="A device that cannot be read is not taken for a blank one; the call can be repeated",
            )
        zeros = zeros and not result.raw.strip(b"\0")
    return zeros
