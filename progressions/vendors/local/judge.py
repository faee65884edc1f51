"""The judge `local`: measures pixels on this machine and needs no key. It cannot recognize objects, and says so.

An image passes if none of the checks below fails. A check that does not apply yields nothing.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dali.lib.pictures import measures
from dali.lib.pictures.colour.names import find_colour_names, hsv, is_monochrome_asked, share
from dali.lib.pictures.ground import visible_alpha, visible_colours
from dali.lib.pictures.images import Picture
from dali.lib.pictures.tags import describe
from progressions.enums import Judgment, Kind
from progressions.errors import JudgeError
from progressions.judge import Judge, JudgeRequest, Verdict

_LOOK_PX = 256  # everything but sharpness is measured at this size
_LEAST_PX = 16
_NOT_CHECKED = "Not checked: objects, people, text and style; this judge only measures pixels."
_INVISIBLE = "The picture is blank: all of it is transparent."
_DESCRIBE = "Describe the main subject and what surrounds it, so that the picture has content."
_DRAWING = re.compile(r"\b(line[ -]?(drawing|art)|sketch|pencil|ink|charcoal|etching|engraving)\b")
_SOFT = re.compile(
    r"\b(blur\w*|bokeh|soft\w*|fog\w*|mist\w*|haz[ey]\w*|dreamy|out of focus|abstract|gradient|smooth)\b"
)
_PLAIN = re.compile(r"\b(plain|blank|solid|empty|flat|minimal\w*|single colou?r|uniform)\b")
_DARK = re.compile(r"\b(night|midnight|nocturnal|moonless|darkness|pitch[ -]black)\b")
_BRIGHT = re.compile(r"\b(bright|snow|snowy|sunny|noon|midday|high[ -]key)\b")


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """The result of a check: the sentence for people in either case and, for a failure, what to ask for instead."""

    is_good: bool
    if_good: str
    if_bad: str = ""
    suggestion: str = ""

    @property
    def note(self) -> str:
        """The sentence that applies."""
        return self.if_good if self.is_good else self.if_bad


@dataclass(frozen=True, slots=True)
class MeasuredRequest:
    """The request with measurements that several checks use."""

    request: JudgeRequest
    kind: Kind
    prompt: str  # lower case
    small: Image.Image  # RGB, at most _LOOK_PX a side, on a background if transparent
    seen: Image.Image  # RGB, only visible pixels, for measurements without positions
    lightness: Image.Image  # of `small`, mode L
    mean: float  # mean lightness of visible pixels, 0 to 255
    start: Image.Image | None  # as `small`, on the same background

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the judged image in pixels."""
        return self.request.generated_image.width, self.request.generated_image.height

    @property
    def start_size(self) -> tuple[int, int]:
        """(width, height) of the start image; (0, 0) if there is none."""
        start = self.request.start_image
        return (start.width, start.height) if start else (0, 0)


class LocalJudge(Judge):
    """Passes an image unless a measurement fails; takes a few milliseconds."""

    name = "local"
    preference = 1  # the last resort, as it is always configured

    def judge(self, request: JudgeRequest) -> Verdict:
        """Runs every check; null only if the image is too small for all of them."""
        if request.deadline.has_passed:
            raise JudgeError("The local judge had no time left.")
        picture = request.generated_image
        if min(picture.width, picture.height) < _LEAST_PX:
            note = (
                f"Nothing could be checked: {picture.width} x {picture.height} pixels are too few to measure."
            )
            return Verdict(None, [note], model=self.name)
        if picture.is_invisible and not _PLAIN.search(request.prompt.lower()):
            return Verdict(Judgment.FAIL, [_INVISIBLE], [], _DESCRIBE, model=self.name)
        look = _look_at(request)
        findings = [finding for check in _CHECKS for finding in check(look)]
        failed = [finding for finding in findings if not finding.is_good]
        return Verdict(
            Judgment.FAIL if failed else Judgment.PASS,
            [finding.note for finding in (*failed, *(f for f in findings if f.is_good))] + [_NOT_CHECKED],
            describe(look.seen, look.size, request.prompt),
            " ".join(dict.fromkeys(finding.suggestion for finding in failed)),
            model=self.name,
        )


