"""The lab's configuration: one small YAML file in which every key has a default."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from arraysim.core.clock import DEFAULT_EPOCH_SECONDS
from arraysim.core.options import ArrayPlan, CpgPlan, Options, default_arrays
from arraysim.core.personality import PERSONALITIES
from arraysim.sections import Section, explain, nearest
from arraysim.wsapi.sessions import IDLE_SECONDS, SESSION_CAP

DEFAULT_USER = "3paradm"
_DEFAULTS = Options()
#: A host's name is the name of its folder.
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,30}$")]
#: The switches of the arrays' rules: what `rules` may set.
RULES = tuple(row.name for row in dataclasses.fields(Options) if isinstance(getattr(_DEFAULTS, row.name), bool))


class ConfigError(ValueError):
    """A configuration that cannot be used. Names the file and every key that is wrong."""


class CpgConfig(Section):
    """A CPG of the start. `limit_mib` None: it grows without limit."""

    name: str = Field(min_length=1, max_length=31)
    limit_mib: int | None = Field(default=None, gt=0)


class ArrayConfig(Section):
    """One array. `port` is its WSAPI's, 0 for a free one. `target_name` "": named like the other array."""

    name: str = Field(default="", pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]{0,30})?$")
    port: int = Field(default=0, ge=0, le=65535)
    serial: str = ""
    system_id: int | None = Field(default=None, gt=0, lt=2**24)
    target_name: str = Field(default="", max_length=31)
    capacity_mib: int | None = Field(default=None, gt=0)
    cpgs: tuple[CpgConfig, ...] | None = None

    @field_validator("cpgs", mode="before")
    @classmethod
    def _names_alone(cls, value: Any) -> Any:  # noqa: ANN401  pydantic hands over what the file holds
        """A CPG may be given by its name alone."""
        if not isinstance(value, list | tuple):
            return value
        return [{"name": row} if isinstance(row, str) else row for row in value]

    def plan(self, default: ArrayPlan) -> ArrayPlan:
        """What the core wants, with gaps filled from `default`."""
        cpgs = default.cpgs if self.cpgs is None else tuple(CpgPlan(row.name, row.limit_mib) for row in self.cpgs)
        return dataclasses.replace(
            default,
            name=self.name or default.name,
            serial=self.serial or default.serial,
            system_id=self.system_id or default.system_id,
            target_name=self.target_name,
            capacity_mib=self.capacity_mib or default.capacity_mib,
            cpgs=cpgs,
        )


class LinkConfig(Section):
    """The Remote Copy link."""

    up: bool = True


class WitnessConfig(Section):
    """The quorum witness. `configured`: arbitration is set up on both arrays. Times are simulated seconds."""

    up: bool = True
    configured: bool = True
    failover_seconds: float = Field(default=_DEFAULTS.failover_after_seconds, gt=0)
    notice_seconds: float = Field(default=_DEFAULTS.witness_notice_seconds, gt=0)


class ClockConfig(Section):
    """Simulated time: `realtime` runs by itself, `speed` times as fast as a wall clock; `manual` is moved by hand."""

    mode: Literal["realtime", "manual"] = "realtime"
    speed: float = Field(default=1.0, gt=0, le=100_000)
    epoch_seconds: float = Field(default=DEFAULT_EPOCH_SECONDS, ge=0)


class SessionsConfig(Section):
    """WSAPI sessions of each array: how many at a time, and the simulated seconds after which an unused one dies."""

    cap: int = Field(default=SESSION_CAP, ge=1)
    idle_seconds: float = Field(default=IDLE_SECONDS, gt=0)


