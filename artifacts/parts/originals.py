"""Originals as generators read them: one that cannot be shown never ends an artifact; the manifest names it."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import structlog

from artifacts.material import ImageFacts, Material
from dali.lib.pictures.images import InvalidImageError, Picture, decode, on_pixel_thread

log = structlog.get_logger(__name__)

MISSING = "The original is missing"
UNREADABLE = "The original cannot be read"
UNSHOWABLE = "The original cannot be shown"
# Of an artifact that would show none.
NONE_READABLE = "none of the chosen images can be shown: their originals are gone or broken"

T = TypeVar("T")


class Original(NamedTuple):
    """A stored file and what it shows."""

    content: bytes
    picture: Picture


def use_original(
    material: Material,
    image: ImageFacts,
    use: Callable[[Original], T],
    *,
    is_shown_anyway: bool = False,
) -> T | None:
    """What `use` makes of an image's original, on a pixel thread.

    None where the original is missing, cannot be decoded, or `use` fails on it: `material.left_out` says why then,
    unless the image `is_shown_anyway`, by its delivery image. Raises UnavailableError where the storage is down: that
    is not the image's fault.
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
