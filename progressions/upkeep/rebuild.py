"""Upkeep: makes fingerprints and delivery images again from the originals, row by row."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from os import cpu_count
from typing import Any, TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from dali.lib.errors import DaliError
from dali.lib.objects.storage import named
from dali.lib.pictures import phash as hashes
from dali.lib.pictures.images import CPU_GATE, Picture, decode, encode_delivery
from progressions.delivery import deliveries, place_image
from progressions.enums import Kind
from progressions.errors import DeliveryError
from progressions.models import HashBands, ImageProgression, Job, Upload, Variant
from progressions.pipeline import duplicates
from progressions.pipeline.ingest import load_area

log = structlog.get_logger(__name__)

S = TypeVar("S", bound="HashSource | DeliverySource")
R = TypeVar("R")

_CHUNK = 64
# A delivery that asks for a pause gets it, so that all rows are done in one go.
_BUSY_TIMES, _BUSY_MOST_S = 3, 300
# Where addresses of delivery images stand: model and column; where their originals are: storage and key column.
_DELIVERED: tuple[tuple[type[ImageProgression | Job | Upload], str, str, str], ...] = (
    (ImageProgression, "generated_image_url", "originals", "generated_image_r2_key"),
    (ImageProgression, "start_image_delivery_url", "originals", "original_image_r2_key"),
    (Job, "start_image_delivery", "originals", "start_image_key"),
    (Upload, "delivery", "uploads", "key"),
)


@dataclass(frozen=True, slots=True)
class HashSource:
    """An image, and whether its fingerprint is to be made; `job` if only a part of it was made by the job."""

    progression_id: UUID
    key: str
    is_due: bool
    job: Job | None


@dataclass(frozen=True, slots=True)
class Hashed:
    """A whole fingerprint, and the grey level of the ground of a transparent picture."""

    phash: str
    ground: int | None


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
class RebuildCounts:
    """How many rows had which outcome.

    `changed`: written; `kept`: right already; `gone`: the original is gone (logged); `failed`: the log has the reason.
    """

    changed: int = 0
    kept: int = 0
    gone: int = 0
    failed: int = 0

    @property
    def done(self) -> int:
        """Rows looked at."""
        return self.changed + self.kept + self.gone + self.failed


def count_hash_sources(project_id: UUID | None) -> int:
    """How many images the project has, or all have."""
    return _images(project_id).count()


def rebuild_hashes(
    project_id: UUID | None, tell: Callable[[RebuildCounts], None], *, is_all: bool = False
) -> RebuildCounts:
    """Makes the fingerprints that are not of today's version, or all, of image, variant and index; drops stale rows.

    `tell` is called after every row. Can be stopped and run again at any time: what is made is not made again.
    An image whose original is gone keeps what it has and is never compared.
    """
    counts = RebuildCounts()
    for source, made in _made(_hash_sources(project_id, is_all=is_all), _hashed):
        if isinstance(made, FileNotFoundError):
            counts.gone += 1
            log.warning("hash_original_gone", progressionId=str(source.progression_id), key=source.key)
        elif isinstance(made, DaliError | OSError):
            counts.failed += 1
            log.warning("hash_not_rebuilt", progressionId=str(source.progression_id), error=str(made)[:300])
        elif made and _write_hash(source.progression_id, made):
            counts.changed += 1
        else:
            counts.kept += 1
        tell(counts)
    _drop_stale(project_id)
    return counts


def _images(project_id: UUID | None) -> QuerySet[ImageProgression]:
    rows = ImageProgression.objects.order_by("id").exclude(generated_image_r2_key="")
    return rows if project_id is None else rows.filter(project_id=project_id)


def _hash_sources(project_id: UUID | None, *, is_all: bool) -> Iterator[HashSource]:
    """Every image, oldest first. Three queries for each batch tell what is due, without reading an original."""
    rows = _images(project_id).values_list(
        "id", "generated_image_r2_key", "kind", "job", "phash", "phash_version"
    )
    for piece in _pieces(rows):
        current = _current([row[0] for row in piece])
        for id_, key, kind, job_id, phash, version in piece:
            found_by = hashes.short(current.get(id_, phash))
            is_due = is_all or not phash or version != hashes.VERSION or found_by != phash
            is_part = is_due and kind == Kind.INPAINT
            yield HashSource(id_, key, is_due, Job.objects.filter(id=job_id).first() if is_part else None)


def _current(progression_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Of each image that has a variant, the fingerprint by which that is found; empty where it is not to be found."""
    variants = Variant.objects.filter(progression__in=progression_ids).order_by()
    found = list(variants.values_list("progression_id", "id", "kind", "phash", "phash_version"))
    structures = duplicates.indexed([id_ for _, id_, *_ in found])
    return {
        progression_id: phash
        if phash
        and version == hashes.VERSION
        and (kind not in duplicates.COMPARED_KINDS or structures.get(id_) == hashes.structure(phash))
        else ""
        for progression_id, id_, kind, phash, version in found
    }


