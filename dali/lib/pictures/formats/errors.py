"""The error of bytes that are not a picture."""

from dali.lib.errors import DaliError


class InvalidImageError(DaliError):
    """The bytes are not an image that Dali takes; the message is a sentence for whoever sent them."""

    @classmethod
    def too_large(cls, width: int, height: int, max_pixels: int) -> "InvalidImageError":
        """The refusal of a picture with too many pixels."""
        return cls(f"the image has {width} x {height} pixels; at most {max_pixels:,} in all are taken")
