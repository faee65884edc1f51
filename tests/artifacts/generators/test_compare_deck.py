"""Compare decks: columns in an order that reveals no provider, and failures shown as they are."""

import re
from dataclasses import replace

import pytest

from artifacts.generator import EmptyMaterialError
from artifacts.generators.compare_deck.generator import CompareDeck, CompareOptions
from artifacts.material import JobFacts, Material
from tests.artifacts.materials import job_of, material_of, uuid_of, variant_of


def page_of(material: Material, **options: object) -> str:
    """The page, as text."""
    made = CompareDeck().generate(material, replace(CompareOptions(), **options))  # type: ignore[arg-type]
    return made[0].content.decode()


def heads(page: str) -> list[tuple[str, str]]:
    """Letter and provider of each column, in their order."""
    pattern = r'<h3><span class="letter">(.*?)</span><span class="who">(.*?)</span></h3>'
    return re.findall(pattern, page)


def test_each_job_has_a_column_for_each_of_its_providers() -> None:
    found = heads(page_of(material_of(8)))
    assert [letter for letter, _ in found] == ["A", "B", "C", "D"] * 2
    for first in (0, 4):
        names = sorted(name for _, name in found[first : first + 4])
        assert names == ["gemini", "mock", "openai", "workers"]


def test_a_letter_does_not_depend_on_the_provider() -> None:
    found = heads(page_of(material_of(240)))
    for provider in ("gemini", "mock", "openai", "workers"):
        assert {letter for letter, name in found if name == provider} == {"A", "B", "C", "D"}


def test_more_than_26_providers_have_distinct_letters() -> None:
    variants = tuple(
        replace(variant_of(0), id=uuid_of(n), provider=f"p{n:02}", image_id=None) for n in range(60)
    )
    job: JobFacts = replace(job_of(0, range(0), ""), variants=variants)
    letters = [letter for letter, _ in heads(page_of(replace(material_of(1), jobs=(job,))))]
    assert letters[:2] + letters[25:28] + letters[51:53] == ["A", "B", "Z", "A2", "B2", "Z2", "A3"]
    assert len(set(letters)) == 60


def test_a_blind_page_starts_blind_and_its_preview_names_no_provider() -> None:
    page = page_of(material_of(4), blind=True)
    assert 'id="blind" checked' in page
    preview = re.findall(r'<meta property="og:description" content="(.*?)">', page)
    assert preview == ["1 job"]
    assert 'id="blind" checked' not in page_of(material_of(4))


def test_failed_and_omitted_images_are_reported() -> None:
    page = page_of(material_of(12))
    assert "Failed: refused" in page
    assert "The provider said no." in page
    assert "Skipped: near-duplicate of another" in page
    assert "1 image that failed is shown as it ended." in page


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("queued", "Not started"),
        ("running", "Still running"),
        ("cancelled", "Cancelled"),
        ("complete", "image is gone"),
    ],
)
def test_a_cell_without_an_image_gives_the_reason(status: str, said: str) -> None:
    variant = replace(variant_of(0), status=status, image_id=uuid_of(5))
    job = replace(job_of(0, range(0), ""), variants=(variant,))
    assert said in page_of(replace(material_of(1), jobs=(job,)))


def test_an_edit_is_shown_next_to_its_start_image() -> None:
    page = page_of(material_of(4))
    assert page.count('alt="Before: the start image"') == page.count("data-pair=") == 4
    material = material_of(4)
    images = tuple(replace(image, start_url="") for image in material.images)
    assert "data-pair=" not in page_of(replace(material, images=images))


def test_the_newest_jobs_are_kept() -> None:
    assert len(heads(page_of(material_of(12), most=1))) == 4


def test_images_without_jobs_are_refused() -> None:
    with pytest.raises(EmptyMaterialError, match="no jobs to compare"):
        page_of(replace(material_of(3), jobs=()))
