"""The judge report: verdicts, notes, tags, and every failed image."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.test import Client

from artifacts.generator import EmptyMaterialError, generators
from artifacts.generators.judge_report.generator import JudgeReportOptions
from artifacts.material import ImageFacts, Material
from artifacts.models import Artifact
from tests.artifacts.materials import START_MS, image_of, material_of

DAY_MS = 86_400_000


def page_of(*images: ImageFacts, most: int = 500) -> str:
    (file,) = generators.get("judgeReport").generate(material_with(*images), JudgeReportOptions(most=most))
    return file.content.decode()


def material_with(*images: ImageFacts) -> Material:
    return replace(material_of(0), images=images)


def failed(number: int, **fields: object) -> ImageFacts:
    return replace(image_of(number), judgment="fail", **fields)  # type: ignore[arg-type] # the caller's fields


def passed(number: int, **fields: object) -> ImageFacts:
    return replace(image_of(number), judgment="pass", **fields)  # type: ignore[arg-type] # the caller's fields


def test_verdicts_are_counted_with_their_interval() -> None:
    page = page_of(*(passed(number) for number in range(5)), *(failed(number) for number in (5, 6, 7, 8, 10)))
    assert "5 of 10 judged images passed: 50 %, and the true rate is likely between 24 and 76 %." in page
    assert "5 failed; the judge suggests a next try for 1 of them." in page


def test_each_failed_image_is_shown_with_its_notes_and_what_to_try_next() -> None:
    page = page_of(
        passed(1, prompt="a good one"),
        failed(
            2, prompt="a bad one", notes=("The tower leans.",), retry_suggestion="Ask for a straight tower."
        ),
        failed(3, prompt="another bad one", retry_suggestion=""),
    )
    cases = page.split('<li class="case card"')[1:]
    assert len(cases) == 2
    assert "another bad one" in cases[0]
    assert "The judge made no suggestion." in cases[0]
    assert "The tower leans." in cases[1]
    assert "Ask for a straight tower." in cases[1]


def test_images_without_a_verdict_are_listed_apart_and_not_counted_in_rates() -> None:
    page = page_of(passed(1), replace(image_of(2), judgment=None))
    assert "1 of 1 judged image passed" in page
    assert "1 of 2 has no verdict." in page
    assert '<h2 id="unjudged">Not judged</h2>' in page
    assert "nothing has been judged yet" in page_of(replace(image_of(2), judgment=None))


def test_a_tag_has_the_rate_of_its_images_regardless_of_case() -> None:
    page = page_of(
        passed(1, tags=("Blue",)),
        failed(2, tags=("blue ",)),
        failed(3, tags=("red",)),
        failed(4, tags=("blue",)),
    )
    assert (
        '<tr><th scope="row">Blue</th><td class="num">3</td><td class="num">3</td><td class="num">33 %</td>'
        in page
    )
    assert '<option value="blue">blue</option><option value="red">red</option>' in page


def test_days_are_compared_when_there_is_more_than_one() -> None:
    assert "Verdicts by day" not in page_of(passed(1), failed(2))
    page = page_of(passed(1, created_at=START_MS), failed(2, created_at=START_MS + DAY_MS))
    assert "Verdicts by day" in page
    assert '<th scope="row">2025-11-22</th><td class="num">1</td><td class="num">0</td>' in page
    assert '<th scope="row">2025-11-23</th><td class="num">0</td><td class="num">1</td>' in page


def test_an_image_restored_by_a_rollback_is_not_counted_again() -> None:
    page = page_of(passed(1), replace(image_of(2), judgment=None, kind="rollback"))
    assert "1 of 1 judged image passed" in page
    assert "no verdict" not in page
    with pytest.raises(EmptyMaterialError, match="no images yet"):
        page_of(replace(image_of(2), kind="rollback"))


def test_the_number_of_failed_images_shown_is_limited_and_reported() -> None:
    page = page_of(*(failed(number) for number in range(5)), most=2)
    assert page.count('<li class="case card"') == 2
    assert "The newest 2 of 5." in page


def test_the_table_has_a_row_for_each_image_and_contains_no_formula() -> None:
    images = (failed(1, prompt='=HYPERLINK("http://x")', notes=("+1", "two")), passed(2))
    (file,) = generators.get("judgeReport").generate(material_with(*images), JudgeReportOptions(format="csv"))
    assert (file.name, file.media_type) == ("verdicts.csv", "text/csv; charset=utf-8")
    first, second = csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"), newline=""))
    assert first["prompt"] == '\'=HYPERLINK("http://x")'
    assert first["notes"] == "'+1\ntwo"
    assert first["created_at"] == "2025-11-22T09:26:40Z"
    assert (first["judgment"], second["judgment"]) == ("fail", "pass")


def test_an_artifact_made_as_a_table_is_served_as_csv(publish: Callable[..., Artifact]) -> None:
    artifact = publish("judgeReport", options={"format": "csv"})
    assert artifact.output == "csv"
    answer = Client().get(f"/public/artifact/{artifact.public_slug}")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'inline; filename="{artifact.public_slug}.csv"'
