"""A perceptual hash that also tells flat, smooth and dark pictures apart, and the distance between two.

A fingerprint is 32 bytes: 8 of structure (signs of the picture's lowest frequencies, as in a classic pHash, save that what is
below the noise counts as none) and 24 that describe it: lightness of 4 x 4 fields, two colour differences of 2 x 2.
The signs alone are noise where a picture is flat; the description alone cannot tell details apart.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dali.lib.images import Picture

# Bits of the fingerprint that are the structure: `structure(fingerprint)`, compared by Hamming distance.
STRUCTURE_BITS = 64
# No pictures are further apart.
MOST_DISTANCE = 64

_SIDE_PX = 32
_FREQUENCIES = 8
# Amplitude, in grey levels, below which a frequency is noise of the encoder.
_NOISE_LEVELS = 0.35
# What a re-encoded or brightened picture may differ by, in grey levels and for one bit of distance.
_LEVELS_A_BIT = 1.2
_COLOUR_LEVELS_A_BIT = 1.0


def _cosines() -> NDArray[np.float32]:
    """The first rows of the discrete cosine transform, scaled so that a coefficient is an amplitude."""
    k = np.arange(_FREQUENCIES)[:, None]
    x = np.arange(_SIDE_PX)[None, :]
    return (np.cos(np.pi * k * (2 * x + 1) / (2 * _SIDE_PX)) * (2 / _SIDE_PX)).astype(np.float32)


_COSINES = _cosines()


def fingerprint(picture: Picture) -> str:
    """The picture's fingerprint: 64 lower-case hex digits. About 2 ms for 1024 x 1024."""
    small = picture.reduced(128).resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX).convert("YCbCr")
    samples = np.asarray(small, dtype=np.float32)
    lightness = samples[:, :, 0]
    waves = (_COSINES @ lightness @ _COSINES.T).ravel()
    waves[0] = 0.0  # the mean is described below
    bits = waves > max(float(np.median(waves[1:])), _NOISE_LEVELS)
    fields = lightness.reshape(4, 8, 4, 8).mean(axis=(1, 3)).ravel()
    colours = samples[:, :, 1:].reshape(2, 16, 2, 16, 2).mean(axis=(1, 3)).ravel()
    described = np.concatenate([fields, colours]).round().astype(np.uint8)
    return np.packbits(bits).tobytes().hex() + described.tobytes().hex()


def structure(fingerprint: str) -> int:
    """The structure of a fingerprint as an unsigned 64-bit number; `distance` is never below its Hamming distance."""
    return int(fingerprint[:16], 16)


def distance(a: str, b: str) -> int:
    """How far two fingerprints are apart: 0 the same, 64 nothing in common.

    The greatest of what structure, lightness and colour say, each in units of a bit of structure.
    """
    bits = (structure(a) ^ structure(b)).bit_count()
    described_a = np.frombuffer(bytes.fromhex(a[16:]), np.uint8).astype(np.float32)
    described_b = np.frombuffer(bytes.fromhex(b[16:]), np.uint8).astype(np.float32)
    light = _lightness_levels(described_a[:16], described_b[:16]) / _LEVELS_A_BIT
    colour = float(np.abs(described_a[16:] - described_b[16:]).mean()) / _COLOUR_LEVELS_A_BIT
    return min(MOST_DISTANCE, max(bits, round(light), round(colour)))


def _lightness_levels(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Grey levels by which the fields differ, once a plain change of brightness and contrast is forgiven.

    Only as much is forgiven as there is contrast: two flat pictures of different grey stay different.
    """
    contrast = min(float(a.std()), float(b.std()))
    shift = max(0.0, abs(float(a.mean() - b.mean())) - contrast)
    rest = (a - a.mean()) - (b - b.mean())
    return shift + float(np.abs(rest).mean())
