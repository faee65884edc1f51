"""A perceptual hash that also tells flat, smooth and dark pictures apart, and the distance between two.

A fingerprint is 32 bytes: 8 of structure (signs of the picture's lowest frequencies, of the type and text of
imagehash.phash, save that what is below an encoder's noise counts as none) and 24 of description (lightness of 4 x 4
fields, two colour differences of 2 x 2). Signs alone are noise where a picture is flat; a description alone sees no
details.
"""

from math import sqrt

import numpy as np
from imagehash import ImageHash
from numpy.typing import NDArray
from PIL import Image

from dali.lib.images import Picture

# The greatest distance of two pictures.
MOST_DISTANCE = 64

_SIDE_PX = 32
_FREQUENCIES = 8
_FIELDS = 16
# Amplitude, in grey levels, below which a frequency may be the encoder's noise.
_NOISE_LEVELS = 0.35
# Mean differences, in levels of 0..255, that count as much as one bit of structure.
_LIGHT_LEVELS_A_BIT = 1.3
_COLOUR_LEVELS_A_BIT = 1.2
# A change of exposure is forgiven up to this factor ...
_MOST_GAIN = 1.25
# ... and wholly only where so many bits of structure are shared, or the fields have so much contrast: it is
# content that shows two pictures to be the same in another light. Two flat colours are two pictures.
_TELLING_BITS = 12
_TELLING_CONTRAST = 24.0


def _cosines() -> NDArray[np.float32]:
    """The first rows of the discrete cosine transform, scaled so that a coefficient is an amplitude."""
    k = np.arange(_FREQUENCIES)[:, None]
    x = np.arange(_SIDE_PX)[None, :]
    return (np.cos(np.pi * k * (2 * x + 1) / (2 * _SIDE_PX)) * (2 / _SIDE_PX)).astype(np.float32)


_COSINES = _cosines()


def fingerprint(picture: Picture, area: Image.Image | None = None) -> str:
    """The picture's fingerprint: 64 lower-case hex digits. About 2 ms for 1024 x 1024.

    `area` ("L", 255 = in it, stretched over the picture) limits it to a part, so that what is the same in
    all pictures around it counts for nothing.
    """
    if area is not None:
        picture = _part(picture, area)
    small = picture.reduced(128).resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX).convert("YCbCr")
    samples = np.asarray(small, dtype=np.float32)
    lightness = samples[:, :, 0]
    waves = (_COSINES @ lightness @ _COSINES.T).ravel()
    waves[0] = 0.0  # the mean belongs to the description
    bits = waves > max(float(np.median(waves[1:])), _NOISE_LEVELS)
    fields = lightness.reshape(4, 8, 4, 8).mean(axis=(1, 3)).ravel()
    colours = samples[:, :, 1:].reshape(2, 16, 2, 16, 2).mean(axis=(1, 3)).ravel()
    described = np.concatenate([fields, colours]).round().astype(np.uint8)
    return str(ImageHash(bits.reshape(_FREQUENCIES, _FREQUENCIES))) + described.tobytes().hex()


def _part(picture: Picture, area: Image.Image) -> Picture:
    """The rows and columns in which the area has something; the whole picture for an empty area."""
    if area.size != picture.image.size:
        area = area.resize(picture.image.size, Image.Resampling.NEAREST)
    inside = np.asarray(area) > 127
    rows, columns = inside.any(axis=1), inside.any(axis=0)
    if not rows.any():
        return picture
    return Picture(Image.fromarray(np.asarray(picture.image)[rows][:, columns]), picture.media_type)


def structure(fingerprint: str) -> int:
    """The structure as an unsigned 64-bit number; `distance` is never below two structures' Hamming distance."""
    return int(fingerprint[:16], 16)


def distance(a: str, b: str) -> int:
    """How far two fingerprints are apart: 0 the same, 64 nothing in common; the same both ways round.

    The greatest of what structure, lightness and colours say, each in units of one bit of structure.
    """
    structure_a, structure_b = structure(a), structure(b)
    bits = (structure_a ^ structure_b).bit_count()
    described_a, described_b = bytes.fromhex(a[16:]), bytes.fromhex(b[16:])
    fields_a, fields_b = described_a[:_FIELDS], described_b[:_FIELDS]
    mean_a, mean_b = sum(fields_a) / _FIELDS, sum(fields_b) / _FIELDS
    contrast = min(_spread(fields_a, mean_a), _spread(fields_b, mean_b))
    shared = (structure_a & structure_b).bit_count()
    telling = min(1.0, max(shared / _TELLING_BITS, contrast / _TELLING_CONTRAST))
    gain = min(_MOST_GAIN, max(1 / _MOST_GAIN, (mean_b + 1) / (mean_a + 1))) ** telling
    # Half of it to each, so that both ways round the same is compared.
    to_a, to_b = sqrt(gain), 1 / sqrt(gain)
    light = sqrt(sum((x * to_a - y * to_b) ** 2 for x, y in zip(fields_a, fields_b, strict=True)) / _FIELDS)
    colours_a, colours_b = described_a[_FIELDS:], described_b[_FIELDS:]
    colour = sqrt(
        sum(((x - 128) * to_a - (y - 128) * to_b) ** 2 for x, y in zip(colours_a, colours_b, strict=True))
        / len(colours_a)
    )
    return min(
        MOST_DISTANCE, max(bits, round(light / _LIGHT_LEVELS_A_BIT), round(colour / _COLOUR_LEVELS_A_BIT))
    )


def _spread(values: bytes, mean: float) -> float:
    """Standard deviation."""
    return sqrt(sum((value - mean) ** 2 for value in values) / len(values))
