"""The pages for users name every key there is."""

from pathlib import Path

import pytest

from csi.settings import plugin_keys
from csi.settings.load import CA_BUNDLE_VARIABLE, PASSPHRASE_VARIABLE
from csi.settings.yaml_file import ArrayDoc, BackendDoc

PAGE = (Path(__file__).parents[3] / "docs/settings.md").read_text()
YAML_KEYS = [str(field.alias) for doc in (ArrayDoc, BackendDoc) for field in doc.model_fields.values()]


@pytest.mark.parametrize("key", sorted({*plugin_keys.SECTION, *plugin_keys.DEVICE, *plugin_keys.IGNORED, *YAML_KEYS}))
def test_every_key_of_both_formats_is_described(key: str) -> None:
    assert f"`{key}`" in PAGE


@pytest.mark.parametrize("name", [CA_BUNDLE_VARIABLE, PASSPHRASE_VARIABLE])
def test_every_variable_is_described(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_the_page_says_what_the_encryption_is_worth() -> None:
    assert "**This form of encryption protects nothing.**" in PAGE
