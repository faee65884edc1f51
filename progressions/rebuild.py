"""Upkeep: fingerprints and delivery images made anew from the originals, row by row."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from os import cpu_count
from typing import Any, TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from dali.lib.errors import DaliError
from dali.lib.images import CPU_GATE, Picture, decode, encode_delivery
from dali.lib.phash import fingerprint
from dali.lib.storage import named
from progressions import duplicates
from progressions.delivery import deliveries, place_image
from progressions.enums import Kind
from progressions.errors import DeliveryError
from progressions.ingest import load_area
from progressions.models import HashBands, ImageProgression, Job, Upload, Variant

log = structlog.get_logger(__name__)

S = TypeVar("S", bound="HashSource | DeliverySource")

_CHUNK = 64
# A delivery that asks for a pause gets it, so that all rows are done in one go.
_BUSY_TIMES, _BUSY_MOST_S = 3, 300


@dataclass(frozen=True, slots=True)
class HashSource:
    """An image whose fingerprint is to be made; `job` where it shows only a part anew."""

    progression_id: UUID
    key: str
    job: Job | None = None


@dataclass(frozen=True, slots=True)
class DeliverySource:
    """A delivery image: the row and column that name its address, and the object it is made of."""

    model: type[ImageProgression | Job | Upload]
    row_id: UUID
    field: str
    address: str
    storage: str
    key: str


@dataclass(slots=True)
class Counts:
    """What became of the rows. `changed`: written; `kept`: as they should be; `failed`: in the log, with the reason."""

    changed: int = 0
    kept: int = 0
    failed: int = 0

    @property
    def done(self) -> int:
        """Rows looked at."""
        return self.changed + self.kept + self.failed


def hash_sources(project_id: UUID | None) -> Iterator[HashSource]:
    """Every image of the project, or of all, oldest first."""
    rows = ImageProgression.objects.order_by("id").exclude(generated_image_r2_key="")
    if project_id is not None:
        rows = rows.filter(project_id=project_id)
    for id_, key, kind, job_id in _by_id(rows.values_list("id", "generated_image_r2_key", "kind", "job")):
        yield HashSource(id_, key, Job.objects.filter(id=job_id).first() if kind == Kind.INPAINT else None)


def rebuild_hashes(project_id: UUID | None, tell: Callable[[Counts], None]) -> Counts:
    """Writes the fingerprint of every image, of its variant and of the index; drops what the index has too much.

    `tell` is called after every row. Can be stopped and run again at any time.
    """
    counts = Counts()
    for source, made in _made(hash_sources(project_id), _fingerprint_of):
        if isinstance(made, DaliError | OSError):
            counts.failed += 1
            log.warning("hash_not_rebuilt", progressionId=str(source.progression_id), error=str(made)[:300])
        elif _write_hash(source.progression_id, made):
            counts.changed += 1
        else:
            counts.kept += 1
        tell(counts)
    _drop_stale(project_id)
    return counts


def _fingerprint_of(source: HashSource) -> str:
    area = load_area(source.job, Kind.INPAINT) if source.job is not None else None
    picture = _decoded("originals", source.key)
    with CPU_GATE:
        return fingerprint(picture, area)


def _write_hash(progression_id: UUID, phash: str) -> bool:
    with transaction.atomic():
        changed = ImageProgression.objects.filter(id=progression_id).exclude(phash=phash).update(phash=phash)
        variant = Variant.objects.filter(progression_id=progression_id).first()
        if variant is None:
            return changed > 0
        is_right = variant.phash == phash and duplicates.is_indexed(variant=variant, phash=phash)
        if not is_right:
            duplicates.reserve(variant=variant, phash=phash)
        return changed > 0 or not is_right


def _drop_stale(project_id: UUID | None) -> None:
    """Removes index rows of variants that ended without an image, or whose image was deleted."""
    rows = HashBands.objects.exclude(variant__in=Variant.objects.filter(duplicates.stays()))
    if project_id is not None:
        rows = rows.filter(variant__project_id=project_id)
    rows.delete()


def delivery_sources(project_id: UUID | None) -> Iterator[DeliverySource]:
    """Every address of a delivery image in the rows; uploads belong to no project."""
    of_project = Q() if project_id is None else Q(project_id=project_id)
    yield from _sources(
        ImageProgression, of_project, "generated_image_url", "originals", "generated_image_r2_key"
    )
    yield from _sources(
        ImageProgression, of_project, "start_image_delivery_url", "originals", "original_image_r2_key"
    )
    yield from _sources(Job, of_project, "start_image_delivery", "originals", "start_image_key")
    if project_id is None:
        yield from _sources(Upload, of_project, "delivery", "uploads", "key")


def _sources(
    model: type[ImageProgression | Job | Upload], where: Q, field: str, storage: str, key_field: str
) -> Iterator[DeliverySource]:
    rows = model._default_manager.filter(where).exclude(**{field: ""}).order_by("id")
    for id_, address, key in _by_id(rows.values_list("id", field, key_field)):
        yield DeliverySource(model, id_, field, address, storage, key)


def rebuild_delivery(project_id: UUID | None, *, is_all: bool, tell: Callable[[Counts], None]) -> Counts:
    """Makes delivery images that are missing, or all of them, and writes their addresses where they changed.

    An address that the delivery in use does not have, for instance of another delivery, counts as missing.
    """
    counts = Counts()
    delivery = deliveries.get(settings.DELIVERY)

    def make(source: DeliverySource) -> str:
        if not is_all and delivery.has(source.address):
            return ""
        picture = _decoded(source.storage, source.key)
        with CPU_GATE:
            content = encode_delivery(picture)
        return place_image(content)

    for source, made in _made(delivery_sources(project_id), make):
        if isinstance(made, DaliError | OSError):
            counts.failed += 1
            log.warning("delivery_not_rebuilt", row=str(source.row_id), key=source.key, error=str(made)[:300])
        elif made:
            counts.changed += 1
            if made != source.address:
                rows = source.model._default_manager.filter(
                    **{"id": source.row_id, source.field: source.address}
                )
                rows.update(**{source.field: made})
        else:
            counts.kept += 1
        tell(counts)
    return counts


def _by_id(rows: Any) -> Iterator[tuple[Any, ...]]:
    """The rows, whose first column is the id, piece by piece: an open cursor would hold back SQLite's log for hours."""
    chunk = list(rows[:_CHUNK])
    while chunk:
        yield from chunk
        chunk = list(rows.filter(id__gt=chunk[-1][0])[:_CHUNK])


def _decoded(storage: str, key: str) -> Picture:
    content = named(storage).read(key)
    with CPU_GATE:
        return decode(content, max_pixels=settings.MAX_IMAGE_PIXELS)


def _made(sources: Iterator[S], make: Callable[[S], str]) -> Iterator[tuple[S, str | DaliError | OSError]]:
    """Each source with what `make` gave or raised; as many at once as there are cores."""

    def attempt(source: S, times: int = _BUSY_TIMES) -> str | DaliError | OSError:
        try:
            return make(source)
        except DeliveryError as error:
            if not error.is_busy or times == 0:
                return error
            time.sleep(min(error.retry_after_s, _BUSY_MOST_S))
            return attempt(source, times - 1)
        except (DaliError, OSError) as error:  # a missing or broken object stops no other
            return error

    with ThreadPoolExecutor(cpu_count() or 1) as pool:
        while chunk := list(islice(sources, _CHUNK)):
            yield from zip(chunk, pool.map(attempt, chunk), strict=True)
