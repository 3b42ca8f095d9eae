"""The state as text, laid out like the vendor's `showrcopy` (wsapi.md 3.3)."""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]


def show(state: Json) -> str:
    """Both sides' groups and what is broken."""
    lines = [
        f"Link {_word(state['link']['up'], 'up', 'DOWN')}, witness {_witness(state)}, time {state['clock']['time']}",
    ]
    for name, array in state["arrays"].items():
        lines += ["", *_array(name, array)]
    lines += [f"SIMULATOR FAILED: {failure}" for failure in state["failures"]]
    return "\n".join(lines)


def _array(name: str, array: Json) -> list[str]:
    power = _word(array["powered"], "Normal", "NO POWER")
    lines = [
        f"{name}  serial {array['serial']}  {power}  {array['url']}",
        f"  {len(array['volumes'])} volumes, {len(array['vluns'])} VLUNs, {len(array['hosts'])} hosts, "
        f"{array['sessions']['open']} sessions",
    ]
    if not array["groups"]:
        return [*lines, "  no Remote Copy groups"]
    rows = [("Name", "Target", "Status", "Role", "Mode", "Options")]
    details: list[list[tuple[str, ...]]] = [[]]
    for group_name, group in array["groups"].items():
        options = ",".join(group["policies"]) or "-"
        rows.append((group_name, group["target"], group["state"], group["role"], group["mode"], options))
        volumes = [
            (volume, member["remote_volume"], member["sync"], array["volumes"][volume]["access"])
            for volume, member in group["volumes"].items()
        ]
        details.append([("LocalVV", "RemoteVV", "SyncStatus", "Access"), *volumes] if volumes else [])
    for row, detail in zip(_columns(rows), details, strict=True):
        lines.append(f"  {row}")
        lines += [f"    {line}" for line in _columns(detail)]
    return lines


def _witness(state: Json) -> str:
    cut = [name for name, reaches in state["witness"]["reachable_from"].items() if not reaches]
    unreachable = f" (not reached by {', '.join(cut)})" if cut else ""
    return _word(state["witness"]["up"], "up", "DOWN") + unreachable


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows as lines with aligned columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _word(value: bool, yes: str, no: str) -> str:
    return yes if value else no
