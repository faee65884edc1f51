"""Pictures: decoding what strangers send, and what is derived from one decoding.

Decoding is at most as parallel as there are cores (`CPU_GATE`): the GIL is released in codecs only, and
more at once costs memory, not time (1.5 GB against 0.65 GB for 200 pictures).
"""

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import TypeVar

from PIL import Image

from dali.lib.db.connections import release_db_connection
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
    """Lets as many threads in as there are cores; none waits for it with a database connection in its hands."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)

    def __enter__(self) -> None:
        release_db_connection()
        self._free.acquire()

    def __exit__(self, *_: object) -> None:
        self._free.release()


CPU_GATE = _CpuGate(cpu_count() or 1)
_POOL = ThreadPoolExecutor(cpu_count() or 1, thread_name_prefix="pixels")

# A picture's ground is chosen by its looks at this size.
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
    """A decoded image and what is derived from it; used by one thread at a time.

    `image`: RGB, or RGBA where something is transparent; 8-bit sRGB, upright, without metadata. Whoever
    wants to change it works on a copy. `media_type`: of the bytes it was decoded from.
    """

    __slots__ = ("_fitted", "_ground", "image", "media_type")

    def __init__(self, image: Image.Image, media_type: str) -> None:
        self.image = image
        self.media_type = media_type
        self._fitted: dict[int, Image.Image] = {}
        self._ground: Ground | None = None

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.image.width

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.image.height

    @property
    def has_alpha(self) -> bool:
        """Whether something in it is transparent."""
        return self.image.mode == "RGBA"

    @property
    def is_invisible(self) -> bool:
        """Whether all of it is transparent."""
        return self.has_alpha and visible_alpha(self.image).getbbox() is None

    @property
    def ground(self) -> Ground:
        """What it is shown on where it must be opaque: the ground it stands out from."""
        if self._ground is None:
            self._ground = ground_for(self.fitted(_GROUND_PX)) if self.has_alpha else Ground.WHITE
        return self._ground

    @property
    def ground_level(self) -> int | None:
        """The grey level of its ground; None where nothing is transparent."""
        return self.ground.value[0] if self.has_alpha else None

    def fitted(self, max_px: int) -> Image.Image:
        """The picture, RGB or RGBA, scaled so that neither side exceeds `max_px`; never enlarged.

        Kept for the next call with the same `max_px`: the caller must not change it.
        """
        found = self._fitted.get(max_px)
        if found is None:
            found = self._fitted[max_px] = fit(self.image, max_px)
        return found

    def reduced(self, max_px: int, ground: Ground | None = None) -> Image.Image:
        """As `fitted`, but RGB: over `ground`, by default over the picture's own."""
        if not self.has_alpha:
            return self.fitted(max_px)
        return on_ground(self.fitted(max_px), ground or self.ground)

    def common_ground(self, other: "Picture | None") -> Ground:
        """The ground on which this picture is compared with another: chosen by what is transparent in both."""
        if other is None or not other.has_alpha:
            return self.ground
        return ground_for(self.fitted(_GROUND_PX), other.fitted(_GROUND_PX))

    def part(self, box: tuple[int, int, int, int]) -> Image.Image:
        """What is inside `box` (left, top, right, bottom) in full size, RGB over the picture's ground."""
        return on_ground(self.image.crop(box), self.ground)

    def png(self) -> bytes:
        """The whole picture as PNG; compressed for speed (level 1 is a tenth larger than 6)."""
        buffer = io.BytesIO()
        self.image.save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()

    def jpeg(self, max_px: int, quality: int = 80, ground: Ground | None = None) -> bytes:
        """The picture over `ground`, by default its own, as JPEG, scaled so that neither side exceeds `max_px`."""
        buffer = io.BytesIO()
        self.reduced(max_px, ground).save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()


def on_pixel_thread(work: Callable[[], T]) -> T:
    """The result of `work`, done under CPU_GATE in one of as many threads as there are cores.

    For what is done to every picture: a thread that has just freed 10 MB of pixels gets them back from its own
    heap, where each of 64 threads would ask the system for new ones (7 ms of CPU a picture of 1024 x 1024).
    """

    def run() -> T:
        with CPU_GATE:
            return work()

    release_db_connection()
    return _POOL.submit(run).result()


def decode(content: bytes, *, max_pixels: int | None = None) -> Picture:
    """Decodes PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF whole; of an animation the first frame.

    Raises InvalidImageError, a sentence to show to whoever sent it, for anything else: another format, more than
    `max_pixels` (by default MOST_PIXELS; seen in the header, before memory is spent), truncated
    or damaged bytes. Callers hold CPU_GATE.
    """
    opened = open_image(content, max_pixels or MOST_PIXELS)
    try:
        image = to_srgb(opened)
    except ValueError as error:
        raise InvalidImageError(
            f"the image's colours ({opened.image.mode}) cannot be read; {WHAT_TO_SEND}"
        ) from error
    if image is opened.image:
        image = image.copy()  # a plain image, detached from the file's class and its open buffer
    image.info = {}  # Pillow would write profiles and comments found here into whatever is saved
    if opened.orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[opened.orientation])
    return Picture(image, opened.media_type)


def decode_mask(content: bytes, size: tuple[int, int] | None = None) -> Image.Image:
    """Decodes a mask, a PNG of exactly `size` (width, height; None: any), to 8-bit grey ("L"): 255 = repaint, 0 = keep.

    Where something is transparent, alpha decides (0 = repaint); in an opaque one, white = repaint. Values
    between are kept. Raises InvalidImageError.
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
    """The image that browsers are shown: WebP, quality 80, transparency kept, at most 16,383 px a side.

    Method 2: 34 ms for 1024 x 1024, where method 4 takes 77 ms for a tenth less size.
    """
    return webp(picture.fitted(_WEBP_MOST_PX), picture.ground, quality=80, method=2)
