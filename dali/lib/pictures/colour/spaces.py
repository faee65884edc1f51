"""Converts colours described by numbers (H.273 code points, chromaticities, a gamma) to sRGB.

The result matches Chromium 156 for the same file (measured 30 November 2026), including HDR.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dali.lib.pictures.pixel_strips import strips

Floats = NDArray[np.float64]
# x and y of red, green, blue and white.
Primaries = tuple[float, float, float, float, float, float, float, float]
# From encoded values (0 to 1) to light (1 = white; HDR goes above it).
Transfer = Callable[[Floats], Floats]

# ITU-T H.273 (07/2024), table 2.
PRIMARIES: dict[int, Primaries] = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, 0.3127, 0.3290),  # BT.709, sRGB
    4: (0.670, 0.330, 0.210, 0.710, 0.140, 0.080, 0.3100, 0.3160),  # BT.470 M
    5: (0.640, 0.330, 0.290, 0.600, 0.150, 0.060, 0.3127, 0.3290),  # BT.601 625
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290),  # BT.601 525
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290),  # SMPTE 240M
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, 0.3100, 0.3160),  # film
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),  # BT.2020
    10: (1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1 / 3, 1 / 3),  # CIE XYZ
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3140, 0.3510),  # DCI-P3
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),  # Display P3
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, 0.3127, 0.3290),  # EBU 3213-E
}
_BRADFORD = np.array(((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)))

# ITU-R BT.2408: the white of SDR content is shown at 203 cd/m2 within HDR.
_WHITE_NITS = 203
# If a file does not state its peak; for HLG always.
_PEAK_NITS = 1_000.0
# Encoders write a gamma within 5 % of 1/2.2 for sRGB (libpng uses the same threshold).
_SRGB_GAMMA, _GAMMA_TOLERANCE = 1 / 2.2, 0.05
# Outside this range, a picture would be all black or white: treated as a mistake.
_GAMMAS = (0.1, 10.0)
_CHROMATICITIES = (-2.0, 2.0)


def _srgb(encoded: Floats) -> Floats:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _power(encoded: Floats, exponent: float) -> Floats:
    return encoded**exponent


def _smpte_240m(encoded: Floats) -> Floats:
    return np.where(encoded < 0.0912, encoded / 4, ((encoded + 0.1115) / 1.1115) ** (1 / 0.45))


def _smpte_428(encoded: Floats) -> Floats:
    return encoded**2.6 * (52.37 / 48)


def _pq(encoded: Floats) -> Floats:
    root = encoded ** (32 / 2523)
    light = np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
    return light ** (8192 / 1305) * (10_000 / _WHITE_NITS)


def _hlg(encoded: Floats) -> Floats:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(encoded <= 0.5, encoded**2 / 3, (np.exp((encoded - c) / a) + b) / 12)


# ITU-T H.273, table 3. 1, 6, 14 and 15 are camera curves; `video` of h273_space says how they are shown.
_VIDEO = frozenset({1, 6, 14, 15})
_TRANSFERS: dict[int, Transfer] = {
    4: partial(_power, exponent=2.2),
    5: partial(_power, exponent=2.8),
    7: _smpte_240m,
    8: partial(_power, exponent=1.0),
    13: _srgb,
    16: _pq,
    17: _smpte_428,
    18: _hlg,
}


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """The meaning of RGB pixel values. `peak_nits`: the peak brightness of an HDR picture."""

    primaries: Primaries
    transfer: Transfer
    peak_nits: float = _PEAK_NITS

    def grey_table(self, levels: int) -> NDArray[np.uint8]:
        """The sRGB grey of each of `levels` evenly spaced greys, black to white; grey stays grey, white stays white."""
        ramp = self.transfer(np.linspace(0, 1, levels))
        return _encoded(self._linear_srgb(np.repeat(ramp[:, np.newaxis], 3, axis=1)))[:, 1].copy()

    def convert(self, image: Image.Image) -> Image.Image | None:
        """An RGB or RGBA image in sRGB; keeps alpha. None if it changes nothing, or the image has another mode."""
        if image.mode not in ("RGB", "RGBA"):
            return None
        if self.primaries == PRIMARIES[1] and self.transfer not in (_pq, _hlg):
            if self.transfer is _srgb:
                return None
            straight = list(range(256)) if image.mode == "RGBA" else []
            return image.point(self.grey_table(256).tolist() * 3 + straight)
        return self._converted_in_strips(image)

    def _converted_in_strips(self, image: Image.Image) -> Image.Image:
        light = self.transfer(np.linspace(0, 1, 256)).astype(np.float32)
        converted = image.copy()
        for box, pixels in strips(image):
            pixels[..., :3] = _encoded(self._linear_srgb(light[pixels[..., :3]]))
            converted.paste(Image.fromarray(pixels), box)
        return converted

    def _linear_srgb(self, light: NDArray[np.floating]) -> NDArray[np.floating]:
        """Linear light in sRGB primaries, 1 = white, from these primaries; the last axis is R, G, B."""
        if self.transfer is _hlg:
            light = _hlg_displayed(light, self.primaries)
        if self.transfer in (_pq, _hlg):
            to_2020 = _matrix(self.primaries, PRIMARIES[9]).astype(light.dtype)
            light = _tone_mapped(light @ to_2020.T, self.peak_nits)
            return light @ _matrix(PRIMARIES[9], PRIMARIES[1]).astype(light.dtype).T
        return light @ _matrix(self.primaries, PRIMARIES[1]).astype(light.dtype).T


def h273_space(
    primaries: int, transfer: int, *, video: Transfer = _srgb, peak_nits: float = 0
) -> ColourSpace | None:
    """The colour space of H.273 code points; None if one is unknown or unspecified.

    `video`: the curve for camera transfers (such as BT.709).
    """
    curve = video if transfer in _VIDEO else _TRANSFERS.get(transfer)
    if primaries not in PRIMARIES or curve is None:
        return None
    has_peak = is_hdr(transfer) and 0 < peak_nits <= 10_000
    return ColourSpace(PRIMARIES[primaries], curve, peak_nits if has_peak else _PEAK_NITS)


def is_hdr(transfer: int) -> bool:
    """Whether an H.273 transfer is HDR: PQ or HLG."""
    return transfer in (16, 18)


BT1886: Transfer = partial(_power, exponent=2.4)


def gamma_space(gamma: float, primaries: Primaries | None) -> ColourSpace | None:
    """The colour space of a PNG's `gAMA` (0.45455 for the usual 1/2.2) and `cHRM`; None if sRGB or implausible."""
    if not _GAMMAS[0] <= gamma <= _GAMMAS[1]:
        return None
    curve: Transfer = partial(_power, exponent=1 / gamma)
    if primaries is not None and _is_usable(primaries):
        return ColourSpace(primaries, curve)
    if abs(gamma / _SRGB_GAMMA - 1) <= _GAMMA_TOLERANCE:
        return None
    return ColourSpace(PRIMARIES[1], curve)


