"""The example template: the placeholders that docs/generators.md names, and nothing from elsewhere."""

import re
from pathlib import Path

TEMPLATE = Path("fixtures/lookbook/template.html")


def test_it_has_the_placeholders_of_the_documentation_in_that_order() -> None:
    found = list(dict.fromkeys(re.findall(r"\{\{(\w+)\}\}", TEMPLATE.read_text("utf-8"))))
    plates = [f"{part}_{number}" for number in range(1, 7) for part in ("IMAGE", "CAPTION")]
    assert found == ["TITLE", "HERO_IMAGE", "SUBTITLE", *plates, "CLOSING"]


def test_it_needs_nothing_from_elsewhere_and_fits_an_upload() -> None:
    text = TEMPLATE.read_text("utf-8")
    assert re.findall(r"https?://|@import|<link|<script", text) == []
    assert set(re.findall(r'(?:src|href)="([^"]*)"', text)) == {
        "{{HERO_IMAGE}}", *(f"{{{{IMAGE_{number}}}}}" for number in range(1, 7))
    }  # fmt: skip
    assert TEMPLATE.stat().st_size < 1 << 20
