"""The example templates: the documented placeholders, nothing left over, no external resources."""

import re
from pathlib import Path

import pytest

from artifacts.filling.placeholders import read

TEMPLATES = sorted(Path("fixtures").glob("*/template.html"))
every = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.parent.name)


def names(path: Path) -> list[str]:
    return [placeholder.name for placeholder in read(path.read_text("utf-8")).placeholders]


def test_there_are_three_examples() -> None:
    assert [path.parent.name for path in TEMPLATES] == ["lookbook", "press", "proposal"]


def test_the_lookbook_has_the_documented_placeholders_in_order() -> None:
    plates = [f"{part}_{number}" for number in range(1, 7) for part in ("IMAGE", "CAPTION")]
    assert names(TEMPLATES[0]) == ["TITLE", "HERO_IMAGE", "SUBTITLE", *plates, "CLOSING"]


@every
def test_every_placeholder_can_be_filled(path: Path) -> None:
    assert read(path.read_text("utf-8")).problems == ()
    assert names(path)[0] == "TITLE"


@every
def test_the_documentation_lists_the_placeholders_in_order(path: Path) -> None:
    section = Path("docs/templates.md").read_text("utf-8").partition("## The examples")[2].partition("## ")[0]
    row = next(line for line in section.splitlines() if f"../{path}" in line)
    assert re.findall(r"`([A-Z][A-Z0-9_]*)`", row) == names(path)


@every
def test_it_uses_no_external_resources_and_fits_an_upload(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.findall(r"https?://|@import|<link|<script|\son[a-z]+=", text) == []
    assert [found for found in re.findall(r'(?<!\[)(?:src|href)="([^"]*)"', text) if "{{" not in found] == []
    assert path.stat().st_size < 1 << 20
