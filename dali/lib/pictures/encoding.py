"""Encodes images into files."""

import io
from typing import Any

from PIL import Image


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """The image as a file in a format of Pillow's, such as `PNG`. `options`: of its encoder."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()
