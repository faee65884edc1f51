"""Walkthrough reel: the images as a film, with pan and zoom, cross-fades, captions and a title card."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any, Literal

import numpy as np
from PIL import Image

from artifacts.generator import (
    EmptyMaterialError,
    File,
    Generator,
    ImageOptions,
    chosen_images,
    cover_of,
    in_silence,
)
from artifacts.generators.walkthrough_reel.film import MEDIA_TYPES, Film, Packed, blend, to_image
from artifacts.generators.walkthrough_reel.shots import (
    Shot,
    layout_of,
    shot_of,
    title_block,
    title_shot,
    words_of,
)
from artifacts.material import ImageFacts, Material
from artifacts.parts.lettering import draw
from artifacts.parts.originals import NONE_READABLE, Original, use_original
from artifacts.templatetags.artifact_pages import day

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "square": (1080, 1080), "vertical": (1080, 1920)}
_FRAMES_PER_S = 25
TITLE_S, _FADE_S, _END_S = 2.4, 0.8, 0.6
# Maximum length of the film; with many images, each is shown for less time.
MOST_S = 180
# The background of a title without a picture; the longest side of pictures in memory.
_PLAIN = (58, 42, 32)
_MOST_PX = 4096
_EXTENSIONS = {"h264": "mp4", "vp9": "webm"}


@dataclass(frozen=True, slots=True)
class ReelOptions(ImageOptions):
    """Options of a reel."""

    most: int = field(
        default=12,
        metadata={"help": "Maximum number of images; the newest are kept.", "least": 1, "most": 60},
    )
    resolution: Literal["720p", "1080p", "square", "vertical"] = field(
        default="720p",
        metadata={"help": "1280 x 720, 1920 x 1080, 1080 x 1080 or, for phones, 1080 x 1920 pixels."},
    )
    seconds_per_image: float = field(
        default=3.0,
        metadata={
            "help": f"Seconds per image; less if the film would be longer than {MOST_S} s.",
            "least": 1,
            "most": 15,
        },
    )
    captions: bool = field(
        default=True, metadata={"help": "Whether prompt and provider are shown with each image."}
    )
    codec: Literal["h264", "vp9"] = field(
        default="h264", metadata={"help": "H.264 in MP4 plays everywhere; VP9 in WebM is free of patents."}
    )


class WalkthroughReel(Generator):
    """See the module."""

    name = "walkthroughReel"
    title = "Walkthrough reel"
    description = "A film of the images with pan and zoom, cross-fades and captions, and a poster image."
    output = "video"
    options = ReelOptions
    is_long = True

    def check(self, material: Material, options: ReelOptions) -> None:
        """Refuses if no image would be shown."""
        chosen_images(material, options)

    def generate(
        self, material: Material, options: ReelOptions, report: Callable[[float], None] = in_silence
    ) -> list[File]:
        """The film and its poster. Images that cannot be shown are left out."""
        images = chosen_images(material, options)
        size = SIZES[options.resolution]
        seconds = min(options.seconds_per_image, MOST_S / len(images))
        shots = _shots(material, images, options)
        first = next(shots, None)
        if first is None:
            raise EmptyMaterialError(NONE_READABLE)
        opening = _opening(material, images, options)
        planned = (TITLE_S + len(images) * seconds) * _FRAMES_PER_S
        poster: Packed | None = None
        with Film(size, _FRAMES_PER_S, options.codec) as film:
            for count, frame in enumerate(_frames(chain((opening, first), shots), seconds)):
                film.add(frame)
                if count == round(TITLE_S * _FRAMES_PER_S) - 1:
                    poster = frame
                report(min(1.0, count / planned))
            content = film.finish()
        assert poster is not None  # noqa: S101 - the title is always shown whole
        return [
            File(f"reel.{_EXTENSIONS[options.codec]}", MEDIA_TYPES[options.codec], content),
            File("poster.jpg", "image/jpeg", _jpeg(to_image(poster))),
        ]


def _shots(material: Material, images: Sequence[ImageFacts], options: ReelOptions) -> Iterator[Shot]:
    """A shot of each readable image, created on demand, so that few pictures are in memory at a time."""
    frame = SIZES[options.resolution]
    layouts = [layout_of(frame, (image.width, image.height), has_words=options.captions) for image in images]
    words: Sequence[Image.Image | None] = [None] * len(images)
    if options.captions:
        words = draw(
            [
                words_of(layout, frame, image.maker, image.prompt)
                for layout, image in zip(layouts, images, strict=True)
            ]
        )
    for number, (image, layout) in enumerate(zip(images, layouts, strict=True)):
        make = partial(_shot, frame=frame, layout=layout, words=words[number], number=number)
        shot = use_original(material, image, make)
        if shot is not None:
            yield shot


def _shot(original: Original, **how: Any) -> Shot:
    return shot_of(original.picture.reduced(_MOST_PX), **how)


def _opening(material: Material, images: Sequence[ImageFacts], options: ReelOptions) -> Shot:
    """The title card."""
    frame = SIZES[options.resolution]
    projects = ", ".join(project.name for project in material.projects if project.name != material.title)
    facts = f"{', '.join(sorted({image.provider for image in images}))}  ·  {day(images[-1].created_at)}"
    words = draw([title_block(frame, "Walkthrough", material.title, (projects, facts))])[0]
    shot = use_original(
        material,
        cover_of(images),
        lambda original: title_shot(original.picture.reduced(_MOST_PX), frame, words),
    )
    return shot or title_shot(Image.new("RGB", frame, _PLAIN), frame, words)


def _frames(shots: Iterator[Shot], seconds: float) -> Iterator[Packed]:
    """All frames: the shots in order, each fading into the next, the last one to black."""
    fade = round(min(_FADE_S, seconds * 0.4) * _FRAMES_PER_S)
    length = round(TITLE_S * _FRAMES_PER_S)
    before: Shot | None = None
    before_length = 0
    shot = next(shots, None)
    while shot is not None:
        following = next(shots, None)
        for count in range(length):
            frame = shot.frame(count / (length + fade))
            if before is not None and count < fade:
                earlier = before.frame((before_length + count) / (before_length + fade))
                frame = blend(earlier, frame, _smooth((count + 1) / (fade + 1)))
            yield frame
        before, before_length, shot = shot, length, following
        length = round(seconds * _FRAMES_PER_S)
    if before is not None:
        yield from _darkening(before, before_length, fade)


def _darkening(shot: Shot, length: int, fade: int) -> Iterator[Packed]:
    black: Packed | None = None
    for count in range(fade):
        frame = shot.frame((length + count) / (length + fade))
        if black is None:
            black = np.full_like(frame, 128)
            black[: frame.shape[0] * 2 // 3] = 16
        yield blend(frame, black, _smooth((count + 1) / fade))


def _smooth(share: float) -> float:
    return share * share * (3 - 2 * share)


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
