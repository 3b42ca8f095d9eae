"""The page for users names every parameter there is."""

from pathlib import Path

import pytest

from csi.volumes.foreign_parameters import NOT_YET
from csi.volumes.parameters import KEYS

PAGE = (Path(__file__).parents[3] / "docs/storageclass.md").read_text()


@pytest.mark.parametrize("key", KEYS)
def test_every_parameter_has_its_row(key: str) -> None:
    assert f"\n| `{key}` |" in PAGE


@pytest.mark.parametrize("key", [key for key in NOT_YET if not key.startswith("csi.storage.k8s.io/")])
def test_every_key_that_is_refused_by_name_is_listed(key: str) -> None:
    assert f"`{key}`" in PAGE[PAGE.index("## Not supported yet") :]
