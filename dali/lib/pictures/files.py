"""Opens image files: their pixels as stored, and their colour and orientation data."""

import io
import warnings
from dataclasses import dataclass
from functools import reduce

import numpy as np
from PIL import Image, ImageChops
from PIL.JpegImagePlugin import JpegImageFile

from dali.lib.pictures.colour.profiles import ColourProfile, read_profile
from dali.lib.pictures.colour.spaces import ColourSpace
from dali.lib.pictures.formats.avif_boxes import avif_colours, with_avif_brand
from dali.lib.pictures.formats.errors import InvalidImageError
from dali.lib.pictures.formats.foreign_formats import WHAT_TO_SEND
from dali.lib.pictures.formats.gif_blocks import without_remarks
from dali.lib.pictures.formats.headers import check_size, media_type_of
from dali.lib.pictures.formats.jpeg_segments import read_jpeg
from dali.lib.pictures.formats.png_chunks import GREY, GREY_ALPHA, PngParts, read_png
from dali.lib.pictures.formats.webp_chunks import read_webp
from dali.lib.pictures.pixel_strips import strips

# Pillow only warns about decompression bombs, after opening them; open_image() refuses by its own limit.
Image.MAX_IMAGE_PIXELS = None
# Pillow's warnings about strangers' metadata are of no use to operators.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

_FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
    "image/avif": "AVIF",
}
MEDIA_TYPES = tuple(_FORMATS)  # accepted formats
# Signatures changed before Pillow sees the file, so that it accepts it.
_CHANGED = {"image/avif": with_avif_brand, "image/gif": without_remarks}
_ORIENTATION_TAG = 0x0112
# BITMAPV5HEADER: its size, and the colour space value for an embedded profile.
_BMP_V5, _BMP_EMBEDDED = 124, b"DEBM"

Colours = ColourProfile | ColourSpace


@dataclass(frozen=True, slots=True)
class OpenedImage:
    """The first picture of a file, decoded, in the file's own mode.

    `colours`: how to read its samples; None for sRGB or if unspecified. `alpha`: if one grey or one colour is
    transparent. `orientation`: EXIF's, 1 = upright.
    """

    image: Image.Image
    media_type: str
    colours: Colours | None
    alpha: Image.Image | None
    orientation: int


def open_image(content: bytes, max_pixels: int) -> OpenedImage:
    """Decodes a whole file. Raises InvalidImageError with a sentence for the sender."""
    media_type = media_type_of(content)
    if media_type == "image/png":
        return _open_png(content, max_pixels)
    if media_type == "image/jpeg":
        size, stream = read_jpeg(content, max_pixels)
        check_size(size, max_pixels)
    elif media_type == "image/webp":
        size, stream = read_webp(content)
        check_size(size, max_pixels)
    else:
        change = _CHANGED.get(media_type)
        stream = content if change is None else change(content)
    image = _decoded(stream, media_type, max_pixels)
    colours = read_profile(_profile(image, content))
    if colours is None and media_type == "image/avif":
        colours = avif_colours(content)
    return OpenedImage(image, media_type, colours, _keyed_alpha(image), _orientation(image))


def _open_png(content: bytes, max_pixels: int) -> OpenedImage:
    parts = read_png(content, max_pixels)
    check_size((parts.width, parts.height), max_pixels)
    stream = parts.stream()
    try:
        image = _decoded(stream, "image/png", max_pixels)
    except InvalidImageError:
        # Some encoders write a wrong checksum after the pixels; browsers ignore it.
        stream = parts.stream(has_checksum=False)
        image = _decoded(stream, "image/png", max_pixels)
    orientation = _orientation(image)
    if parts.colour_type == GREY_ALPHA and image.mode == "RGBA":  # Pillow has no other mode for 16 bits
        image = Image.merge("LA", (image.getchannel("R"), image.getchannel("A")))
    alpha = _png_alpha(parts, stream, image, max_pixels)
    return OpenedImage(image, "image/png", parts.colours(), alpha, orientation)


