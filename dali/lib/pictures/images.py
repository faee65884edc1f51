"""Pictures: decodes untrusted images and derives everything else from one decoding.

At most one decoding per core runs at a time (`CPU_GATE`): only codecs release the GIL, and more at once costs memory
without saving time (1.5 GB instead of 0.65 GB for 200 pictures).
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import TypeVar

from PIL import Image

from dali.lib.db.connections import release_db_connection
from dali.lib.pictures.encoding import encoded
from dali.lib.pictures.files import open_image
from dali.lib.pictures.formats.foreign_formats import WHAT_TO_SEND
from dali.lib.pictures.formats.headers import MOST_PIXELS, InvalidImageError, media_type_of, sniff
from dali.lib.pictures.ground import Ground, fit, ground_for, on_ground, visible_alpha, webp
from dali.lib.pictures.pixels import to_srgb

__all__ = [
    "CPU_GATE", "InvalidImageError", "Picture", "decode", "decode_mask", "encode_delivery", "on_pixel_thread", "sniff",
]  # fmt: skip

T = TypeVar("T")


class _CpuGate:
    """Admits one thread per core; no thread holds a database connection while it waits."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)

    def __enter__(self) -> None:
        release_db_connection()
        self._free.acquire()

    def __exit__(self, *_: object) -> None:
        self._free.release()


CPU_GATE = _CpuGate(cpu_count() or 1)
_POOL = ThreadPoolExecutor(cpu_count() or 1, thread_name_prefix="pixels")

# The size at which a picture's background is chosen.
_GROUND_PX = 128
# WebP's own limit (libwebp 1.6, WEBP_MAX_DIMENSION).
_WEBP_MOST_PX = 16_383

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Picture:
    """A decoded image and its derivatives; not thread-safe.

    `image`: RGB, or RGBA if something is transparent; 8-bit sRGB, upright, without metadata. Copy it before changing
    it. `media_type`: of the bytes it was decoded from.
    """

    __slots__ = ("_fitted", "_ground", "image", "media_type")

    def __init__(self, image: Image.Image, media_type: str) -> None:
        self.image = image
        self.media_type = media_type
        self._fitted: dict[int, Image.Image] = {}
        self._ground: Ground | None = None

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.image.width

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.image.height

    @property
    def has_alpha(self) -> bool:
        """Whether any of it is transparent."""
        return self.image.mode == "RGBA"

    @property
    def is_invisible(self) -> bool:
        """Whether all of it is transparent."""
        return self.has_alpha and visible_alpha(self.image).getbbox() is None

    @property
    def ground(self) -> Ground:
        """Its background where it must be opaque: the one it contrasts with."""
        if self._ground is None:
            self._ground = ground_for(self.fitted(_GROUND_PX)) if self.has_alpha else Ground.WHITE
        return self._ground

    @property
    def ground_level(self) -> int | None:
        """The grey level of its background; None if nothing is transparent."""
        return self.ground.value[0] if self.has_alpha else None

    def fitted(self, max_px: int) -> Image.Image:
        """The picture, RGB or RGBA, scaled so that neither side exceeds `max_px`; never enlarged.

        Cached for the next call with the same `max_px`: do not change it.
        """
        found = self._fitted.get(max_px)
        if found is None:
            found = self._fitted[max_px] = fit(self.image, max_px)
        return found

    def reduced(self, max_px: int, ground: Ground | None = None) -> Image.Image:
        """Like `fitted`, but RGB: over `ground`, by default the picture's own."""
        if not self.has_alpha:
            return self.fitted(max_px)
        return on_ground(self.fitted(max_px), ground or self.ground)

    def common_ground(self, other: "Picture | None") -> Ground:
        """The background for comparing this picture with another: chosen by the transparent parts of both."""
        if other is None or not other.has_alpha:
            return self.ground
        return ground_for(self.fitted(_GROUND_PX), other.fitted(_GROUND_PX))

    def part(self, box: tuple[int, int, int, int]) -> Image.Image:
        """The content of `box` (left, top, right, bottom) in full size, RGB over the picture's background."""
        return on_ground(self.image.crop(box), self.ground)

    def png(self) -> bytes:
        """The whole picture as PNG; compressed for speed (level 1 is a tenth larger than 6)."""
        return encoded(self.image, "PNG", compress_level=1)

    def jpeg(self, max_px: int, quality: int = 80, ground: Ground | None = None) -> bytes:
        """The picture over `ground`, by default its own, as JPEG, scaled so that neither side exceeds `max_px`."""
        return encoded(self.reduced(max_px, ground), "JPEG", quality=quality)


def on_pixel_thread(work: Callable[[], T]) -> T:
    """Runs `work` under CPU_GATE in one of as many threads as there are cores.

    For work on every picture: a thread reuses the 10 MB it just freed in its own heap; with 64 threads, each would ask
    the system for new memory (7 ms of CPU per 1024 x 1024 picture).
    """

    def run() -> T:
        with CPU_GATE:
            return work()

    release_db_connection()
    return _POOL.submit(run).result()


def decode(content: bytes, *, max_pixels: int | None = None) -> Picture:
    """Decodes PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF completely; for an animation, the first frame.

    Raises InvalidImageError, a sentence for the sender, for anything else: another format, more than `max_pixels`
    (default MOST_PIXELS; checked in the header, before memory is used), truncated or damaged bytes. Callers hold
    CPU_GATE.
    """
    opened = open_image(content, max_pixels or MOST_PIXELS)
    try:
        image = to_srgb(opened)
    except ValueError as error:
        raise InvalidImageError(
            f"the image's colours ({opened.image.mode}) cannot be read; {WHAT_TO_SEND}"
        ) from error
    if image is opened.image:
        image = image.copy()  # a plain image, without the file's class and open buffer
    image.info = {}  # Pillow would write profiles and comments found here into saved files
    if opened.orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[opened.orientation])
    return Picture(image, opened.media_type)


def decode_mask(content: bytes, size: tuple[int, int] | None = None) -> Image.Image:
    """Decodes a mask, a PNG of exactly `size` (width, height; None: any), to 8-bit grey ("L"): 255 = repaint, 0 = keep.

    If something is transparent, alpha decides (0 = repaint); otherwise, white = repaint. Values between are kept.
    Raises InvalidImageError.
    """
    if media_type_of(content) != "image/png":
        raise InvalidImageError("a mask must be a PNG")
    image = decode(content).image
    if size is not None and image.size != size:
        raise InvalidImageError(
            f"the mask is {image.width} x {image.height} pixels; it must have the size of the start image,"
            f" {size[0]} x {size[1]}"
        )
    if image.mode == "RGBA":
        return image.getchannel("A").point(lambda alpha: 255 - alpha)
    return image.convert("L")


def encode_delivery(picture: Picture) -> bytes:
    """The image for browsers: WebP, quality 80, with transparency, at most 16,383 px a side.

    Method 2: 34 ms for 1024 x 1024; method 4 takes 77 ms for a tenth less size.
    """
    return webp(picture.fitted(_WEBP_MOST_PX), picture.ground, quality=80, method=2)
