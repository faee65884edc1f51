"""The error for bytes that are not a valid picture."""

from dali.lib.errors import DaliError


class InvalidImageError(DaliError):
    """The bytes are not an image that Dali accepts; the message is a sentence for the sender."""

    @classmethod
    def too_large(cls, width: int, height: int, max_pixels: int) -> "InvalidImageError":
        """The error for a picture with too many pixels."""
        return cls(f"the image has {width} x {height} pixels; the limit is {max_pixels:,} pixels in total")
