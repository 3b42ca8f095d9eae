"""Every link in the documents leads to a file of the tree, and every anchor to a heading."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.tidy.tree import ROOT, none_of, text, tracked

LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*?$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")


def _documents() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md"]


def _links(path: Path) -> Iterator[str]:
    """Targets of the links of one document, code left out."""
    yield from LINK.findall(CODE.sub("", FENCE.sub("", text(path))))


@cache
def anchors(path: Path) -> frozenset[str]:
    """The anchors that a document's headings get: lower case, punctuation dropped, blanks turned into hyphens."""
    headings = re.findall(r"^#+\s+(.*?)\s*#*$", FENCE.sub("", text(path)), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)
    return frozenset(plain)


def _is_broken(document: Path, target: str) -> bool:
    if re.match(r"[a-z]+:", target):
        return False
    name, _, anchor = target.partition("#")
    file = (ROOT / document.parent / name).resolve() if name else ROOT / document
    if not file.exists() or not file.is_relative_to(ROOT):
        return True
    return bool(anchor) and file.suffix == ".md" and anchor not in anchors(file.relative_to(ROOT))


def test_links_in_documents_resolve() -> None:
    broken = [f"{path}: {target}" for path in _documents() for target in _links(path) if _is_broken(path, target)]
    none_of(broken)


def test_every_document_is_in_the_index() -> None:
    index = Path("docs/index.md")
    listed = {(ROOT / "docs" / target.partition("#")[0]).resolve() for target in _links(index)}
    missing = [p.as_posix() for p in _documents() if p.parts[0] == "docs" and p != index and ROOT / p not in listed]
    none_of(missing)


def test_anchors_are_made_as_the_forges_make_them() -> None:
    assert _is_broken(Path("docs/index.md"), "#no-such-heading")
    assert _is_broken(Path("docs/index.md"), "no-such-file.md")
    assert "house-limits" in anchors(Path("docs/architecture.md"))
