"""What a user probably meant: one place for the settings files and for StorageClass parameters."""

import difflib
from collections.abc import Iterable

#: Longer texts are no misspelt key; comparing them would only cost time.
_LONGEST_KEY = 80
_LONGEST_SHOWN = 80


def nearest(key: str, known: Iterable[str]) -> str:
    """The known key that `key` most likely stands for, whatever its case; "" if none is close."""
    if len(key) > _LONGEST_KEY:
        return ""
    by_folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(key.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else ""


def shown(text: str) -> str:
    """`text` quoted for a message, shortened if it is long."""
    return repr(text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "...")
