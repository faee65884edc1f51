"""The local judge on transparent pictures: it measures only visible pixels, and compares alpha too."""

import pytest
from PIL import Image, ImageDraw

from progressions.enums import Judgment, Kind
from tests.motifs import SHAPES, Colour, motif
from tests.progressions.vendors.local.test_judge import verdict_on

WHITE, GREY, BLACK, RED = (255, 255, 255), (128, 128, 128), (0, 0, 0), (200, 30, 40)
INVISIBLE = "The picture is blank: all of it is transparent."


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("opacity", [255, 100])
@pytest.mark.parametrize("hidden", [None, WHITE, BLACK])
@pytest.mark.parametrize("colour", [WHITE, GREY, BLACK, RED])
def test_a_motif_of_any_colour_is_not_blank(
    shape: str, colour: Colour, opacity: int, hidden: Colour | None
) -> None:
    verdict = verdict_on(motif(shape, colour, opacity, hidden=hidden), prompt="a logo")
    assert verdict.judgment == Judgment.PASS
    assert "It has sharp edges." in verdict.notes


def test_a_small_motif_in_a_wide_clear_margin_is_not_blank() -> None:
    image = Image.new("RGBA", (800, 800))
    image.paste(motif("star", WHITE, side=120), (40, 40))
    assert verdict_on(image, prompt="a logo").judgment == Judgment.PASS


@pytest.mark.parametrize("hidden", [WHITE, BLACK, RED])
def test_a_fully_transparent_picture_is_blank(hidden: Colour) -> None:
    verdict = verdict_on(Image.new("RGBA", (300, 300), (*hidden, 0)), prompt="a red logo")
    assert (verdict.judgment, verdict.notes, verdict.tags) == (Judgment.FAIL, [INVISIBLE], [])
    assert verdict.retry_suggestion


def test_one_colour_from_edge_to_edge_is_blank_despite_round_corners() -> None:
    image = Image.new("RGBA", (300, 300), (*WHITE, 0))
    ImageDraw.Draw(image).rounded_rectangle((0, 0, 299, 299), 12, fill=(*WHITE, 255))
    assert verdict_on(image, prompt="a logo").judgment == Judgment.FAIL


@pytest.mark.parametrize(
    ("colour", "hidden", "tags"),
    [
        (WHITE, BLACK, ["bright", "monochrome", "white"]),
        (BLACK, WHITE, ["dark", "monochrome", "black"]),
        (RED, (0, 255, 0), ["dark", "colourful", "red"]),
    ],
)
def test_tags_describe_only_what_is_visible(colour: Colour, hidden: Colour, tags: list[str]) -> None:
    assert verdict_on(motif("circle", colour, hidden=hidden), prompt="").tags[1:4] == tags


@pytest.mark.parametrize(
    ("prompt", "colour", "is_passed"),
    [
        ("a bright star", WHITE, True),
        ("a bright star", BLACK, False),
        ("a star at night", BLACK, True),
        ("a star at night", WHITE, False),
        ("a black star", BLACK, True),
        ("a black star", WHITE, False),
        ("a white star", WHITE, True),
        ("a white star", BLACK, False),
        ("a green star", RED, False),
        ("a star in black and white", WHITE, True),
        ("a star in black and white", RED, False),
    ],
)
def test_light_and_colours_are_those_of_the_motif_not_of_its_background(
    prompt: str, colour: Colour, is_passed: bool
) -> None:
    verdict = verdict_on(motif("star", colour, hidden=(0, 255, 0)), prompt=prompt)
    assert (verdict.judgment == Judgment.PASS) is is_passed


@pytest.mark.parametrize("colour", [WHITE, BLACK, RED])
def test_removing_the_background_is_a_change(colour: Colour) -> None:
    cut = motif("star", colour)
    whole = Image.new("RGB", cut.size, "white")
    whole.paste(cut, mask=cut.getchannel("A"))
    verdict = verdict_on(cut, Kind.EDIT, "remove what is behind it", start=whole)
    assert verdict.judgment == Judgment.PASS


@pytest.mark.parametrize(("colour", "before"), [(WHITE, BLACK), (BLACK, WHITE), (RED, WHITE)])
def test_a_motif_in_another_colour_is_changed_and_related(colour: Colour, before: Colour) -> None:
    verdict = verdict_on(motif("star", colour), Kind.EDIT, "another paint", start=motif("star", before))
    assert verdict.judgment == Judgment.PASS


@pytest.mark.parametrize("colour", [WHITE, GREY, BLACK])
def test_the_same_motif_equals_the_start_image_whatever_it_hides(colour: Colour) -> None:
    verdict = verdict_on(
        motif("star", colour, hidden=BLACK), Kind.EDIT, "bigger", start=motif("star", colour, hidden=WHITE)
    )
    assert verdict.notes[0] == "The picture is the start image again: only 0.0% of it differs visibly."


def test_alpha_that_was_lost_outside_of_the_mask_is_reported() -> None:
    start = motif("star", BLACK)
    mask = Image.new("L", start.size)
    mask.paste(255, (100, 100, 160, 160))
    made = Image.new("RGB", start.size, "white")
    made.paste(start, mask=start.getchannel("A"))
    ImageDraw.Draw(made).rectangle((100, 100, 159, 159), fill=RED)
    verdict = verdict_on(made, Kind.INPAINT, "a spot", start=start, mask=mask)
    assert verdict.judgment == Judgment.FAIL
    assert verdict.notes[0].startswith("Outside the mask")
