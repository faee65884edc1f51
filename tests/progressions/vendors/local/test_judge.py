"""The local judge: what it passes, what it fails, and its notes."""

import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from dali.lib.clock import Deadline
from dali.lib.pictures.images import decode
from progressions.enums import Judgment, Kind
from progressions.judge import JudgeRequest, Verdict
from progressions.vendors.local.judge import LocalJudge
from tests.progressions.pictures import landscape, mask_of, picture

JUDGE = LocalJudge()
START = landscape((320, 240))
STRANGER = landscape((320, 240), seed=77).convert("L").convert("RGB").rotate(180)
NOT_CHECKED = "Not checked: objects, people, text and style; this judge only measures pixels."
MASK = decode(mask_of(START.size, (100, 60, 219, 179))).image.convert("L")


def verdict_on(
    image: Image.Image,
    kind: Kind = Kind.GENERATE,
    prompt: str = "a lighthouse",
    *,
    start: Image.Image | None = None,
    mask: Image.Image | None = None,
    size: tuple[int, int] | None = None,
) -> Verdict:
    return JUDGE.judge(
        JudgeRequest(
            kind=kind,
            prompt=prompt,
            generated_image=picture(image),
            deadline=Deadline.after(30),
            start_image=None if start is None else picture(start),
            mask=mask,
            size=size,
        )
    )


def filled(colour: tuple[int, int, int], spot: tuple[int, int, int] = (128, 128, 128)) -> Image.Image:
    """Mostly one colour, with a sharp shape of another colour over a tenth of it."""
    image = Image.new("RGB", (300, 300), colour)
    ImageDraw.Draw(image).rectangle((40, 40, 140, 130), fill=spot)
    return image


def test_a_good_picture_passes_and_the_notes_say_what_was_checked() -> None:
    verdict = verdict_on(START, size=(320, 240))
    assert verdict.judgment == Judgment.PASS
    assert verdict.notes == [
        "The file opened whole, 320 x 240 pixels, and is not blank.",
        "It has the size asked for, 320 x 240.",
        "It has sharp edges.",
        NOT_CHECKED,
    ]
    assert verdict.retry_suggestion == ""
    assert verdict.model == "local"


def test_tags_name_format_light_colours_and_the_words_of_the_prompt() -> None:
    verdict = verdict_on(filled((30, 60, 170), (20, 40, 120)), prompt="the Lighthouse on a rock, with waves")
    assert verdict.tags == ["square", "dark", "colourful", "blue", "lighthouse", "rock", "waves"]
    assert verdict_on(START).tags[0] == "landscape"
    assert verdict_on(START.rotate(90, expand=True)).tags[0] == "portrait"
    assert verdict_on(START.convert("L").convert("RGB")).tags[2] == "monochrome"


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (120, 140, 200)])
def test_a_blank_picture_fails_unless_the_prompt_asks_for_one(colour: tuple[int, int, int]) -> None:
    blank = Image.new("RGB", (300, 300), colour)
    verdict = verdict_on(blank)
    assert verdict.judgment == Judgment.FAIL
    assert verdict.notes[0] == (
        "The picture is blank or nearly so: 100% of it is of one colour and its lightness varies by 0 of 255."
    )
    assert verdict.retry_suggestion == (
        "Describe the main subject and what surrounds it, so that the picture has content."
    )
    assert verdict_on(blank, prompt="a plain background").judgment == Judgment.PASS


def test_a_blurred_picture_fails_unless_the_prompt_asks_for_softness() -> None:
    blurred = START.resize((1024, 768), Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(24))
    verdict = verdict_on(blurred)
    assert verdict.judgment == Judgment.FAIL
    assert verdict.notes[0].startswith("The picture is blurred: no edge rises by more than ")
    assert verdict.retry_suggestion == "Ask for sharp focus and crisp edges."
    assert verdict_on(blurred, prompt="a lake, blurred, dreamy").judgment == Judgment.PASS


@pytest.mark.parametrize(
    ("asked", "judgment", "note"),
    [
        ((320, 240), Judgment.PASS, "It has the size asked for, 320 x 240."),
        (
            (340, 250),
            Judgment.PASS,
            "The size asked for was 340 x 250; the picture has 320 x 240, which is near.",
        ),
        (
            (240, 320),
            Judgment.FAIL,
            "The size asked for was 240 x 320; the picture has 320 x 240, another shape or far fewer pixels.",
        ),
        (
            (640, 480),
            Judgment.FAIL,
            "The size asked for was 640 x 480; the picture has 320 x 240, another shape or far fewer pixels.",
        ),
    ],
)
def test_the_requested_size_or_nearly_passes(asked: tuple[int, int], judgment: Judgment, note: str) -> None:
    verdict = verdict_on(START, size=asked)
    assert verdict.judgment == judgment
    assert note in verdict.notes


def test_a_named_colour_must_be_present() -> None:
    red = filled((70, 70, 74), (200, 30, 36))
    assert verdict_on(red, prompt="a red boat").judgment == Judgment.PASS
    verdict = verdict_on(red, prompt="a red boat on a green hill")
    assert verdict.judgment == Judgment.FAIL
    assert verdict.notes[0] == "The prompt names green, but the picture hardly shows it."
    assert "Of the colours named in the prompt it shows red (10%)." in verdict.notes
    assert verdict.retry_suggestion == "Make green clearly visible."


def test_a_colour_excluded_or_replaced_by_an_edit_may_be_absent() -> None:
    red = filled((70, 70, 74), (200, 30, 36))
    assert verdict_on(red, prompt="a red boat, no green").judgment == Judgment.PASS
    recoloured = verdict_on(
        red, Kind.EDIT, "turn the green boat red", start=filled((70, 70, 74), (40, 140, 60))
    )
    assert recoloured.judgment == Judgment.PASS


