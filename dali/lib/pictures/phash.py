"""A perceptual hash that also distinguishes flat, smooth, dark and transparent pictures, and its distance.

A fingerprint is 32 bytes: 8 of structure (signs of the lowest frequencies, with the type and text of imagehash.phash,
except that frequencies below an encoder's noise count as none) and 24 of description (lightness of 4 x 4 fields, two
colour differences of 2 x 2). Signs alone are noise in flat pictures; a description alone misses details. For
transparent pictures, 60 bytes follow: the structure of the visible part without its outline, 4 x 4 fields of alpha,
and the outline, independent of its position.

The background of a transparent picture is darker than black, so that every colour contrasts with it. A background
chosen from several could differ between two encodings of one picture, which would then have nothing in common.
"""

from collections.abc import Sequence
from functools import cache
from math import sqrt
from typing import NamedTuple

import numpy as np
from imagehash import ImageHash
from numpy.typing import NDArray
from PIL import Image

from dali.lib.pictures.ground import visible_alpha
from dali.lib.pictures.images import Picture

_Plane = NDArray[np.float32]

# The version of the fingerprint, stored with each; different versions are never compared. Version 1 (over white) was
# never stored. 2: over a contrasting background, with the shape of alpha. Raise it with every change of fingerprints,
# including the decoding of pictures.
VERSION = 2
# Hex digits of a fingerprint without the alpha part.
OPAQUE_DIGITS = 64

# The greatest distance of two pictures.
MOST_DISTANCE = 64

_SIDE_PX = 32
_FREQUENCIES = 8
_FIELDS = 16
_LOOK_PX = 128
# The frame around the visible part of a transparent picture: its pixels, and the fields of its outline.
_FRAME_PX, _OUTLINE_SIDE = 60, 6
# The amplitude, in grey levels, below which a frequency may be the encoder's noise.
_NOISE_LEVELS = 0.35
# Mean differences, in levels of 0..255, that count as much as one bit of structure.
_LIGHT_LEVELS_A_BIT = 1.3
_COLOUR_LEVELS_A_BIT = 1.2
# How much darker than black the background of transparent pictures is: its contrast with a black motif.
_GROUND_LEVELS = 32
# Alpha differences that count as one bit of structure: of position, and of outline.
_ALPHA_LEVELS_A_BIT = 2.0
_OUTLINE_LEVELS_A_BIT = 1.3
_LIGHTNESS_OF_RGB = (0.299, 0.587, 0.114)
# A change of exposure is ignored up to this factor ...
_MOST_GAIN = 1.25
# ... and completely only if this many bits of structure match, or the fields have this much contrast: the content
# shows that it is the same scene in another light. Two flat colours are two pictures.
_TELLING_BITS = 12
_TELLING_CONTRAST = 24.0


def _cosines() -> NDArray[np.float32]:
    """The first rows of the discrete cosine transform, scaled so that a coefficient is an amplitude."""
    k = np.arange(_FREQUENCIES)[:, None]
    x = np.arange(_SIDE_PX)[None, :]
    return (np.cos(np.pi * k * (2 * x + 1) / (2 * _SIDE_PX)) * (2 / _SIDE_PX)).astype(np.float32)


_COSINES = _cosines()


def fingerprint(picture: Picture, area: Image.Image | None = None) -> str:
    """The picture's fingerprint: 64 lower-case hex digits, 184 if something is transparent.

    About 1 ms for 1024 x 1024, 6 for a transparent picture.

    `area` ("L", 255 = inside, stretched over the picture) limits it to a part, so that identical surroundings do not
    count.
    """
    if area is not None:
        picture = _part(picture, area)
    image = picture.fitted(_LOOK_PX)
    if image.mode == "RGB":
        return _of_opaque(_small(image))
    return _of_transparent(image, visible_alpha(image))


def _of_opaque(small: Image.Image) -> str:
    samples = np.asarray(small.convert("YCbCr"), dtype=np.float32)
    return _structure(samples[:, :, 0], _NOISE_LEVELS) + _description(samples)


