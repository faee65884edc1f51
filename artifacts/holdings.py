"""What the storages hold for projects: every object a row names, read and digested."""

import hashlib
import re
from collections.abc import Iterable, Iterator

from django.conf import settings

from artifacts.material import ImageFacts, JobFacts, StoredObject
from dali.lib.image_headers import InvalidImageError, sniff
from dali.lib.storage import delivery_files, originals
from progressions.delivered_files import file_key
from progressions.delivery import public_url
from progressions.models import Variant

_FILE = re.compile(r"([0-9a-f]{64})\.webp")


def stored_objects(images: Iterable[ImageFacts], jobs: Iterable[JobFacts]) -> tuple[StoredObject, ...]:
    """Every object of the projects once, by storage and key: originals, then what browsers are shown.

    Originals are images, start images, masks, and what was skipped or failed late.
    """
    images = tuple(images)
    kept = [_original(key, row) for key, row in sorted(_rows_of_originals(images, jobs).items())]
    shown: dict[str, str] = {}
    for image in images:
        for address in (image.url, image.start_url):
            if address:
                shown.setdefault(address, f"image_progressions/{image.id}")
    return (*kept, *_delivered(shown))


def _rows_of_originals(images: Iterable[ImageFacts], jobs: Iterable[JobFacts]) -> dict[str, str]:
    """The first row that names each key."""
    rows: dict[str, str] = {}
    for image in images:
        rows.setdefault(image.key, f"image_progressions/{image.id}")
    job_ids = []
    for job in jobs:
        job_ids.append(job.id)
        for key in (job.start_image_key, job.mask_key):
            if key:
                rows.setdefault(key, f"jobs/{job.id}")
    variants = Variant.objects.filter(job_id__in=job_ids).exclude(original_key="")
    for variant_id, key in variants.order_by("id").values_list("id", "original_key"):
        rows.setdefault(key, f"variants/{variant_id}")
    for image in images:
        if image.start_key:  # where its job is gone
            rows.setdefault(image.start_key, f"image_progressions/{image.id}")
    return rows


def _original(key: str, row: str) -> StoredObject:
    try:
        content = originals().read(key)
    except FileNotFoundError:
        return StoredObject("originals", key, row, "", None, None)
    try:
        media_type = sniff(content)
    except InvalidImageError:
        media_type = "application/octet-stream"
    return StoredObject("originals", key, row, media_type, len(content), hashlib.sha256(content).hexdigest())


def _delivered(rows: dict[str, str]) -> Iterator[StoredObject]:
    """Delivery images by address: files of this server are read, others only named."""
    found = [_one_delivered(address, row) for address, row in rows.items()]
    yield from sorted(found, key=lambda one: (one.storage, one.key))


def _one_delivered(address: str, row: str) -> StoredObject:
    key = _own_key(address)
    if not key:
        return StoredObject("elsewhere", address, row, "", None, None)
    try:
        content = delivery_files().read(key)
    except FileNotFoundError:
        return StoredObject("delivery", key, row, "", None, None)
    sha256 = hashlib.sha256(content).hexdigest()
    return StoredObject("delivery", key, row, "image/webp", len(content), sha256)


def _own_key(address: str) -> str:
    """Where the delivery storage has it; empty for an image that another service has."""
    found = _FILE.fullmatch(address.rpartition("/")[2])
    if found is None:
        return ""
    key = file_key(found[1])
    is_ours = address in (public_url(f"/images/{found[0]}"), f"{settings.DELIVERY_BASE_URL}/{key}")
    return key if is_ours else ""
