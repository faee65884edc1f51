"""Previews of an unfinished picture, small enough for an event."""

import base64

from dali.lib.pictures.ground import webp
from dali.lib.pictures.images import InvalidImageError, decode, on_pixel_thread

MAX_PX = 256
MAX_BYTES = 16 * 1024
# Tried in order until the preview is small enough; 256 x 256 noise needs the last one (13 KiB with noisy alpha).
_WAYS = ((MAX_PX, 60), (MAX_PX, 30), (160, 30), (96, 20))


def preview_url(content: bytes) -> str | None:
    """A `data:` URL of a WebP with at most 256 x 256 pixels and 16 KiB, with transparency; None for bytes that are
    not a picture.
    """
    try:
        small = on_pixel_thread(lambda: _shrunk(content))
    except InvalidImageError:
        return None
    return "data:image/webp;base64," + base64.b64encode(small).decode()


def _shrunk(content: bytes) -> bytes:
    picture = decode(content)
    small = b""
    for max_px, quality in _WAYS:
        small = webp(picture.fitted(max_px), picture.ground, quality=quality, method=4)
        if len(small) <= MAX_BYTES:
            break
    return small
