"""Tags for a picture: its measured format, light and colours, and the meaningful words of its prompt."""

import re

import numpy as np
from PIL import Image

from dali.lib.pictures import measures
from dali.lib.pictures.colour.names import hsv, share
from dali.lib.texts import composed

_COLOURS = (
    "red",
    "orange",
    "yellow",
    "green",
    "teal",
    "blue",
    "purple",
    "pink",
    "brown",
    "black",
    "white",
    "grey",
)
_MOST = 14
_STOP_WORDS = frozenset(
    """about above across after again against along also among around because before behind below beneath beside
    between beyond both composition detail detailed down during each from have high highly image into like light
    make more most near only onto over photo picture quality same show some style such than that their them then
    there these they this those through under until upon very view what when where which while with without
    your""".split()  # noqa: SIM905 - reads better than 90 quoted words
)


def describe(small: Image.Image, size: tuple[int, int], prompt: str) -> list[str]:
    """At most 14 lower-case tags. `small`: RGB, reduced, or only its visible pixels; `size`: (width, height) of the
    whole picture.
    """
    ratio = size[0] / size[1]
    tags = ["square" if 0.95 < ratio < 1.05 else "landscape" if ratio > 1 else "portrait"]
    mean = float(np.asarray(small.convert("L")).mean())
    tags.append("dark" if mean < 85 else "bright" if mean > 170 else "mid-tone")
    saturation = measures.saturation(small)
    tags.append("monochrome" if saturation < 8 else "colourful" if saturation > 70 else "muted")
    pixels = hsv(small.resize((64, 64), Image.Resampling.NEAREST))
    shares = {name: share(pixels, name) for name in _COLOURS}
    tags += sorted((name for name in shares if shares[name] >= 0.125), key=lambda name: -shares[name])[:3]
    words = [word for word in re.findall(r"[a-z]{4,40}", composed(prompt).lower()) if word not in _STOP_WORDS]
    return list(dict.fromkeys([*tags, *words]))[:_MOST]