def _of_transparent(image: Image.Image, alpha: Image.Image) -> str:
    """Structure over the background; then the own colours, with clear parts filled with their mean; then alpha."""
    mean = _mean_colour(image, alpha)
    filled = Image.new("RGB", image.size, mean)
    filled.paste(image.convert("RGB"), mask=alpha)
    samples = np.asarray(_small(filled).convert("YCbCr"), dtype=np.float32)
    clear = 1 - np.asarray(_small(alpha), dtype=np.float32) / 255
    below = np.float32(np.dot(mean, _LIGHTNESS_OF_RGB) + _GROUND_LEVELS)
    lightness = np.asarray(samples[:, :, 0] - clear * below, dtype=np.float32)
    found = _structure(lightness, _NOISE_LEVELS) + _description(samples)
    if alpha.getextrema() == (255, 255):
        return found
    return found + _structure(samples[:, :, 0], _NOISE_LEVELS) + _of_alpha(alpha)


def _of_alpha(alpha: Image.Image) -> str:
    return _hex(_fields(np.asarray(_small(alpha), dtype=np.float32))) + _hex(_outline(alpha))


@cache
def _of_opaque_alpha() -> str:
    return _of_alpha(Image.new("L", (_LOOK_PX, _LOOK_PX), 255))


def _outline(alpha: Image.Image) -> _Plane:
    """Alpha in 6 x 6 fields of a frame that follows the visible part, so that a crop changes little; maximum 255.

    The frame is centred on the visible part and extends 2.5 standard deviations to each side: around a disc, that
    leaves a quarter of its radius.
    """
    square = alpha.resize((_LOOK_PX, _LOOK_PX), Image.Resampling.BILINEAR)
    seen = np.asarray(square, dtype=np.float64)
    total = seen.sum()
    if not total:
        return np.zeros(_OUTLINE_SIDE**2, np.float32)
    places = np.arange(_LOOK_PX) + 0.5
    across, down = seen.sum(axis=0) / total, seen.sum(axis=1) / total
    x, y = float(across @ places), float(down @ places)
    reach = 2.5 * sqrt((across @ (places - x) ** 2 + down @ (places - y) ** 2) / 2)
    step = 2 * reach / _FRAME_PX
    frame = square.transform(
        (_FRAME_PX, _FRAME_PX),
        Image.Transform.AFFINE,
        (step, 0, x - reach, 0, step, y - reach),
        Image.Resampling.BILINEAR,
    )
    fields = np.asarray(frame.resize((_OUTLINE_SIDE, _OUTLINE_SIDE), Image.Resampling.BOX), dtype=np.float32)
    return np.asarray(fields.ravel() * (255 / seen.max()), dtype=np.float32)


def _small(image: Image.Image) -> Image.Image:
    return image.resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX)


def _mean_colour(image: Image.Image, alpha: Image.Image) -> tuple[int, int, int]:
    """The mean of the visible part; black if nothing is visible."""
    weights = np.asarray(alpha, dtype=np.float64).ravel()
    if not weights.any():
        return 0, 0, 0
    red, green, blue = np.average(np.asarray(image)[..., :3].reshape(-1, 3), axis=0, weights=weights)
    return round(red), round(green), round(blue)


def _structure(plane: _Plane, noise: float) -> str:
    """Which of the lowest frequencies are above their median and above the noise, 16 hex digits."""
    waves = (_COSINES @ plane @ _COSINES.T).ravel()
    waves[0] = 0.0  # the mean belongs to the description
    bits = waves > max(float(np.median(waves[1:])), noise)
    return str(ImageHash(bits.reshape(_FREQUENCIES, _FREQUENCIES)))


def _fields(plane: _Plane) -> _Plane:
    fields: _Plane = plane.reshape(4, 8, 4, 8).mean(axis=(1, 3)).ravel()
    return fields