def _failure(note: str, suggestion: str) -> CheckFinding:
    return CheckFinding(False, "", note, suggestion)


def _look_at(request: JudgeRequest) -> MeasuredRequest:
    picture, start = request.generated_image, request.start_image
    ground = picture.common_ground(start)
    small, seen = picture.reduced(_LOOK_PX, ground), _seen(picture)
    before = start.reduced(_LOOK_PX, ground) if start else None
    mean = float(np.asarray(seen.convert("L")).mean())
    return MeasuredRequest(
        request, Kind(request.kind), request.prompt.lower(), small, seen, small.convert("L"), mean, before
    )


def _seen(picture: Picture) -> Image.Image:
    return visible_colours(picture.fitted(_LOOK_PX))


def _check_content(look: MeasuredRequest) -> Iterator[CheckFinding]:
    """The image is not blank: at least 6 grey levels of contrast, and at most 97 % of the pixels of one colour.

    Transparent margins do not count.
    """
    width, height = look.size
    image, views = look.request.generated_image.fitted(_LOOK_PX), [look.small]
    if image.mode == "RGBA":
        views.append(look.small.crop(visible_alpha(image).getbbox()))
    if all(_is_blank(view) for view in views) and not _PLAIN.search(look.prompt):
        spread, alike = measures.contrast(look.lightness), measures.largest_share(look.small)
        yield _failure(
            f"The picture is blank or nearly so: {alike:.0%} of it is of one colour "
            f"and its lightness varies by {spread} of 255.",
            _DESCRIBE,
        )
    else:
        yield CheckFinding(True, f"The file opened whole, {width} x {height} pixels, and is not blank.")


def _is_blank(image: Image.Image) -> bool:
    is_even = measures.contrast(image.convert("L")) < 6
    if is_even and measures.contrast(image.convert("HSV").getchannel(0)) < 6:
        return True
    return measures.largest_share(image) > 0.97


def _check_size(look: MeasuredRequest) -> Iterator[CheckFinding]:
    """The size is as requested, or near it: the same shape within 1/8, and at least half the pixels."""
    asked, (width, height) = look.request.size, look.size
    if asked is None or look.kind in (Kind.INPAINT, Kind.OUTPAINT, Kind.UPSCALE):
        return
    if asked == (width, height):
        yield CheckFinding(True, f"It has the size asked for, {width} x {height}.")
        return
    shape = (width / height) / (asked[0] / asked[1])
    is_near = 7 / 8 < shape < 8 / 7 and width * height * 2 >= asked[0] * asked[1]
    said = f"The size asked for was {asked[0]} x {asked[1]}; the picture has {width} x {height}"
    yield CheckFinding(
        is_near,
        f"{said}, which is near.",
        f"{said}, another shape or far fewer pixels.",
        f"Compose the picture for a format of {asked[0]} x {asked[1]} pixels.",
    )


def _check_sharpness(look: MeasuredRequest) -> Iterator[CheckFinding]:
    """The steepest edges rise by at least 6 grey levels per pixel; a blur of 8 pixels in 1024 leaves 3 to 7."""
    if _PLAIN.search(look.prompt) or measures.contrast(look.lightness) < 6:
        return
    picture = look.request.generated_image
    steepest = measures.sharpness(picture.part, (picture.width, picture.height), look.small)
    is_sharp = steepest >= 6
    yield CheckFinding(
        is_sharp or _SOFT.search(look.prompt) is not None,
        "It has sharp edges." if is_sharp else "It has no sharp edge, which the prompt allows.",
        f"The picture is blurred: no edge rises by more than {steepest:.1f} grey levels a pixel.",
        "Ask for sharp focus and crisp edges.",
    )


