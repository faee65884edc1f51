"""The pictures that a text model of Workers AI is sent."""

import io

from PIL import Image

from progressions.vendors.cloudflare.text import side_by_side


def jpeg(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, "JPEG")
    return buffer.getvalue()


def size_of(*sizes: tuple[int, int]) -> tuple[int, int]:
    return Image.open(io.BytesIO(side_by_side([jpeg(*size) for size in sizes]))).size


def test_several_pictures_are_placed_side_by_side_at_equal_height() -> None:
    assert size_of((400, 300)) == (400, 300)
    assert size_of((400, 300), (100, 150)) == (400 + 16 + 200, 300)


def test_a_thin_picture_next_to_another_does_not_make_a_giant_sheet() -> None:
    assert size_of((1, 768), (768, 1)) == (1 + 16 + 2 * 768, 768)
    assert size_of((768, 1), (3, 768)) == (2 * 768 + 16 + 3, 768)
