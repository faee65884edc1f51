"""Chooses the background for a transparent picture: white, black or grey, whichever it contrasts with most."""

from enum import Enum

import numpy as np
from PIL import Image

from dali.lib.pictures.encoding import encoded

# Nearly invisible alpha counts as none: up to the first as transparent, from the second as opaque.
_CLEAR, _SOLID = 8, 247
_STEPS = [min(255, max(0, round((alpha - _CLEAR) * 255 / (_SOLID - _CLEAR)))) for alpha in range(256)]
_LOOK_PX = 128
# The channel difference from which a colour is clearly visible on a background.
_CLEAR_LEVELS = 48
# White is preferred unless this much more of the picture is visible on another; then black before grey.
_TIE = 0.05


class Ground(Enum):
    """A background colour, with the name used towards models."""

    WHITE = (255, 255, 255)
    BLACK = (0, 0, 0)
    GREY = (128, 128, 128)


def visible_alpha(image: Image.Image) -> Image.Image:
    """The alpha of an RGBA image as people see it: nearly opaque is opaque, nearly clear is clear."""
    return image.getchannel("A").point(_STEPS)


def visible_colours(image: Image.Image) -> Image.Image:
    """An RGB image of the visible pixels only, in order, about square.

    For measurements that ignore positions. RGB, and pictures without visible pixels, are returned unchanged.
    """
    if image.mode != "RGBA":
        return image
    seen = np.asarray(image)[np.asarray(visible_alpha(image)) > 0][:, :3]
    if not len(seen):
        return image.convert("RGB")
    width = max(1, int(len(seen) ** 0.5))
    return Image.fromarray(seen[: len(seen) // width * width].reshape(-1, width, 3))


def ground_for(*images: Image.Image) -> Ground:
    """The background (white, black, mid grey) on which most of the pictures is visible; the first one on ties.

    White if nothing is transparent. Deterministic; pass pictures that will be compared together.
    """
    colours, alphas = _seen(images)
    if not alphas.sum():
        return Ground.WHITE
    shares = {ground: _share_seen(colours, alphas, ground) for ground in Ground}
    least = max(shares.values()) - _TIE
    return next(ground for ground in Ground if shares[ground] >= least)


def on_ground(image: Image.Image, ground: Ground) -> Image.Image:
    """The picture as RGB over the background; RGB is returned unchanged."""
    if image.mode == "RGB":
        return image
    under = Image.new("RGB", image.size, ground.value)
    under.paste(image, mask=image.getchannel("A"))
    return under


def webp(image: Image.Image, ground: Ground, *, quality: int, method: int) -> bytes:
    """The picture as lossy WebP with transparency. Clear pixels get the background, for readers without alpha.

    libwebp blends what is under alpha 0 towards the visible edge, so the background leaves no fringe (512 x 512 motifs:
    the same pixels over any colour, 150 bytes more).
    """
    if image.mode == "RGBA":
        shown = Image.new("RGBA", image.size, (*ground.value, 0))
        shown.paste(image, mask=image.getchannel("A").point([0] + [255] * 255))
        image = shown
    return encoded(image, "WEBP", quality=quality, method=method)


def fit(image: Image.Image, max_px: int) -> Image.Image:
    """The image scaled down so that neither side exceeds `max_px`, at least 1 pixel each; unchanged if it fits.

    Pillow weights RGBA colours by alpha, so invisible pixels add no tint.
    """
    scale = max_px / max(image.size)
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    # Integer factors first: 2 ms for 1024 x 1024; a single filter takes 23.
    image = image.reduce(max(1, int(1 / scale)))
    return image if image.size == size else image.resize(size, Image.Resampling.BILINEAR)


def _seen(images: tuple[Image.Image, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Colours, and alphas from 0 to 1, of the pictures with transparent parts."""
    small = [fit(image, _LOOK_PX) for image in images if image.mode == "RGBA"]
    if not small:
        return np.zeros((0, 3)), np.zeros(0)
    colours = [np.asarray(image, np.float32)[..., :3].reshape(-1, 3) for image in small]
    alphas = [np.asarray(visible_alpha(image), np.float32).ravel() / 255 for image in small]
    return np.concatenate(colours), np.concatenate(alphas)


def _share_seen(colours: np.ndarray, alphas: np.ndarray, ground: Ground) -> float:
    apart = np.abs(colours - np.array(ground.value, np.float32)).max(axis=1) * alphas
    return float((np.minimum(1, apart / _CLEAR_LEVELS) * alphas).sum() / alphas.sum())