def _hashed(source: HashSource) -> Hashed | None:
    """What is made of the original; None where it is not due. In a thread, without the database."""
    if not source.is_due:
        return None
    area = load_area(source.job, Kind.INPAINT) if source.job is not None else None
    picture = _decoded("originals", source.key)
    with CPU_GATE:
        return Hashed(hashes.fingerprint(picture, area), picture.ground_level)


def _write_hash(progression_id: UUID, made: Hashed) -> bool:
    """Writes it wherever it is kept; whether anything was otherwise."""
    phash = made.phash
    kept = {"phash": hashes.short(phash), "phash_version": hashes.VERSION, "ground": made.ground}
    with transaction.atomic():
        changed = ImageProgression.objects.filter(id=progression_id).exclude(**kept).update(**kept)
        variant = Variant.objects.filter(progression_id=progression_id).order_by("id").first()
        if variant is None or _current([progression_id])[progression_id] == phash:
            return changed > 0
        duplicates.reserve(variant=variant, phash=phash)
        return True


def _drop_stale(project_id: UUID | None) -> None:
    """Removes index rows of variants that ended without an image, or whose image was deleted."""
    rows = HashBands.objects.exclude(variant__in=Variant.objects.filter(duplicates.stays()))
    if project_id is not None:
        rows = rows.filter(variant__project_id=project_id)
    rows.delete()


def delivery_sources(project_id: UUID | None) -> Iterator[DeliverySource]:
    """Every address of a delivery image in the rows; uploads belong to no project."""
    of_project = {} if project_id is None else {"project_id": project_id}
    for model, field, storage, key_field in _DELIVERED:
        if of_project and model is Upload:
            continue
        rows = model._default_manager.filter(**of_project).exclude(**{field: ""}).order_by("id")
        for piece in _pieces(rows.values_list("id", field, key_field)):
            for id_, address, key in piece:
                yield DeliverySource(model, id_, field, address, storage, key)


def rebuild_delivery(
    project_id: UUID | None, *, is_all: bool, tell: Callable[[RebuildCounts], None]
) -> RebuildCounts:
    """Makes delivery images that are missing, or all of them, and writes their addresses where they changed.

    An address that the delivery in use does not have, for instance of another delivery, counts as missing.
    """
    counts = RebuildCounts()
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


def _pieces(rows: Any) -> Iterator[list[tuple[Any, ...]]]:
    """The rows, whose first column is the id, piece by piece: an open cursor would hold back SQLite's log for hours."""
    piece = list(rows[:_CHUNK])
    while piece:
        yield piece
        piece = list(rows.filter(id__gt=piece[-1][0])[:_CHUNK])


def _decoded(storage: str, key: str) -> Picture:
    content = named(storage).read(key)
    with CPU_GATE:
        return decode(content, max_pixels=settings.MAX_IMAGE_PIXELS)


def _made(sources: Iterator[S], make: Callable[[S], R]) -> Iterator[tuple[S, R | DaliError | OSError]]:
    """Each source with what `make` gave or raised; as many at once as there are cores."""

    def attempt(source: S, times: int = _BUSY_TIMES) -> R | DaliError | OSError:
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