def _is_usable(primaries: Primaries) -> bool:
    """Whether white contains light of each primary."""
    if not all(_CHROMATICITIES[0] <= value <= _CHROMATICITIES[1] for value in primaries):
        return False
    if not all(y > 0 for y in primaries[7::2]):
        return False
    try:
        matrix = _to_xyz(primaries)
    except np.linalg.LinAlgError:
        return False
    return bool(np.isfinite(matrix).all() and matrix[1].min() > 0 and np.linalg.cond(matrix) < 1e4)


def _to_xyz(primaries: Primaries) -> Floats:
    """From linear RGB to CIE XYZ, with Y = 1 for white."""
    corners = np.array([(x, y, 1 - x - y) for x, y in zip(primaries[:6:2], primaries[1:6:2], strict=True)]).T
    matrix: Floats = corners * np.linalg.solve(corners, _white(primaries))
    return matrix


def _white(primaries: Primaries) -> Floats:
    x, y = primaries[6:]
    return np.array((x / y, 1.0, (1 - x - y) / y))


def _matrix(source: Primaries, target: Primaries) -> Floats:
    """From one linear RGB space to another, white to white (Bradford)."""
    cones = (_BRADFORD @ _white(target)) / (_BRADFORD @ _white(source))
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD
    matrix: Floats = np.linalg.inv(_to_xyz(target)) @ adapted @ _to_xyz(source)
    return matrix


def _hlg_displayed(scene: NDArray[np.floating], primaries: Primaries) -> NDArray[np.floating]:
    """Light of a 1,000 cd/m2 display (BT.2100's OOTF with gamma 1.2), 1 = white."""
    luminance = scene @ _to_xyz(primaries)[1].astype(scene.dtype)
    displayed: NDArray[np.floating] = scene * luminance[..., np.newaxis] ** 0.2 * (_PEAK_NITS / _WHITE_NITS)
    return displayed


def _tone_mapped(light: NDArray[np.floating], peak_nits: float) -> NDArray[np.floating]:
    """HDR light compressed to below 1: linear up to white, then a soft shoulder up to the peak.

    The curve of SMPTE ST 2094-50 for content without its own, applied to the brightest channel to keep hues. With a
    peak of 1,000 cd/m2, white maps to half the light, which leaves the other half for highlights.
    """
    peak = peak_nits / _WHITE_NITS
    if peak <= 1:
        return light
    white = 1 - 0.5 * min(np.log2(peak) / np.log2(_PEAK_NITS / _WHITE_NITS), 1.0)
    most = np.maximum(light.max(axis=-1, keepdims=True), 1e-9)
    above = np.clip(most, 1.0, peak)
    # A quadratic Bezier curve from (1, white) to (peak, 1); its control point is on the line through the origin.
    kappa = 0.65
    middle_x, middle_y = (1 - kappa) + kappa / white, (1 - kappa) * white + kappa
    a, b = 1 - 2 * middle_x + peak, 2 * (middle_x - 1)
    root = np.sqrt(b * b + 4 * a * (above - 1))
    t = 2 * (above - 1) / (b + root)
    shoulder = white + t * (2 * (middle_y - white) + t * (white - 2 * middle_y + 1))
    mapped: NDArray[np.floating] = light * np.where(most <= 1, white, shoulder / most)
    return mapped


def _encoded(linear: NDArray[np.floating]) -> NDArray[np.uint8]:
    """8-bit sRGB of linear light, clipped."""
    return _SRGB_BYTES[(linear.clip(0, 1) * (_SRGB_BYTES.size - 1) + 0.5).astype(np.uint32)]


def _srgb_bytes() -> NDArray[np.uint8]:
    light = np.linspace(0, 1, 1 << 16)
    encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return (encoded * 255 + 0.5).astype(np.uint8)


_SRGB_BYTES = _srgb_bytes()
