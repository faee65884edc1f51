"""The archive manifest: objects with their digests, missing ones marked, safe to open in a spreadsheet."""

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from artifacts.generator import EmptyMaterialError, generators
from artifacts.material import StoredObject
from artifacts.options import parse
from tests.artifacts.materials import material_of

OBJECTS = (
    StoredObject("originals", "project/p/a", "image_progressions/1", "image/png", 5, "a" * 64),
    StoredObject("originals", "project/p/b", "jobs/2", "", None, None),
    StoredObject("elsewhere", "=HYPERLINK(1)", "image_progressions/1", "", None, None),
)


def listed(format_: str) -> bytes:
    generator = generators.get("r2ArchiveManifest")
    material = replace(material_of(1), objects=lambda: OBJECTS)
    (file,) = generator.generate(material, parse(generator.options, {"format": format_}))
    return file.content


def test_a_table_marks_missing_objects_and_contains_no_formula() -> None:
    rows = list(csv.reader(io.StringIO(listed("csv").decode("utf-8-sig"), newline="")))
    assert rows == [
        ["storage", "key", "bytes", "sha256", "media_type", "row", "state"],
        ["originals", "project/p/a", "5", "a" * 64, "image/png", "image_progressions/1", "stored"],
        ["originals", "project/p/b", "", "", "", "jobs/2", "missing"],
        ["elsewhere", "'=HYPERLINK(1)", "", "", "", "image_progressions/1", "not read"],
    ]


def test_the_json_form_has_the_same_content_and_totals() -> None:
    made: Any = json.loads(listed("json"))
    assert (made["format"], made["version"]) == ("dali.archive", 1)
    assert (made["count"], made["bytes"], made["missing"]) == (3, 5, 1)
    assert made["objects"][0] == {
        "storage": "originals",
        "key": "project/p/a",
        "bytes": 5,
        "sha256": "a" * 64,
        "media_type": "image/png",
        "row": "image_progressions/1",
        "state": "stored",
    }
    assert made["objects"][2]["key"] == "=HYPERLINK(1)"


def test_a_project_without_stored_objects_is_refused() -> None:
    generator = generators.get("r2ArchiveManifest")
    with pytest.raises(EmptyMaterialError, match="nothing is stored"):
        generator.generate(replace(material_of(1), objects=lambda: ()), generator.options())
