"""Reports: the figures and what is not known of them, which images are large, prompts, failures, hostile words."""

from dataclasses import replace
from decimal import Decimal

from artifacts.generators.stakeholder_pdf.generator import StakeholderOptions, StakeholderPdf, best_of
from artifacts.generators.stakeholder_pdf.report import summary
from artifacts.material import Material
from artifacts.parts.tally import tallies
from tests.artifacts.materials import HOSTILE, material_of
from tests.artifacts.pdf_text import pages_of, text_of


def made(material: Material, options: StakeholderOptions | None = None) -> bytes:
    return StakeholderPdf().generate(material, options or StakeholderOptions())[0].content


def together(content: bytes) -> str:
    return "".join(text_of(content).split())


def figures_of(material: Material) -> dict[str, tuple[str, str]]:
    found = summary(material, tallies(material.jobs, material.images))
    return {figure["label"]: (figure["value"], figure["note"]) for figure in found}


def test_the_rate_has_its_sample_and_unknown_costs_are_counted() -> None:
    figures = figures_of(material_of(12))
    assert figures["Images"] == ("12", "of 12 asked for")
    assert figures["Pass rate"] == ("67 %", "6 of 9 judged; 95 % interval 35 to 88 %; 3 not judged")
    assert figures["Cost"] == ("$0.36", "without 3 images of unknown cost")
    assert figures["Providers"] == ("4", "gemini, mock, openai, workers")
    assert figures["Without an image"] == ("2", "1 duplicate not kept, 1 refused")


def test_what_nobody_judged_or_priced_is_said_to_be_unknown() -> None:
    material = material_of(3)
    material = replace(
        material,
        images=tuple(replace(image, judgment=None, cost_usd=None) for image in material.images),
        jobs=tuple(
            replace(job, variants=tuple(replace(one, cost_usd=None) for one in job.variants))
            for job in material.jobs
        ),
    )
    figures = figures_of(material)
    assert figures["Pass rate"] == ("not known", "none of 3 images has a verdict")
    assert figures["Cost"] == ("not known", "without 3 images of unknown cost")
    assert "Whatthejudgesaid" not in together(made(material))


def test_a_cost_of_nothing_is_known() -> None:
    material = material_of(1)
    jobs = tuple(
        replace(job, variants=tuple(replace(one, cost_usd=Decimal(0)) for one in job.variants))
        for job in material.jobs
    )
    assert figures_of(replace(material, jobs=jobs))["Cost"] == (
        "$0.00",
        "known for every image returned",
    )


def test_images_that_passed_are_chosen_first_and_of_those_the_newest() -> None:
    chosen = best_of(material_of(8).images, 6)
    assert [image.judgment for image in chosen] == ["pass", "pass", "pass", "pass", None, None]
    assert [image.seed for image in chosen[:2]] == [7, 4]


def test_the_appendix_has_all_prompts_seeds_and_reasons_and_can_be_left_out() -> None:
    material = material_of(60)
    words = together(made(material))
    assert all(f"alighthouseatdusk,number{index}" in words for index in range(15))
    assert "seed59" in words
    assert "failed:refused" in words
    assert "Theprovidersaidno." in words
    assert "Allprompts" not in together(made(material, StakeholderOptions(appendix=False)))


def test_a_panorama_shares_its_page_and_most_bounds_the_large_images() -> None:
    few = pages_of(made(material_of(12), StakeholderOptions(most=1, appendix=False)))
    many = pages_of(made(material_of(12), StakeholderOptions(most=12, appendix=False)))
    assert len(few) < len(many) <= len(few) + 11


def test_hostile_words_are_text() -> None:
    words = together(made(material_of(3, words=HOSTILE)))
    assert "<script>alert(1)</script>\"'><imgsrc=xonerror=alert(2)>" in words
    assert '#import"x"\\$x$@ref=1+1' in words


def test_missing_and_broken_originals_have_a_frame_that_says_so() -> None:
    def read(key: str) -> bytes:
        if key.endswith("3"):
            return b"broken"
        raise FileNotFoundError(key)

    words = together(made(replace(material_of(4), read=read)))
    assert "Theoriginalismissing" in words
    assert "Theoriginalcannotberead" in words


def test_images_without_a_job_are_shown_all_the_same() -> None:
    words = together(made(replace(material_of(2), jobs=())))
    assert "imported" in words
    assert "Whatitcost" not in words
