"""Previews of a picture that is not finished: so small that an event can carry one."""

import base64

from dali.lib.pictures.ground import webp
from dali.lib.pictures.images import InvalidImageError, decode, on_pixel_thread

MAX_PX = 256
MAX_BYTES = 16 * 1024
# Tried in turn until the preview is small enough; noise of 256 x 256 needs the last (13 KiB with noise as alpha).
_WAYS = ((MAX_PX, 60), (MAX_PX, 30), (160, 30), (96, 20))


def preview_url(content: bytes) -> str | None:
    """A `data:` URL of a WebP of at most 256 x 256 pixels and 16 KiB, its transparency kept; None for bytes that are
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
