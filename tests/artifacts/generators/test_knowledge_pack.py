"""The knowledge pack: tips as the knowledge base has them, with the results of their images."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from artifacts.generator import generators
from artifacts.material import Material, MaterialTip, TipFacts
from artifacts.options import parse
from tests.artifacts.materials import image_of, material_of


def packed(material: Material, **options: object) -> Any:
    generator = generators.get("knowledgePack")
    (file,) = generator.generate(material, parse(generator.options, options))
    return json.loads(file.content)


def test_each_tip_is_listed_as_in_the_fixture() -> None:
    files = Path("progressions/vendors").glob("*/tips.json")
    rows = [row for file in files for row in json.loads(file.read_text("utf-8"))]
    tips = tuple(
        TipFacts(
            key=row["pk"],
            provider=row["fields"]["provider"],
            guidance=row["fields"]["value"]["guidance"],
            addition=row["fields"]["value"]["addition"],
            kinds=tuple(row["fields"]["value"]["kinds"]),
            keywords=tuple(row["fields"]["value"]["keywords"]),
            position=row["fields"]["position"],
            is_enabled=row["fields"]["enabled"],
        )
        for row in rows
        if row["model"] == "knowledgebase.tip"
    )
    pack = packed(replace(material_of(3), tips=tips))
    assert (pack["format"], pack["version"]) == ("dali.tips", 1)
    kept = {
        row["pk"]: {name: row["fields"][name] for name in ("provider", "enabled", "position", "value")}
        for row in rows
        if row["model"] == "knowledgebase.tip"
    }
    assert {tip["key"]: {name: tip[name] for name in kept[tip["key"]]} for tip in pack["tips"]} == kept


def test_usage_counts_images_judged_images_and_passed_images() -> None:
    tip = (MaterialTip("mock.light", "soft light"),)
    earlier = (MaterialTip("mock.light", "warm light"),)
    verdicts = [("pass", tip), ("pass", tip), ("fail", tip), (None, tip), ("fail", earlier), ("pass", ())]
    images = tuple(
        replace(image_of(number), provider="mock", judgment=judgment, tips=tips)
        for number, (judgment, tips) in enumerate(verdicts)
    )
    pack = packed(replace(material_of(6), images=images))
    use = next(tip["use"] for tip in pack["tips"] if tip["key"] == "mock.light")
    assert use == {
        "count": 5,
        "judged": 4,
        "passes": 2,
        "pass_rate": 0.5,
        "wordings": [
            {"addition": "soft light", "count": 4, "judged": 3, "passes": 2, "pass_rate": 0.6667},
            {"addition": "warm light", "count": 1, "judged": 1, "passes": 0, "pass_rate": 0.0},
        ],
    }
    mock = next(provider for provider in pack["providers"] if provider["provider"] == "mock")
    assert mock["with_tips"]["pass_rate"] == 0.5
    assert mock["without_tips"] == {"count": 1, "judged": 1, "passes": 1, "pass_rate": 1.0}


def test_a_tip_that_was_never_applied_has_no_rate_and_can_be_left_out() -> None:
    material = replace(material_of(1), images=(replace(image_of(0), tips=()),))
    assert packed(material)["tips"][0]["use"] == {
        "count": 0, "judged": 0, "passes": 0, "pass_rate": None, "wordings": []
    }  # fmt: skip
    assert packed(material, used_only=True)["tips"] == []


def test_a_tip_that_was_deleted_later_is_marked() -> None:
    image = replace(image_of(0), tips=(MaterialTip("gemini.gone", "in fog"),))
    pack = packed(replace(material_of(1), images=(image,)))
    assert [tip["key"] for tip in pack["gone"]] == ["gemini.gone"]
    assert pack["gone"][0]["use"]["count"] == 1
