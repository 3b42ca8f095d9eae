"""What the driver writes into a volume's comment on the array: whose it is, what was asked, and what the CO was told.

This is the driver's only memory of a volume, so it is on both arrays. An array keeps 511 characters (wsapi.md 2.4).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from csi.errors import InvalidRequest
from csi.names import digest

LABEL_LIMIT = 511
_MARK = "csi-3par"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Label:
    """`csi_name` is the CO's name (or a hash of one the array could not keep); `asked` what the parameters came to;
    `context` the volume context; `made_group` whether the driver made the group that the volume is in.
    """

    csi_name: str
    asked: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)
    made_group: bool = False

    def text(self) -> str:
        """The comment. InvalidRequest if the array could not keep it."""
        parts: dict[str, object] = {_MARK: _VERSION, "name": self.csi_name, "asked": dict(self.asked)}
        if self.context:
            parts["context"] = dict(self.context)
        if self.made_group:
            parts["group"] = "made"
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        if len(text) > LABEL_LIMIT:
            raise InvalidRequest(
                f"name and parameters need {len(text)} characters of the volume's comment, which has {LABEL_LIMIT}",
                hint="Use a shorter volume name or backend name",
            )
        return text

    def differences(self, wanted: "Label") -> tuple[str, ...]:
        """What this volume was made with that `wanted` asks otherwise, in words."""
        pairs = [("name", self.csi_name, wanted.csi_name)]
        for mine, theirs in ((self.asked, wanted.asked), (self.context, wanted.context)):
            pairs += [(key, mine.get(key, ""), theirs.get(key, "")) for key in sorted({*mine, *theirs})]
        return tuple(
            f"{what} is {here or 'unset'!r}, not {there or 'unset'!r}" for what, here, there in pairs if here != there
        )


def keepable(csi_name: str) -> str:
    """The name as a label keeps it: itself, or a hash if it is not plain ASCII."""
    return csi_name if csi_name.isascii() and csi_name.isprintable() else f"sha256:{digest(csi_name, 52)}"


def read_label(comment: str) -> Label | None:
    """The label in a volume's comment; None if the driver did not write it."""
    try:
        parts = json.loads(comment)
    except ValueError:
        return None
    if not isinstance(parts, dict) or parts.get(_MARK) != _VERSION or not isinstance(parts.get("name"), str):
        return None
    return Label(parts["name"], _texts(parts.get("asked")), _texts(parts.get("context")), parts.get("group") == "made")


def _texts(value: object) -> dict[str, str]:
    return {str(key): str(text) for key, text in value.items()} if isinstance(value, dict) else {}
