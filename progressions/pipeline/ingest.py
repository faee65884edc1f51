"""Start images, masks and uploads: fetched or read, checked by decoding, stored byte for byte."""

import hashlib
from dataclasses import dataclass

from django.conf import settings
from PIL import Image

from dali.lib.calls.fetch import FetchError, fetch
from dali.lib.clock import Deadline
from dali.lib.errors import InputError
from dali.lib.objects.storage import named, originals, uploads
from dali.lib.pictures.images import (
    CPU_GATE,
    InvalidImageError,
    Picture,
    decode,
    decode_mask,
    encode_delivery,
    sniff,
)
from progressions.delivery import place_image
from progressions.enums import Code, Kind
from progressions.errors import StartImageError
from progressions.models import Job, Upload
from progressions.pipeline.sources import Source, resolve_source, shown, source_of

_START = "startImageUrl"
_MASK = "maskImageUrl"


@dataclass(frozen=True, slots=True)
class Ingested:
    """What the `ingest` step of a job keeps: keys in the originals storage, the delivery copy, pixels."""

    start_key: str
    start_delivery: str  # what Delivery.place returned
    mask_key: str  # "" without a mask
    width: int
    height: int


def ingest_images(job: Job) -> Ingested:
    """Brings the job's start image and mask into the originals storage and places the delivery copy.

    Both are checked before either is stored. After a crash it uses what it stored before and fetches nothing
    again. No transaction may be open. Raises StartImageError for an image that cannot be fetched or is not an
    image; UnavailableError and DeliveryError if storage or delivery failed: try again.
    """
    folder = f"project/{job.project_id}/jobs/{job.id}/orig"
    start = find_stored(f"{folder}/start") or _obtain(_START, _start_source(job))
    with CPU_GATE:
        picture, webp = _decode_start(start)
    mask = b""
    if job.mask_image_url:
        mask = find_stored(f"{folder}/mask") or _obtain(_MASK, _resolve(_MASK, job.mask_image_url, job))
        with CPU_GATE:
            _check_mask_bytes(mask, picture)
    is_ours = _store(f"{folder}/start", start, picture.media_type)
    if mask:
        is_ours &= _store(f"{folder}/mask", mask, "image/png")
    if not is_ours:
        return ingest_images(job)  # other bytes are stored already: use those
    return Ingested(
        start_key=f"{folder}/start",
        start_delivery=place_image(webp),
        mask_key=f"{folder}/mask" if mask else "",
        width=picture.width,
        height=picture.height,
    )


def find_stored(key: str) -> bytes | None:
    """The bytes of an original, or None. Raises UnavailableError."""
    try:
        return originals().read(key)
    except FileNotFoundError:
        return None


def load_start(job: Job) -> tuple[Picture, Image.Image | None]:
    """The job's ingested start image, and its mask ("L", the picture's size, 255 = repaint) or None.

    Reads first, then decodes under CPU_GATE. Raises FileNotFoundError, UnavailableError, InvalidImageError.
    """
    start = originals().read(job.start_image_key)
    mask = originals().read(job.mask_key) if job.mask_key else None
    with CPU_GATE:
        picture = decode(start, max_pixels=settings.MAX_IMAGE_PIXELS)
        if mask is None:
            return picture, None
        return picture, decode_mask(mask, (picture.width, picture.height))


def load_area(job: Job, kind: str) -> Image.Image | None:
    """The area that `fingerprint` covers for an image of that kind: an inpaint's mask; None for the whole image.

    Raises FileNotFoundError, UnavailableError, InvalidImageError.
    """
    if kind != Kind.INPAINT or not job.mask_key:
        return None
    content = originals().read(job.mask_key)
    with CPU_GATE:
        return decode_mask(content)


def receive_upload(content: bytes, owner: str) -> Upload:
    """Keeps what a client sent byte for byte, places its delivery copy and writes its row.

    The same bytes are stored once; each call makes a row. Raises InputError above DALI_MAX_IMAGE_BYTES,
    InvalidImageError, UnavailableError, DeliveryError.
    """
    if len(content) > settings.MAX_IMAGE_BYTES:
        raise InputError(
            "file", f"file has {len(content)} bytes; at most {settings.MAX_IMAGE_BYTES} are accepted"
        )
    with CPU_GATE:
        picture = decode(content, max_pixels=settings.MAX_IMAGE_PIXELS)
        webp = encode_delivery(picture)
    sha256 = hashlib.sha256(content).hexdigest()
    key = f"{sha256[:2]}/{sha256}"
    uploads().put_once(key, content, media_type=picture.media_type)
    return Upload.objects.create(
        owner=owner,
        key=key,
        delivery=place_image(webp),
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        bytes=len(content),
        sha256=sha256,
    )


def _start_source(job: Job) -> Source:
    if job.start_image_url:
        return _resolve(_START, job.start_image_url, job)
    if job.parent is None:
        raise StartImageError(
            Code.UNREACHABLE, "parentProgressionId: the image was deleted after the job was taken"
        )
    return source_of(job.parent)


def _resolve(field: str, url: str, job: Job) -> Source:
    try:
        return resolve_source(field, url, job.project_id)
    except InputError as error:  # its row was deleted after the submission
        raise StartImageError(Code.UNREACHABLE, str(error)) from error


def _obtain(field: str, source: Source) -> bytes:
    try:
        if source.storage:
            return named(source.storage).read(source.key)
        deadline = Deadline.after(settings.FETCH_TIMEOUT_S)
        return fetch(source.url, max_bytes=settings.MAX_IMAGE_BYTES, deadline=deadline)
    except FileNotFoundError as error:
        message = f"{field} {shown(source.url)} is not stored any more; upload it again"
        raise StartImageError(Code.UNREACHABLE, message) from error
    except FetchError as error:
        code = Code.INVALID_IMAGE if error.reason == "too_large" else Code.UNREACHABLE
        raise StartImageError(code, f"{field} {shown(source.url)}: {error}") from error


def _decode_start(content: bytes) -> tuple[Picture, bytes]:
    try:
        picture = decode(content, max_pixels=settings.MAX_IMAGE_PIXELS)
    except InvalidImageError as error:
        raise StartImageError(Code.INVALID_IMAGE, f"{_START} is not a usable image: {error}") from error
    return picture, encode_delivery(picture)


def _check_mask_bytes(content: bytes, start: Picture) -> None:
    try:
        sniff(content, max_pixels=settings.MAX_IMAGE_PIXELS)
        decode_mask(content, (start.width, start.height))
    except InvalidImageError as error:
        raise StartImageError(Code.INVALID_IMAGE, f"{_MASK} is not a usable mask: {error}") from error


def _store(key: str, content: bytes, media_type: str) -> bool:
    # The key may be taken: by this very step, run before a crash or by a worker that lost its lease
    # and was answered with another picture by the same URL.
    return originals().put_once(key, content, media_type=media_type) or originals().read(key) == content
