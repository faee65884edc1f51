"""Storyboards: order and arrows, sheets, text in every script, pictures that cannot be read."""

from dataclasses import replace

import pytest

from artifacts.generators.storyboard.generator import Storyboard, StoryboardOptions, by_descent
from artifacts.material import Material
from artifacts.parts.typeset import one_line, paragraphs, pdf
from tests.artifacts.materials import image_of, material_of, uuid_of
from tests.artifacts.pdf_text import pages_of, text_of

ALL = StoryboardOptions(include="all")


def made(material: Material, options: StoryboardOptions = ALL) -> bytes:
    return Storyboard().generate(material, options)[0].content


def together(content: bytes) -> str:
    return "".join(text_of(content).split())


def test_a_branch_stays_together_and_parents_come_first() -> None:
    images = [image_of(0), image_of(1), image_of(2, parent=0), image_of(3, parent=1), image_of(4, parent=2)]
    assert [image.id.int & 0xFFFF for image in by_descent(images)] == [0, 2, 4, 1, 3]


def test_images_in_a_cycle_are_all_shown() -> None:
    images = [image_of(0, parent=1), image_of(1, parent=0), image_of(2, parent=2)]
    assert {image.id for image in by_descent(images)} == {uuid_of(0), uuid_of(1), uuid_of(2)}


def test_frames_name_their_parent() -> None:
    words = text_of(made(material_of(3)))
    assert "edit of  3" not in words
    assert "editof2" in "".join(words.split())
    assert "leadsto3" in "".join(words.split())


def test_a_child_of_a_hidden_image_says_so() -> None:
    material = replace(material_of(1), images=(image_of(1, parent=900),))
    assert "editofanimagenotshown" in together(made(material))


@pytest.mark.parametrize("columns", [1, 2, 3, 4])
@pytest.mark.parametrize("orientation", ["portrait", "landscape"])
def test_every_sheet_shows_every_caption(columns: int, orientation: str) -> None:
    for paper in ("a4", "letter", "16x9"):
        options = StoryboardOptions(include="all", columns=columns, orientation=orientation, paper=paper)  # type: ignore[arg-type]
        words = together(made(material_of(13), options))
        assert all(f"alighthouseatdusk,number{number}" in words for number in range(13))


def test_sixty_frames_in_two_columns_take_fifteen_pages() -> None:
    assert len(pages_of(made(material_of(60)))) == 15


def test_notes_can_be_left_out() -> None:
    assert "Thelightisasasked" in together(made(material_of(1)))
    options = StoryboardOptions(include="all", notes=False)
    assert "Thelightisasasked" not in together(made(material_of(1), options))


@pytest.mark.parametrize(
    "words",
    [
        "日本語の灯台",
        "漢字与灯塔",
        "등대와 바다",
        "Маяк на закате",
        "Φάρος στο σούρουπο",
        "👩‍🚀 😀 ⚡",
        "ประภาคาร",
        "ფანქარი",
        '#import "x" $x^2$ @ref \\ *bold* _it_ = `raw` <label> // said',
        '#read("/etc/hostname") #include "../family.typ" "quoted" \'single\'',
        "a\x00b\x1b[31mc\ud800d",
    ],
)
def test_text_of_every_script_and_markup_can_be_read_back(words: str) -> None:
    content = made(material_of(1, words=words))
    expected = one_line(words)["text"].replace("\ud800", "")
    assert "".join(expected.split()).replace("\u200b", "") in together(content)


def test_a_character_without_a_font_affects_nothing_else() -> None:
    words = together(made(material_of(1, words="runes ᚠᚡ and signs 𓀀, then more")))
    assert "runes" in words
    assert "thenmore" in words


@pytest.mark.parametrize(("words", "letters"), [("منارة عند الغسق", "منارة"), ("מגדלור בשקיעה", "מגדלור")])
def test_right_to_left_text_is_set_from_the_right(words: str, letters: str) -> None:
    assert paragraphs(f"{words}, dusk\nA lighthouse, {words}")[0]["rtl"]
    assert not paragraphs(f"{words}, dusk\nA lighthouse, {words}")[1]["rtl"]
    assert set(letters) <= set(together(made(material_of(1, words=words))))


def test_long_words_are_broken_but_never_inside_a_grapheme() -> None:
    assert "\u200b" in one_line("x" * 60)["text"]
    assert "\u200b" not in one_line("👩‍🚀" * 8)["text"].replace("\u200b👩", "👩")
    assert "\u200b" not in one_line("م" * 60)["text"]


def test_a_text_is_shortened_at_a_word() -> None:
    assert one_line("one two three four", 12)["text"] == "one two…"
    assert one_line("灯台灯台灯台", 7)["text"] == "灯台灯…"


def test_missing_and_broken_originals_get_a_frame_that_says_so() -> None:
    def read(key: str) -> bytes:
        if key.endswith("0"):
            raise FileNotFoundError(key)
        return b"\x89PNG\r\n\x1a\nbroken"

    words = together(made(replace(material_of(2), read=read)))
    assert "Theoriginalismissing" in words
    assert "Theoriginalcannotberead" in words


def test_files_with_unsafe_names_are_refused() -> None:
    with pytest.raises(ValueError, match="not a plain file name"):
        pdf("storyboard", {}, {"../family.typ": b""})
