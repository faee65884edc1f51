"""Reads originals for generators: an unreadable one never fails the artifact; the manifest lists it."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import structlog

from artifacts.material import ImageFacts, Material
from dali.lib.pictures.images import InvalidImageError, Picture, decode, on_pixel_thread

log = structlog.get_logger(__name__)

MISSING = "The original is missing"
UNREADABLE = "The original cannot be read"
UNSHOWABLE = "The original cannot be shown"
# If an artifact would show no image.
NONE_READABLE = "none of the chosen images can be shown: their originals are missing or damaged"

T = TypeVar("T")


class Original(NamedTuple):
    """A stored file and its picture."""

    content: bytes
    picture: Picture


def use_original(
    material: Material,
    image: ImageFacts,
    use: Callable[[Original], T],
    *,
    is_shown_anyway: bool = False,
) -> T | None:
    """Runs `use` on an image's original, on a pixel thread.

    None if the original is missing, cannot be decoded, or `use` fails; `material.left_out` then says why, unless the
    image `is_shown_anyway` by its delivery image. Raises UnavailableError if the storage is down.
    """
    reasons = {} if is_shown_anyway else material.left_out
    try:
        content = material.read(image.key)
    except FileNotFoundError:
        reasons[image.id] = MISSING
        return None

    def work() -> T | None:
        try:
            return use(Original(content, decode(content)))
        except InvalidImageError:
            reasons[image.id] = UNREADABLE
        except Exception:  # noqa: BLE001 - whatever one odd picture breaks, the others are still shown
            log.exception("original_not_shown", progressionId=str(image.id), key=image.key)
            reasons[image.id] = UNSHOWABLE
        return None

    return on_pixel_thread(work)