def _description(samples: _Plane) -> str:
    """Lightness and colours of YCbCr samples, 48 hex digits."""
    colours = samples[:, :, 1:].reshape(2, 16, 2, 16, 2).mean(axis=(1, 3)).ravel()
    return _hex(np.concatenate([_fields(samples[:, :, 0]), colours]))


def _hex(levels: _Plane) -> str:
    return levels.round().astype(np.uint8).tobytes().hex()


def _part(picture: Picture, area: Image.Image) -> Picture:
    """The rows and columns that the area covers; the whole picture for an empty area."""
    if area.size != picture.image.size:
        area = area.resize(picture.image.size, Image.Resampling.NEAREST)
    inside = np.asarray(area) > 127
    rows, columns = inside.any(axis=1), inside.any(axis=0)
    if not rows.any():
        return picture
    return Picture(Image.fromarray(np.asarray(picture.image)[rows][:, columns]), picture.media_type)


def short(fingerprint: str) -> str:
    """The 64 digits that every picture has, for display."""
    return fingerprint[:OPAQUE_DIGITS]


def structure(fingerprint: str) -> int:
    """The structure as an unsigned 64-bit number; `distance` is at least the Hamming distance of two structures."""
    return int(fingerprint[:16], 16)


def distance(a: str, b: str) -> int:
    """The distance of two fingerprints: 0 the same, 64 nothing in common; symmetric.

    The maximum of structure, lightness, colours and alpha, each in units of one bit of structure.
    """
    structure_a, structure_b = structure(a), structure(b)
    described_a, described_b = bytes.fromhex(a[16:OPAQUE_DIGITS]), bytes.fromhex(b[16:OPAQUE_DIGITS])
    fields_a, fields_b = described_a[:_FIELDS], described_b[:_FIELDS]
    mean_a, mean_b = sum(fields_a) / _FIELDS, sum(fields_b) / _FIELDS
    contrast = min(_spread(fields_a, mean_a), _spread(fields_b, mean_b))
    shared = (structure_a & structure_b).bit_count()
    telling = min(1.0, max(shared / _TELLING_BITS, contrast / _TELLING_CONTRAST))
    gain = min(_MOST_GAIN, max(1 / _MOST_GAIN, (mean_b + 1) / (mean_a + 1))) ** telling
    # Split in halves, so that the comparison is symmetric.
    to_a, to_b = sqrt(gain), 1 / sqrt(gain)
    light = _apart([x * to_a for x in fields_a], [y * to_b for y in fields_b])
    colour = _apart(
        [(x - 128) * to_a for x in described_a[_FIELDS:]], [(y - 128) * to_b for y in described_b[_FIELDS:]]
    )
    alpha_a, alpha_b = _tail(a), _tail(b)
    farthest = max(
        (structure_a ^ structure_b).bit_count(),
        round(light / _LIGHT_LEVELS_A_BIT),
        round(colour / _COLOUR_LEVELS_A_BIT),
        (alpha_a.structure ^ alpha_b.structure).bit_count(),
        round(_apart(alpha_a.fields, alpha_b.fields) / _ALPHA_LEVELS_A_BIT),
        round(_apart(alpha_a.outline, alpha_b.outline) / _OUTLINE_LEVELS_A_BIT),
    )
    return min(MOST_DISTANCE, farthest)


class _Tail(NamedTuple):
    """The part of a fingerprint about transparency."""

    structure: int
    fields: bytes
    outline: bytes


def _tail(fingerprint: str) -> _Tail:
    """For an opaque picture: its own structure, and alpha 255 everywhere."""
    tail = fingerprint[OPAQUE_DIGITS:] or fingerprint[:16] + _of_opaque_alpha()
    described = bytes.fromhex(tail[16:])
    return _Tail(int(tail[:16], 16), described[:_FIELDS], described[_FIELDS:])


def _apart(a: Sequence[float], b: Sequence[float]) -> float:
    """Root mean square of the differences."""
    return sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / len(a))


def _spread(values: bytes, mean: float) -> float:
    """Standard deviation."""
    return sqrt(sum((value - mean) ** 2 for value in values) / len(values))