def _png_alpha(parts: PngParts, stream: bytes, image: Image.Image, max_pixels: int) -> Image.Image | None:
    """The alpha that `tRNS` describes for grey and RGB, compared in the file's own depth."""
    sample = parts.transparent_sample()
    if sample is None:
        return None
    if parts.depth < 8:
        scale = 255 // ((1 << parts.depth) - 1)
        return _differs(image.convert("L"), (sample[0] * scale,))
    if parts.depth == 8:
        return _differs(image, sample)
    if parts.colour_type == GREY:
        return _differs_deep(image, sample[0])
    high_bytes = _differs(image, tuple(value >> 8 for value in sample))
    low = _decoded(stream, "image/png", max_pixels, raw_mode="RGB;16L")
    return ImageChops.lighter(high_bytes, _differs(low, tuple(value & 255 for value in sample)))


def _differs(image: Image.Image, sample: tuple[int, ...]) -> Image.Image:
    """255 where a pixel is not the sample, 0 where it is."""
    masks = [
        channel.point([255 * (value != wanted) for value in range(256)])
        for channel, wanted in zip(image.split(), sample, strict=True)
    ]
    return reduce(ImageChops.lighter, masks)


def _differs_deep(grey: Image.Image, sample: int) -> Image.Image:
    """Like _differs, for 16-bit grey."""
    alpha = Image.new("L", grey.size)
    for box, samples in strips(grey):
        alpha.paste(Image.fromarray(np.where(samples == sample, 0, 255).astype(np.uint8)), box)
    return alpha


def _keyed_alpha(image: Image.Image) -> Image.Image | None:
    """The alpha of a grey GIF, whose transparent index Pillow stores separately; palettes are converted with theirs."""
    sample = image.info.get("transparency")
    return _differs(image, (sample,)) if image.mode == "L" and isinstance(sample, int) else None


def _decoded(stream: bytes, media_type: str, max_pixels: int, *, raw_mode: str = "") -> Image.Image:
    """The first frame. `raw_mode`: overrides how Pillow reads a PNG's samples."""
    try:
        # Image.open would look for further pictures in a JPEG
        image = (
            JpegImageFile(io.BytesIO(stream))
            if media_type == "image/jpeg"
            else Image.open(io.BytesIO(stream), formats=[_FORMATS[media_type]])
        )
        size = image.size
    except Exception as error:  # noqa: BLE001 - untrusted bytes: parsers can raise anything
        raise InvalidImageError(
            f"the image ({_FORMATS[media_type]}) cannot be read: {_reason(error)}; {WHAT_TO_SEND}"
        ) from error
    check_size(size, max_pixels)
    if raw_mode:
        image.tile = [tile._replace(args=raw_mode) for tile in image.tile]
    try:
        image.load()
    except Exception as error:  # noqa: BLE001 - untrusted bytes: decoders can raise anything
        raise InvalidImageError(
            f"the image ({_FORMATS[media_type]}) is damaged or cut off: {_reason(error)}"
        ) from error
    return image


def _reason(error: Exception) -> str:
    """The decoder's message, as one short line without buffer addresses."""
    text = str(error).partition(" <_io")[0].strip() or type(error).__name__
    return text.splitlines()[0][:120]


def _profile(image: Image.Image, content: bytes) -> bytes:
    if image.format == "BMP":
        return _bmp_profile(content)
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) else b""


def _bmp_profile(content: bytes) -> bytes:
    """The ICC profile of a BMP, which Pillow ignores."""
    header = content[14 : 14 + _BMP_V5]
    if int.from_bytes(header[:4], "little") != _BMP_V5 or header[56:60] != _BMP_EMBEDDED:
        return b""
    start = 14 + int.from_bytes(header[112:116], "little")
    return content[start : start + int.from_bytes(header[116:120], "little")]


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) if there is none or it is unreadable."""
    if image.format == "TIFF":
        return 1  # Pillow rotates TIFFs itself
    image.info.pop("xmp", None)  # Pillow would take the orientation from there, browsers do not
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 - broken metadata does not make a broken picture
        return 1
    return value if isinstance(value, int) else 1
