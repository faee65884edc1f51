"""The parents of the images that are shown."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from artifacts.material import ImageFacts, Material
from dali.lib.texts import composed


def nearest_parents(material: Material, images: Sequence[ImageFacts]) -> list[int | None]:
    """The index of the nearest ancestor that is shown; None without one, or in a cycle."""
    shown = {image.id: index for index, image in enumerate(images)}
    above: Mapping[UUID, UUID | None] = {image.id: image.parent_id for image in material.images}
    found: list[int | None] = []
    for index, image in enumerate(images):
        parent, passed = image.parent_id, {image.id}
        while parent is not None and parent not in shown and parent not in passed:
            passed.add(parent)
            parent = above.get(parent)
        nearest = shown.get(parent) if parent is not None else None
        found.append(nearest if nearest is not None and nearest < index else None)
    return found


def said_before(images: Sequence[ImageFacts], parents: Sequence[int | None]) -> list[bool]:
    """Whether the previous sibling has the same words, so that they need not be repeated."""
    said: dict[int | None, str] = {}
    repeats = []
    for image, parent in zip(images, parents, strict=True):
        words = composed(image.prompt)
        repeats.append(said.get(parent) == words)
        said[parent] = words
    return repeats


def second_parents(images: Sequence[ImageFacts], parents: Sequence[int | None]) -> list[int | None]:
    """The second parent of each image: the start image or rollback target, if it is not the parent."""
    first: dict[str, int] = {}
    sources: list[int | None] = []
    for index, (image, parent) in enumerate(zip(images, parents, strict=True)):
        address = image.url if image.kind == "rollback" else image.start_url
        is_parents = parent is not None and images[parent].url == address
        sources.append(None if is_parents else first.get(address))
        first.setdefault(image.url, index)
    return sources
