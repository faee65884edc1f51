"""ICC profiles: converts pixels to sRGB by a file's embedded profile."""

import hashlib
import io
import threading
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from dali.lib.pictures.colour.spaces import ColourSpace, h273_space, is_hdr

# The largest printer profiles have 4 MB.
MOST_PROFILE_BYTES = 16 << 20
# Profiles kept after parsing: each takes up to a few hundred KB.
_MOST_KEPT = 32
# A profile that changes no channel by more than this is a copy of sRGB.
_ROUNDING = 1
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
_BROKEN = (ImageCms.PyCMSError, OSError, ValueError, TypeError)
# As Chromium and libvips: with the perceptual tables, a print profile differs by 8 of 255 on average.
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
# The Pillow modes that a profile's colour space is made for.
_MODES = {"RGB ": ("RGB", "RGBA"), "GRAY": ("L",), "CMYK": ("CMYK",)}


class ColourProfile:
    """A parsed profile. Thread-safe."""

    def __init__(self, content: bytes) -> None:
        """Raises one of _BROKEN if the bytes are not an applicable profile."""
        self._profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        self._modes = _MODES.get(str(self._profile.profile.xcolor_space), ())
        self._transforms: dict[str, ImageCms.ImageCmsTransform] = {}
        self._is_srgb = "RGB" in self._modes and self._changes_nothing()
        self._greys = self._shown_greys()

    def grey_table(self, levels: int) -> NDArray[np.uint8] | None:
        """The sRGB grey of each of `levels` evenly spaced greys, black to white; None if it changes nothing."""
        if self._greys is None or levels == self._greys.size:
            return self._greys
        between = np.interp(np.linspace(0, 255, levels), np.arange(256), self._greys)
        return between.round().astype(np.uint8)

    def convert(self, image: Image.Image) -> Image.Image | None:
        """An RGB, RGBA or CMYK image in sRGB; keeps alpha.

        None if it changes nothing, or the profile is for another mode.
        """
        if self._is_srgb or image.mode not in self._modes:
            return None
        return self._applied(image)

    def _applied(self, image: Image.Image) -> Image.Image:
        transform = self._transforms.get(image.mode)
        if transform is None:
            output = "RGBA" if image.mode == "RGBA" else "RGB"
            transform = ImageCms.ImageCmsTransform(self._profile, _SRGB, image.mode, output, _INTENT)
            self._transforms[image.mode] = transform
        return transform.apply(image)

    def _changes_nothing(self) -> bool:
        levels = np.linspace(0, 255, 12).round().astype(np.uint8)
        grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(36, 48, 3)
        shown = np.asarray(self._applied(Image.fromarray(grid)))
        return bool(np.abs(shown.astype(np.int16) - grid).max() <= _ROUNDING)

    def _shown_greys(self) -> NDArray[np.uint8] | None:
        mode = self._modes[0] if self._modes else ""
        if mode not in ("RGB", "L") or self._is_srgb:
            return None
        ramp = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).convert(mode)
        return np.asarray(self._applied(ramp))[..., 1].reshape(256).copy()


def lab_to_rgb(image: Image.Image) -> Image.Image:
    """An image of mode LAB (CIE L*a*b*, D50) in sRGB."""
    return ImageCms.ImageCmsTransform(_LAB, _SRGB, "LAB", "RGB", _INTENT).apply(image)


_kept: OrderedDict[bytes, ColourProfile | ColourSpace | None] = OrderedDict()
_kept_lock = threading.Lock()


def read_profile(content: bytes) -> ColourProfile | ColourSpace | None:
    """The colours that a profile describes; None if it cannot be read (the picture then stays as it is)."""
    if not 128 < len(content) <= MOST_PROFILE_BYTES:
        return None
    digest = hashlib.blake2b(content, digest_size=16).digest()
    with _kept_lock:
        if digest in _kept:
            _kept.move_to_end(digest)
            return _kept[digest]
    try:
        found = _hdr_space(content) or ColourProfile(content)
    except _BROKEN:
        found = None
    with _kept_lock:
        _kept[digest] = found
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    return found


def _hdr_space(content: bytes) -> ColourSpace | None:
    """The space of an HDR profile: its `cicp` tag (ICC.1:2022, 9.2.17) is more precise than its tables."""
    count = int.from_bytes(content[128:132], "big")
    for at in range(132, min(132 + 12 * count, len(content) - 11), 12):
        if content[at : at + 4] == b"cicp":
            start = int.from_bytes(content[at + 4 : at + 8], "big")
            tag = content[start : start + 12]
            if len(tag) == 12 and is_hdr(tag[9]):
                return h273_space(tag[8], tag[9])
    return None
