"""What the command line (or its environment variables) says to each verb."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from csi.access import AccessProtocol

#: In place of a journal's file: forget everything at the end, for trials only.
MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class LogOptions:
    """How log lines look, and from which level up they are written; both on stderr."""

    style: Literal["json", "console"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """Where the arrays are described: see `csi.settings.load.load_settings`."""

    config: Path
    passphrase_file: Path | None = None
    ca_bundle: str = ""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """`workers` is how many calls run at a time for each backend; `grace_seconds` how long a stop waits for them."""

    endpoint: str
    workers: int = 16
    grace_seconds: float = 25.0


@dataclass(frozen=True, slots=True)
class ControllerOptions:
    """`journal` is a file, or MEMORY. `remove_groups`: see `csi.volumes.office.Office`."""

    serve: ServeOptions
    backends: BackendOptions
    log: LogOptions
    journal: str
    remove_groups: Literal["made", "any", "never"] = "made"


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """`host_root` and `exec_mode`: see `csi.node.host.LinuxHost`; `state_folder`, `max_volumes`: `csi.node.desk`."""

    serve: ServeOptions
    log: LogOptions
    node_name: str
    protocols: tuple[AccessProtocol, ...]
    state_folder: Path
    host_root: Path = Path("/")
    exec_mode: Literal["path", "chroot", "nsenter"] = "path"
    max_volumes: int = 200


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """Read the settings, ask every array in them, change nothing."""

    backends: BackendOptions
    log: LogOptions


Options = ControllerOptions | NodeOptions | CheckOptions