def _check_colours(look: MeasuredRequest) -> Iterator[CheckFinding]:
    """Each colour in the prompt covers at least 0.4 % of the pixels; for edits and inpaints, one colour is enough."""
    if is_monochrome_asked(look.prompt):
        yield CheckFinding(
            measures.saturation(look.seen) < 10,
            "It is without colour, as asked.",
            "The prompt asks for black and white; the picture has colours.",
            "In black and white only, no colour.",
        )
        return
    names = find_colour_names(look.prompt)
    if not names or _DRAWING.search(look.prompt) or "sepia" in look.prompt:
        return
    shares = _colour_shares(look, names)
    present = [name for name in names if shares[name] >= 0.004]
    absent = [name for name in names if name not in present]
    if present:
        seen = ", ".join(f"{name} ({shares[name]:.0%})" if shares[name] >= 0.01 else name for name in present)
        yield CheckFinding(True, f"Of the colours named in the prompt it shows {seen}.")
    if absent and not (present and look.kind in (Kind.EDIT, Kind.INPAINT)):
        listed = " and ".join(absent)
        yield _failure(
            f"The prompt names {listed}, but the picture hardly shows it.", f"Make {listed} clearly visible."
        )


def _colour_shares(look: MeasuredRequest, names: list[str]) -> dict[str, float]:
    """The share of each colour in the image, or in the masked part of an inpaint; 0 to 1."""
    small = look.request.generated_image.fitted(_LOOK_PX).resize((128, 128), Image.Resampling.NEAREST)
    counted = np.full((128, 128), True)
    if small.mode == "RGBA":
        counted = np.asarray(visible_alpha(small)) > 0
    mask = look.request.mask
    if look.kind == Kind.INPAINT and mask is not None:
        inside = np.asarray(mask.resize(small.size, Image.Resampling.BOX)) > 127
        if (inside & counted).any():
            counted &= inside
    pixels = hsv(small.convert("RGB"))
    if counted.any():
        pixels = pixels[counted]
    return {name: share(pixels, name) for name in names}


def _check_light(look: MeasuredRequest) -> Iterator[CheckFinding]:
    """Mean lightness (0 to 255) is below 150 for night, above 70 for bright scenes. No check for both, or drawings."""
    dark, bright = _DARK.search(look.prompt), _BRIGHT.search(look.prompt)
    asked = dark or bright
    if not asked or (dark and bright) or _DRAWING.search(look.prompt):
        return
    if look.kind in (Kind.INPAINT, Kind.UPSCALE):
        return
    said = f"The prompt says '{asked[0]}'; the mean lightness is {look.mean:.0f} of 255"
    yield CheckFinding(
        look.mean < 150 if dark else look.mean > 70,
        f"{said}, which fits.",
        f"{said}.",
        "Make it clearly night: a dark sky and little light."
        if dark
        else "Make it bright: strong daylight and light tones.",
    )


def _check_change(look: MeasuredRequest) -> Iterator[CheckFinding]:
    """An edit or variation differs visibly from its start image but keeps its shapes or palette."""
    start = look.request.start_image
    if start is None or look.start is None or look.kind not in (Kind.EDIT, Kind.VARIATION):
        return
    changed = float((_difference(look, look.start) > 12).mean())
    if changed < 0.005:
        yield _failure(
            f"The picture is the start image again: only {changed:.1%} of it differs visibly.",
            "Say more clearly what should change, and how much.",
        )
        return
    alike = measures.likeness(look.small, look.start)
    palette = max(
        measures.palette_likeness(look.small, look.start),
        measures.palette_likeness(look.seen, _seen(start)),
    )
    yield CheckFinding(
        alike >= 0.15 or palette >= (0.28 if look.kind == Kind.VARIATION else 0.6),
        f"It differs from its start image in {changed:.0%} of its area and still relates to it.",
        "It shares neither shapes nor colours with its start image.",
        "Keep the composition of the start image and change only what is named.",
    )


