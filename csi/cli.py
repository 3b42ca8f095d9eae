"""The command `csi-3par`: reads flags and environment, then hands over to wiring."""

import argparse
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from csi.access import AccessProtocol
from csi.errors import DriverError
from csi.rpc import logs
from csi.rpc.version import driver_version
from csi.settings.options import (
    MEMORY,
    BackendOptions,
    CheckOptions,
    ControllerOptions,
    LogOptions,
    NodeOptions,
    Options,
    ServeOptions,
)

EXAMPLES = """examples:
  csi-3par check --config backends.yaml
      read the settings and ask every array whether it can be used
  csi-3par controller --endpoint unix:///csi/csi.sock --config /etc/csi-3par/backends.yaml
      serve the controller beside the Kubernetes sidecars
  csi-3par controller --endpoint /tmp/csi.sock --config hpe.conf --journal memory --log-format console
      try the driver by hand, with the settings file of HPE's Docker plugin
  csi-3par node --endpoint unix:///csi/csi.sock --node-name worker-1 --host-root /host --exec-mode chroot
      serve one node from a container that sees the host's files under /host

Every flag can be given as the environment variable named with it; the flag wins.
"""


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run one verb; the answer is the exit code: 0 done, 1 failed, 2 wrong flags."""
    options = parse(arguments, os.environ if environ is None else environ)
    logs.configure(options.log.style, options.log.level)
    from csi import wiring  # late: `--help` and wrong flags need none of the driver

    try:
        if isinstance(options, ControllerOptions):
            return wiring.run_controller(options)
        if isinstance(options, NodeOptions):
            return wiring.run_node(options)
        return wiring.run_check(options)
    except DriverError as error:
        sys.stderr.write(f"csi-3par: {error}\n")
        return 1


def parse(arguments: Sequence[str] | None, environ: Mapping[str, str]) -> Options:
    """The options that flags and environment give; exits with 2 and a reason if they are wrong."""
    parser = argparse.ArgumentParser(
        prog="csi-3par",
        description="Kubernetes CSI driver for HPE 3PAR, Primera and Alletra 9000 with Peer Persistence.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"csi-3par {driver_version()}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, words, fill, _ in _VERBS:
        one = verbs.add_parser(
            verb, help=words, description=words, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        flags = _Flags(one, environ)
        fill(flags)
        _log_flags(flags)
    found = parser.parse_args(arguments)
    return next(build(found) for verb, _, _, build in _VERBS if verb == found.verb)


class _Flags:
    """Adds flags whose default is an environment variable's value, and says so in their help."""

    def __init__(self, parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
        self._parser = parser
        self._environ = environ

    def add(
        self,
        flag: str,
        variable: str,
        words: str,
        *,
        default: str | None = None,
        read: Callable[[str], object] = str,
        choices: Sequence[str] | None = None,
    ) -> None:
        """`default` None makes the flag (or its variable) obligatory. `read` turns text into the value, or raises."""
        given = self._environ.get(variable) or default
        usual = f", default {default}" if default else ""
        self._parser.add_argument(
            flag,
            type=_one_of(choices) if choices else read,
            default=given,
            required=given is None,
            metavar="|".join(choices) if choices else flag.rpartition("-")[2].upper(),
            help=f"{words} [{variable}{usual}]".replace("%", "%%"),
        )


def _serve_flags(flags: _Flags) -> None:
    flags.add("--endpoint", "CSI_ENDPOINT", "UNIX socket to serve: unix:///path or a bare path")
    flags.add("--workers", "THREEPAR_WORKERS", "calls at a time for each backend", default="16", read=_at_least(1))
    flags.add(
        "--grace-seconds",
        "THREEPAR_GRACE_SECONDS",
        "how long a stop waits for running calls",
        default="25",
        read=_seconds,
    )


def _backend_flags(flags: _Flags) -> None:
    flags.add(
        "--config",
        "THREEPAR_CONFIG",
        "file that describes the arrays: our YAML, or the Docker plugin's hpe.conf",
        default="/etc/csi-3par/backends.yaml",
        read=Path,
    )
    flags.add(
        "--passphrase-file",
        "THREEPAR_PASSPHRASE_FILE",
        "file or folder with the pass phrase of an hpe.conf's encrypted passwords",
        default="",
    )
    flags.add(
        "--ca-bundle", "THREEPAR_CA_BUNDLE", "PEM file for arrays without a trust setting of their own", default=""
    )


def _log_flags(flags: _Flags) -> None:
    flags.add("--log-format", "THREEPAR_LOG_FORMAT", "how log lines look", default="json", choices=logs.STYLES)
    flags.add("--log-level", "THREEPAR_LOG_LEVEL", "lines from this level up", default="info", choices=logs.LEVELS)


def _controller_flags(flags: _Flags) -> None:
    _serve_flags(flags)
    _backend_flags(flags)
    flags.add(
        "--journal",
        "THREEPAR_JOURNAL",
        f"file that remembers unfinished operations over a restart; '{MEMORY}' keeps nothing",
        default="/var/lib/csi-3par/journal.db",
    )
    flags.add(
        "--remove-groups",
        "THREEPAR_REMOVE_GROUPS",
        "which emptied Remote Copy groups DeleteVolume removes",
        default="made",
        choices=("made", "any", "never"),
    )


def _node_flags(flags: _Flags) -> None:
    _serve_flags(flags)
    flags.add("--node-name", "NODE_NAME", "this node's name in the cluster", default=socket.gethostname())
    flags.add("--protocols", "THREEPAR_PROTOCOLS", "how this node reaches arrays", default="iscsi,fc", read=_protocols)
    flags.add(
        "--state-folder",
        "THREEPAR_STATE_FOLDER",
        "folder on the node's disk that remembers staged volumes",
        default="/var/lib/csi-3par/node",
        read=Path,
    )
    flags.add("--host-root", "THREEPAR_HOST_ROOT", "where the host's files are seen", default="/", read=Path)
    flags.add(
        "--exec-mode",
        "THREEPAR_EXEC_MODE",
        "how the host's tools run when the host root is not /",
        default="path",
        choices=("path", "chroot", "nsenter"),
    )
    flags.add(
        "--max-volumes", "THREEPAR_MAX_VOLUMES", "volumes this node takes, 0 for any", default="200", read=_at_least(0)
    )


def _controller(found: argparse.Namespace) -> Options:
    return ControllerOptions(
        _serve(found), _backends(found), _log(found), journal=found.journal, remove_groups=found.remove_groups
    )


def _node(found: argparse.Namespace) -> Options:
    return NodeOptions(
        _serve(found),
        _log(found),
        node_name=found.node_name,
        protocols=found.protocols,
        state_folder=found.state_folder,
        host_root=found.host_root,
        exec_mode=found.exec_mode,
        max_volumes=found.max_volumes,
    )


def _check(found: argparse.Namespace) -> Options:
    return CheckOptions(_backends(found), _log(found))


def _serve(found: argparse.Namespace) -> ServeOptions:
    return ServeOptions(found.endpoint, found.workers, found.grace_seconds)


def _backends(found: argparse.Namespace) -> BackendOptions:
    phrase = Path(found.passphrase_file) if found.passphrase_file else None
    return BackendOptions(found.config, phrase, found.ca_bundle)


def _log(found: argparse.Namespace) -> LogOptions:
    return LogOptions(found.log_format, found.log_level)


_VERBS: tuple[tuple[str, str, Callable[[_Flags], None], Callable[[argparse.Namespace], Options]], ...] = (
    ("controller", "Serve the controller: create, delete, export volumes.", _controller_flags, _controller),
    ("node", "Serve this node: attach and mount volumes.", _node_flags, _node),
    ("check", "Read the settings and ask every array in them; changes nothing.", _backend_flags, _check),
)


def _one_of(choices: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(choices)}")
        return text

    return read


def _at_least(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} up")
        return int(text)

    return read


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


def _protocols(text: str) -> tuple[AccessProtocol, ...]:
    try:
        return tuple(dict.fromkeys(AccessProtocol(word.strip()) for word in text.split(",")))
    except ValueError:
        known = ",".join(AccessProtocol)
        raise argparse.ArgumentTypeError(f"{text!r} is not a list out of {known}") from None