def test_black_and_white_must_have_no_colour() -> None:
    assert (
        verdict_on(START.convert("L").convert("RGB"), prompt="a boat, black and white").judgment
        == Judgment.PASS
    )
    verdict = verdict_on(START, prompt="a boat, black and white")
    assert verdict.judgment == Judgment.FAIL
    assert verdict.notes[0] == "The prompt asks for black and white; the picture has colours."


def test_light_must_fit_the_prompt() -> None:
    dark, bright = ImageEnhance.Brightness(START).enhance(0.3), filled((232, 232, 236), (200, 200, 210))
    assert verdict_on(dark, prompt="a boat at night").judgment == Judgment.PASS
    assert verdict_on(bright, prompt="a snowy field").judgment == Judgment.PASS
    assert verdict_on(bright, prompt="a boat at night").judgment == Judgment.FAIL
    assert verdict_on(dark, prompt="a sunny day at the beach").judgment == Judgment.FAIL
    assert verdict_on(bright, prompt="snow at night").judgment == Judgment.PASS  # both: it cannot tell
    assert verdict_on(bright, prompt="ink sketch of a boat at night").judgment == Judgment.PASS


@pytest.mark.parametrize("kind", [Kind.EDIT, Kind.VARIATION])
def test_an_edit_must_differ_from_its_start_image_and_relate_to_it(kind: Kind) -> None:
    tinted = ImageOps.colorize(START.convert("L"), (30, 20, 60), (240, 220, 180))
    for changed in (tinted, ImageEnhance.Brightness(START).enhance(0.5), ImageOps.mirror(START)):
        assert verdict_on(changed, kind, "otherwise", start=START).judgment == Judgment.PASS
    same, stranger = (verdict_on(image, kind, "otherwise", start=START) for image in (START, STRANGER))
    assert (same.judgment, stranger.judgment) == (Judgment.FAIL, Judgment.FAIL)
    assert same.notes[0] == "The picture is the start image again: only 0.0% of it differs visibly."
    assert stranger.notes[0] == "It shares neither shapes nor colours with its start image."


def test_an_inpaint_must_change_the_masked_part_and_nothing_else() -> None:
    inside, outside = START.copy(), START.copy()
    ImageDraw.Draw(inside).ellipse((110, 70, 210, 170), fill=(250, 40, 200))
    ImageDraw.Draw(outside).ellipse((0, 0, 99, 99), fill=(250, 40, 200))
    good = verdict_on(inside, Kind.INPAINT, "a ball", start=START, mask=MASK)
    assert good.judgment == Judgment.PASS
    assert "Outside the mask nothing changed." in good.notes
    unchanged = verdict_on(START, Kind.INPAINT, "a ball", start=START, mask=MASK)
    assert (unchanged.judgment, unchanged.notes[0]) == (Judgment.FAIL, "Under the mask 0% has changed.")
    elsewhere = verdict_on(outside, Kind.INPAINT, "a ball", start=START, mask=MASK)
    assert elsewhere.judgment == Judgment.FAIL
    assert elsewhere.retry_suggestion == (
        "Say what the masked part should show. Change nothing outside the masked part."
    )


def test_an_inpaint_looks_for_colours_only_under_the_mask() -> None:
    start = filled((200, 30, 36), (40, 40, 44))
    mask = Image.new("L", start.size, 0)
    mask.paste(255, (180, 180, 260, 260))
    grey = start.copy()
    grey.paste((90, 90, 90), (180, 180, 260, 260))
    verdict = verdict_on(grey, Kind.INPAINT, "a red ball", start=start, mask=mask)
    assert verdict.notes[0] == "The prompt names red, but the picture hardly shows it."


def test_an_outpaint_must_keep_its_start_image_inside_of_a_larger_one() -> None:
    wide = landscape((480, 360), seed=3)
    wide.paste(START, (80, 60))
    good = verdict_on(wide, Kind.OUTPAINT, "more", start=START)
    assert good.judgment == Judgment.PASS
    assert "It keeps its start image inside, 17% from the left and 17% from the top." in good.notes
    lost = verdict_on(landscape((480, 360), seed=3), Kind.OUTPAINT, "more", start=START)
    assert (lost.judgment, lost.notes[0]) == (
        Judgment.FAIL,
        "It does not contain the start image unchanged.",
    )
    same = verdict_on(START, Kind.OUTPAINT, "more", start=START)
    assert (same.judgment, same.notes[0]) == (Judgment.FAIL, "It is not larger than its start image.")


def test_an_upscale_must_be_larger_and_the_same_picture() -> None:
    large = START.resize((640, 480), Image.Resampling.LANCZOS)
    assert verdict_on(large, Kind.UPSCALE, "sharper", start=START).judgment == Judgment.PASS
    small = verdict_on(START, Kind.UPSCALE, "sharper", start=START)
    assert (small.judgment, small.notes[0]) == (
        Judgment.FAIL,
        "It has 320 x 240 pixels, its start image 320 x 240.",
    )
    other = verdict_on(STRANGER.resize((640, 480)), Kind.UPSCALE, "sharper", start=START)
    assert (other.judgment, other.notes[0]) == (
        Judgment.FAIL,
        "It shows a different picture than its start image.",
    )


def test_a_picture_too_small_to_measure_gets_no_judgment() -> None:
    verdict = verdict_on(Image.new("RGB", (8, 300)))
    assert verdict.judgment is None
    assert verdict.notes == ["Nothing could be checked: 8 x 300 pixels are too few to measure."]
