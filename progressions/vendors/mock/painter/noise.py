"""Noise that clouds, ridges and light are made of."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.float32]


def fractal(
    rng: np.random.Generator, size: tuple[int, int], cells: tuple[int, int], octaves: int = 4
) -> Field:
    """Smooth noise, (height, width) float32, 0 to 1 over the whole range.

    `cells`: features across and down; each octave has twice as many, half as strong.
    """
    total = np.zeros((size[1], size[0]), np.float32)
    for octave in range(octaves):
        across, down = (max(2, count * 2**octave + 1) for count in cells)
        grid = Image.fromarray(rng.random((down, across), dtype=np.float32))
        total += np.asarray(grid.resize(size, Image.Resampling.BICUBIC)) * np.float32(0.5**octave)
    low, high = float(total.min()), float(total.max())
    return (total - np.float32(low)) / np.float32(max(high - low, 1e-6))


def ridge(rng: np.random.Generator, width: int, features: int, roughness: float, octaves: int = 7) -> Field:
    """A skyline, (width,) float32, 0 to 1: `roughness` 0.3 rolls like hills, 0.55 is craggy."""
    line = np.zeros(width, np.float32)
    at = np.linspace(0.0, 1.0, width)
    for octave in range(octaves):
        count = features * 2**octave + 1
        if count > width:
            break
        points = rng.random(count)
        line += np.interp(at, np.linspace(0.0, 1.0, count), points).astype(np.float32) * np.float32(
            roughness**octave
        )
    if roughness < 0.4:
        reach = max(3, width // (features * 6)) | 1
        kernel = np.hanning(reach + 2)[1:-1]
        line = np.convolve(np.pad(line, reach // 2, mode="edge"), kernel / kernel.sum(), mode="valid").astype(
            np.float32
        )
    low, high = float(line.min()), float(line.max())
    return (line - np.float32(low)) / np.float32(max(high - low, 1e-6))


def smoothstep(values: Field, low: float, high: float) -> Field:
    """0 below `low`, 1 above `high`, an S between."""
    t = np.clip((values - np.float32(low)) / np.float32(max(high - low, 1e-6)), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
