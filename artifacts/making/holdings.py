"""The stored objects of projects: every object that a row names, read and digested."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from django.conf import settings

from artifacts.material import ImageFacts, JobFacts, StoredObject
from dali.lib.objects.storage import WriteOnceStorage, delivery_files, originals
from dali.lib.pictures.formats.headers import InvalidImageError, sniff
from progressions.delivered_files import file_key
from progressions.delivery import public_url
from progressions.models import Variant

# The storages that can be read; images of another service are "elsewhere".
STORAGES: Mapping[str, Callable[[], WriteOnceStorage]] = {"originals": originals, "delivery": delivery_files}
_FILE = re.compile(r"([0-9a-f]{64})\.webp")


def stored_objects(images: Iterable[ImageFacts], jobs: Iterable[JobFacts]) -> tuple[StoredObject, ...]:
    """Every object of the projects once, by storage and key, read and digested."""
    found = named_objects(images, jobs)
    return tuple(_read(storage, key, rows[0]) for (storage, key), rows in found.items())


def named_objects(images: Iterable[ImageFacts], jobs: Iterable[JobFacts]) -> dict[tuple[str, str], list[str]]:
    """All objects that rows of the projects name, by storage and key, with those rows; reads nothing.

    Originals first (images, start images, masks, skipped and late ones), then delivery images.
    """
    images = tuple(images)
    kept = {("originals", key): rows for key, rows in sorted(_rows_of_originals(images, jobs).items())}
    shown: dict[tuple[str, str], list[str]] = defaultdict(list)
    for image in images:
        for address in (image.url, image.start_url):
            if address:
                shown[_place_of(address)].append(f"image_progressions/{image.id}")
    return kept | dict(sorted(shown.items()))


def _rows_of_originals(images: Iterable[ImageFacts], jobs: Iterable[JobFacts]) -> dict[str, list[str]]:
    """All rows that name each key; it belongs to the first."""
    rows: dict[str, list[str]] = defaultdict(list)
    for image in images:
        rows[image.key].append(f"image_progressions/{image.id}")
    job_ids = []
    for job in jobs:
        job_ids.append(job.id)
        for key in (job.start_image_key, job.mask_key):
            if key:
                rows[key].append(f"jobs/{job.id}")
    variants = Variant.objects.filter(job_id__in=job_ids).exclude(original_key="")
    for variant_id, key in variants.order_by("id").values_list("id", "original_key"):
        rows[key].append(f"variants/{variant_id}")
    for image in images:
        if image.start_key:  # its job is gone
            rows[image.start_key].append(f"image_progressions/{image.id}")
    return rows


def _read(storage: str, key: str, row: str) -> StoredObject:
    try:
        content = STORAGES[storage]().read(key) if storage in STORAGES else None
    except FileNotFoundError:
        content = None
    if content is None:
        return StoredObject(storage, key, row, "", None, None)
    media_type = "image/webp" if storage == "delivery" else _media_type_of(content)
    return StoredObject(storage, key, row, media_type, len(content), hashlib.sha256(content).hexdigest())


def _media_type_of(content: bytes) -> str:
    try:
        return sniff(content)
    except InvalidImageError:
        return "application/octet-stream"


def _place_of(address: str) -> tuple[str, str]:
    """Storage and key of a delivery image: a file of this server, or the URL at another service."""
    if (found := _FILE.fullmatch(address.rpartition("/")[2])) is not None:
        key = file_key(found[1])
        if address in (public_url(f"/images/{found[0]}"), f"{settings.DELIVERY_BASE_URL}/{key}"):
            return "delivery", key
    return "elsewhere", address
