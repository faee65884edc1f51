"""Pictures for print: originals reduced to the size the page needs, or a placeholder text."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from artifacts.material import ImageFacts, Material
from artifacts.parts.originals import use_original
from dali.lib.pictures.images import Picture

# Reading may wait for a network; decoding is limited to the number of cores elsewhere.
_READERS = 4
_QUALITY = 84


@dataclass(frozen=True, slots=True)
class Print:
    """A JPEG, over its background colour if transparent, and its size in pixels; or no content, and `why`."""

    content: bytes
    width: int
    height: int
    why: str = ""

    def described(self, file: str, alt: str) -> dict[str, object]:
        """What a typst template gets about it. `file`: the name of its content there."""
        return {
            "file": file if self.content else None,
            "width": self.width,
            "height": self.height,
            "alt": alt,
            "why": self.why,
        }


def prints(material: Material, wanted: Sequence[tuple[ImageFacts, Sequence[int]]]) -> list[list[Print]]:
    """For each image, one print per longest side in pixels; nothing is enlarged."""
    with ThreadPoolExecutor(_READERS, thread_name_prefix="prints") as readers:
        return list(readers.map(lambda each: _prints_of(material, *each), wanted))


def _prints_of(material: Material, image: ImageFacts, sides: Sequence[int]) -> list[Print]:
    if not sides:
        return []
    made = use_original(material, image, lambda original: [_print(original.picture, side) for side in sides])
    return made or [Print(b"", image.width, image.height, material.left_out[image.id])] * len(sides)


def _print(picture: Picture, side: int) -> Print:
    content = picture.jpeg(side, _QUALITY)
    width, height = picture.reduced(side).size
    return Print(content, width, height)
