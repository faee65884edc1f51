"""The walkthrough reel: a film that plays everywhere, with the requested length, shape and codec."""

import io
from dataclasses import replace
from itertools import pairwise
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from artifacts.generator import EmptyMaterialError, File, generators
from artifacts.generators.walkthrough_reel import generator as walkthrough_reel
from artifacts.generators.walkthrough_reel.shots import layout_of
from artifacts.material import Material
from artifacts.options import parse
from tests.artifacts.materials import HOSTILE, image_of, material_of, original

TITLE_S, FADE_S = 2.4, 0.4


def made(material: Material, told: list[float] | None = None, **options: object) -> list[File]:
    """Film and poster, a second for each image."""
    generator = generators.get("walkthroughReel")
    chosen = parse(generator.options, {"include": "all", "seconds_per_image": 1.0, **options})
    return generator.generate(material, chosen, (told if told is not None else []).append)


def frames(film: File) -> list[Image.Image]:
    """Every frame."""
    with av.open(io.BytesIO(film.content), "r") as container:
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [Image.fromarray(frame) for frame in shown]


def test_it_is_h264_with_a_poster_and_plays_while_it_loads() -> None:
    told: list[float] = []
    film, poster = made(material_of(2), told)
    assert (film.name, film.media_type) == ("reel.mp4", "video/mp4")
    assert film.content.index(b"moov") < film.content.index(b"mdat"), "the index comes first"
    with av.open(io.BytesIO(film.content)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt, context.width, context.height) == (
            "h264",
            "yuv420p",
            1280,
            720,
        )
        assert "creation_time" not in container.metadata
        assert stream.frames == round((TITLE_S + 2 + FADE_S) * 25)
    assert (poster.name, poster.media_type) == ("poster.jpg", "image/jpeg")
    assert Image.open(io.BytesIO(poster.content)).size == (1280, 720)
    assert told == sorted(told)
    assert told[0] == 0.0
    assert told[-1] == pytest.approx(1.0, abs=0.02)
    assert len(told) == round((TITLE_S + 2 + FADE_S) * 25)


@pytest.mark.parametrize(
    ("resolution", "size"), [("1080p", (1920, 1080)), ("square", (1080, 1080)), ("vertical", (1080, 1920))]
)
def test_it_has_the_requested_shape(
    monkeypatch: pytest.MonkeyPatch, resolution: str, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(walkthrough_reel, "TITLE_S", 0.2)
    film, poster = made(material_of(1), resolution=resolution)
    with av.open(io.BytesIO(film.content)) as container:
        context = container.streams.video[0].codec_context
        assert (context.width, context.height) == size
    assert Image.open(io.BytesIO(poster.content)).size == size


@pytest.mark.usefixtures("small_films")
def test_vp9_comes_in_webm_with_the_same_bytes_each_time() -> None:
    first, second = made(material_of(1), codec="vp9"), made(material_of(1), codec="vp9")
    assert first == second
    assert (first[0].name, first[0].media_type) == ("reel.webm", "video/webm")
    with av.open(io.BytesIO(first[0].content)) as container:
        assert container.streams.video[0].codec_context.name in ("vp9", "libvpx-vp9")


@pytest.mark.usefixtures("small_films")
def test_it_moves_fades_and_ends_in_black() -> None:
    shown = [np.asarray(frame, float) for frame in frames(made(material_of(3))[0])]
    first, last = round((TITLE_S + 0.5) * 25), round((TITLE_S + 0.9) * 25)
    assert np.abs(shown[first] - shown[last]).mean() > 0.5, "the picture moves"
    steps = [np.abs(later - earlier).mean() for earlier, later in pairwise(shown)]
    assert max(steps) < 25, "a frame cuts hard"
    assert shown[-1].max() < 12


@pytest.mark.usefixtures("small_films")
def test_many_images_share_the_maximum_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walkthrough_reel, "MOST_S", 2)
    film, _ = made(material_of(4), captions=False)
    assert len(frames(film)) == round(TITLE_S * 25) + 4 * 12 + 5


@pytest.mark.usefixtures("small_films")
def test_missing_or_broken_originals_are_skipped_and_an_empty_film_is_refused() -> None:
    contents = {"good": original(0), "broken": original(0)[:90]}

    def read(key: str) -> bytes:
        if key not in contents:
            raise FileNotFoundError(key)
        return contents[key]

    images = tuple(
        replace(image_of(number), key=key) for number, key in enumerate(("gone", "good", "broken"))
    )
    material = replace(material_of(1), images=images, read=read)
    assert len(frames(made(material)[0])) == round((TITLE_S + 1 + FADE_S) * 25)
    with pytest.raises(EmptyMaterialError, match="originals"):
        made(replace(material, images=images[::2]))


def test_a_film_without_images_is_refused_at_submission() -> None:
    generator = generators.get("walkthroughReel")
    with pytest.raises(EmptyMaterialError, match="run a job"):
        generator.check(material_of(0), parse(generator.options, {}))
    only_failed = replace(material_of(1), images=(image_of(1),))
    with pytest.raises(EmptyMaterialError, match="include"):
        generator.check(only_failed, parse(generator.options, {}))
    generator.check(only_failed, parse(generator.options, {"include": "all"}))


@pytest.mark.parametrize("frame", [(1280, 720), (1080, 1080), (1080, 1920)])
@pytest.mark.parametrize("picture", [(1024, 1024), (33, 900), (1600, 400), (9000, 10), (1280, 720), (3, 4)])
@pytest.mark.parametrize("has_words", [True, False])
def test_every_picture_lies_inside_the_frame_at_even_coordinates(
    frame: tuple[int, int], picture: tuple[int, int], *, has_words: bool
) -> None:
    layout = layout_of(frame, picture, has_words=has_words)
    window: Any = layout.window
    assert all(number % 2 == 0 for number in window)
    assert window.left + window.width <= frame[0]
    assert window.top + window.height <= frame[1]
    assert min(window.width, window.height) >= min(frame) * 0.2
    assert layout.words_px >= min(frame) * 0.3


@pytest.mark.usefixtures("small_films")
def test_text_that_cannot_be_drawn_does_not_stop_it() -> None:
    odd = "".join(chr(code) for code in (0x1F680, 0x10FFFD, 0xE000, 0x0, 0x200F, 0x0E01, 0x1100))
    for words in (HOSTILE, odd, "x" * 3000, " "):
        assert made(material_of(1, words=words))