def _difference(look: MeasuredRequest, start: Image.Image) -> measures.Plane:
    """The largest difference of any channel, including alpha, for each pixel; 0 to 255."""
    before, after = look.request.start_image, look.request.generated_image
    apart = measures.difference(look.small, start)
    if before is None or not (before.has_alpha or after.has_alpha):
        return apart
    alphas = (_alpha(picture) for picture in (after, before))
    return np.maximum(apart, measures.difference(*alphas))


def _alpha(picture: Picture) -> Image.Image:
    alpha = picture.fitted(_LOOK_PX).convert("RGBA").getchannel("A")
    return Image.merge("RGB", (alpha, alpha, alpha))


def _check_inpaint(look: MeasuredRequest) -> Iterator[CheckFinding]:
    """At least 1 % of the pixels under the mask changed; at most 1 % outside changed by more than 24 levels."""
    mask = look.request.mask
    if look.kind != Kind.INPAINT or look.start is None or mask is None:
        return
    if look.size != look.start_size:
        shape = (look.size[0] / look.size[1]) / (look.start_size[0] / look.start_size[1])
        if not 0.97 < shape < 1.03:
            yield _failure(
                "Its shape differs from that of its start image.", "Keep the format of the start image."
            )
            return
    apart = _difference(look, look.start)
    size = (apart.shape[1], apart.shape[0])
    under = np.asarray(mask.resize(size, Image.Resampling.BOX))
    inside, outside = apart[under > 127], apart[under == 0]
    if inside.size:
        changed = float((inside > 10).mean())
        said = f"Under the mask {changed:.0%} has changed."
        yield CheckFinding(changed >= 0.01, said, said, "Say what the masked part should show.")
    if outside.size:
        touched = float((outside > 24).mean())
        yield CheckFinding(
            touched <= 0.01,
            "Outside the mask nothing changed.",
            f"Outside the mask {touched:.0%} has changed as well.",
            "Change nothing outside the masked part.",
        )


def _check_outpaint(look: MeasuredRequest) -> Iterator[CheckFinding]:
    """It is larger than its start image on a side, and contains it with a difference of at most 8 grey levels."""
    if look.kind != Kind.OUTPAINT or look.start is None:
        return
    (width, height), (start_width, start_height) = look.size, look.start_size
    whole = start_width / width
    fitting = [
        scale
        for scale in {whole, *(part for part in (0.5, 2 / 3, 0.75) if part < whole)}
        if scale <= 1 and scale * width * start_height / start_width <= height * 1.01
    ]
    apart, (left, top) = min(
        (measures.find_inside(look.start, look.small, scale) for scale in fitting),
        default=(255.0, (0.0, 0.0)),
    )
    is_wider = width > start_width or height > start_height
    yield CheckFinding(
        is_wider and apart <= 8,
        f"It keeps its start image inside, {left:.0%} from the left and {top:.0%} from the top.",
        "It does not contain the start image unchanged."
        if is_wider
        else "It is not larger than its start image.",
        "Keep the start image as it is and paint only around it.",
    )


def _check_upscale(look: MeasuredRequest) -> Iterator[CheckFinding]:
    """It is wider and higher than its start image and, scaled down, looks like it."""
    if look.kind != Kind.UPSCALE or look.start is None:
        return
    (width, height), (was_width, was_height) = look.size, look.start_size
    said = f"It has {width} x {height} pixels, its start image {was_width} x {was_height}."
    yield CheckFinding(width > was_width and height > was_height, said, said, "Enlarge the start image.")
    if measures.likeness(look.small, look.start) < 0.5:
        yield _failure("It shows a different picture than its start image.", "Change nothing but the size.")


_CHECKS: tuple[Callable[[MeasuredRequest], Iterator[CheckFinding]], ...] = (
    _check_content,
    _check_size,
    _check_sharpness,
    _check_colours,
    _check_light,
    _check_change,
    _check_inpaint,
    _check_outpaint,
    _check_upscale,
)
