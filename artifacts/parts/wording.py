"""Counts and days in words."""

from collections.abc import Iterable

from artifacts.material import ImageFacts
from artifacts.templatetags.artifact_pages import day


def counted(count: int, noun: str) -> str:
    """`1 image`, `3 images`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def day_span(images: Iterable[ImageFacts]) -> str:
    """From the day of the first image to the day of the last; at least one image."""
    times = [image.created_at for image in images]
    first, last = day(min(times)), day(max(times))
    return first if first == last else f"{first} to {last}"