class LabConfig(Section):
    """A whole lab. `seed` makes generated passwords and session keys the same in every run; None: they are random.

    `password` "": generated. `rules` sets switches of the arrays' rules (`arraysim.core.options.Options`). `hosts` are
    simulated hosts that are made at the start, `mounts` who mounts on them. Times are simulated seconds.
    """

    seed: int | None = None
    personality: str = _DEFAULTS.personality
    arrays: tuple[ArrayConfig, ArrayConfig] = (ArrayConfig(), ArrayConfig())
    user: str = Field(default=DEFAULT_USER, min_length=1)
    password: str = Field(default="", repr=False)
    control_port: int = Field(default=0, ge=0, le=65535)
    link: LinkConfig = LinkConfig()
    witness: WitnessConfig = WitnessConfig()
    clock: ClockConfig = ClockConfig()
    sessions: SessionsConfig = SessionsConfig()
    switchover_seconds: float = Field(default=_DEFAULTS.switchover_seconds, ge=0)
    auto_recover_seconds: float = Field(default=_DEFAULTS.auto_recover_after_seconds, ge=0)
    sync_mib_per_second: float = Field(default=_DEFAULTS.sync_bytes_per_second / 2**20, gt=0)
    rules: dict[str, bool] = Field(default_factory=dict)
    hosts: tuple[HostName, ...] = ()
    mounts: Literal["auto", "table", "kernel"] = "auto"

    @field_validator("personality")
    @classmethod
    def _known_personality(cls, value: str) -> str:
        if value not in PERSONALITIES:
            raise ValueError(f"unknown personality {value!r}: use one of {', '.join(PERSONALITIES)}")
        return value

    @field_validator("rules")
    @classmethod
    def _known_rules(cls, value: dict[str, bool]) -> dict[str, bool]:
        for key in value:
            if key not in RULES:
                raise ValueError(f"unknown rule {key!r}{nearest(key, RULES)}")
        return value

    @model_validator(mode="after")
    def _different_arrays(self) -> Self:
        first, second = self.plans()
        if first.name == second.name:
            raise ValueError(f"arrays: both are called {first.name!r}, and need different names")
        if first.system_id == second.system_id:
            raise ValueError(f"arrays: both have the system id {first.system_id}, and need different ones")
        return self

    def with_hosts(self, names: Sequence[str]) -> "LabConfig":
        """The same with more hosts; one that is there already counts once. ConfigError for a bad name."""
        return parse_config({**self.model_dump(), "hosts": tuple(dict.fromkeys((*self.hosts, *names)))}, "--host")

    def plans(self) -> tuple[ArrayPlan, ArrayPlan]:
        """Both arrays, with every gap filled."""
        first, second = default_arrays()
        return self.arrays[0].plan(first), self.arrays[1].plan(second)

    def options(self) -> Options:
        """The same for the core."""
        return Options(
            arrays=self.plans(),
            personality=self.personality,
            failover_after_seconds=self.witness.failover_seconds,
            witness_notice_seconds=self.witness.notice_seconds,
            switchover_seconds=self.switchover_seconds,
            auto_recover_after_seconds=self.auto_recover_seconds,
            sync_bytes_per_second=self.sync_mib_per_second * 2**20,
            **{**self.rules, "witness_configured": self.witness.configured},
        )


def load_config(path: Path) -> LabConfig:
    """Read a YAML file. ConfigError names the file and every wrong key."""
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except OSError as failure:
        raise ConfigError(f"{path}: cannot be read: {failure.strerror}") from failure
    except (yaml.YAMLError, UnicodeDecodeError) as failure:
        raise ConfigError(f"{path}: is no YAML: {failure}") from failure
    return parse_config({} if content is None else content, str(path))


def parse_config(content: object, source: str) -> LabConfig:
    """The configuration in decoded YAML. ConfigError names `source` and every wrong key."""
    if not isinstance(content, dict):
        raise ConfigError(f"{source}: must hold keys and values at the top")
    try:
        return LabConfig.model_validate(content)
    except ValidationError as wrong:
        raise ConfigError("\n".join(f"{source}: {line}" for line in explain(LabConfig, wrong))) from None


SAMPLE = """\
# A lab of two arrays. Every key may be left out; the values here are the defaults.

# A number makes session keys and the generated password the same in every run.
seed: null

# primera-4.x or 3par-3.3.1
personality: primera-4.x

# Exactly two. The port is that of the array's WSAPI on 127.0.0.1, 0 takes a free one. The system id is the suffix of
# group names on the other array.
arrays:
  - name: array-a
    port: 0
    serial: "1646750"
    system_id: 46750
    target_name: ""            # "": its Remote Copy target is called like the other array
    capacity_mib: 104857600
    cpgs:
      - SSD_r6
      - name: NL_r6
        limit_mib: null        # grows without limit
  - name: array-b
    port: 0
    serial: "1646751"
    system_id: 46751
    target_name: ""
    capacity_mib: 104857600
    cpgs: [SSD_r6, NL_r6]

# The account of both arrays. An empty password is generated and written to the file `password` of the lab's folder.
user: 3paradm
password: ""

# Plain HTTP on 127.0.0.1: faults, power, links, time.
control_port: 0

link:
  up: true

# Times are simulated seconds from here on.
witness:
  up: true
  configured: true             # the quorum witness is set up on both arrays
  failover_seconds: 10         # from losing contact to an automatic failover
  notice_seconds: 5            # until both arrays agree that the witness is gone

switchover_seconds: 2          # I/O is blocked for this long
auto_recover_seconds: 5        # from regained contact to the restart of groups with autoRecover
sync_mib_per_second: 16384     # initial copies and resyncs

clock:
  mode: realtime               # or manual: `arraysim ctl clock advance SECONDS` moves it
  speed: 1                     # simulated seconds per real second
  epoch_seconds: 1704067200    # 2024-01-01T00:00:00Z

# WSAPI sessions of each array.
sessions:
  cap: 32
  idle_seconds: 900

# Switches for behaviour that the vendor's papers leave open; see arraysim/core/options.py.
rules:
  switchover_naturalises: false
  start_of_empty_group_refused: false

# Simulated hosts to make at the start.
hosts: []

# Who mounts file systems on them: this machine's kernel (needs root and /dev/fuse), a table of the host's own where
# files do not reach the volume, or auto: the kernel if it can be had.
mounts: auto
"""
