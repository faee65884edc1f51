"""Near-duplicates: whether an image resembles one that the project has, and the reservation that says so.

Called inside the transaction that holds the project's row, so that of siblings that arrive at once exactly one stays.
The search is exact: structures within Hamming distance d agree, in one of three bands of bits, to within d/3 bits. So
the index is asked for every value that near in each band (docs/duplicates.md has the times).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from uuid import UUID

from django.db import connection
from django.db.models import Q

from dali.lib import phash as hashes
from progressions.enums import Kind, VariantStatus
from progressions.models import HashBands, ImageProgression, Job, Variant

# Kinds whose images are compared with the whole project; others only with siblings of their job.
COMPARED_KINDS = (Kind.GENERATE, Kind.VARIATION)

# (first bit, number of bits) of each band of the structure.
_BANDS = ((0, 22), (22, 21), (43, 21))
_BAND_BITS = 22
# Bits of a project's id that stand before a band's value; another project with the same bits is sorted out later.
_PROJECT_BITS = 41
# Beyond so many bits in a band, looking at every image of the project is faster than the probes.
_MOST_RADIUS = 4


@dataclass(frozen=True, slots=True)
class Match:
    """The nearest image. `progression_id` is None while that variant is still under way."""

    variant_id: UUID
    progression_id: UUID | None
    distance: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    variant_id: UUID
    progression_id: UUID | None
    address: str
    distance: int


def find_nearest(*, variant: Variant, phash: str, max_distance: int) -> Match | None:
    """The nearest image within `max_distance` that counts against this variant, the oldest of equals.

    Compared are images that stay: made or kept, and reservations of variants under way. Never the variant itself,
    its start image, or an ancestor.
    """
    rows = Variant.objects.filter(_stays()).exclude(id=variant.id).exclude(phash="")
    if variant.kind in COMPARED_KINDS:
        rows = rows.filter(id__in=_similar_structures(variant.project_id, phash, max_distance))
        rows = rows.filter(project_id=variant.project_id)
    else:
        rows = rows.filter(job_id=variant.job_id)
    near: list[_Candidate] = []
    for row in rows.order_by("id").values_list(
        "id", "progression_id", "progression__generated_image_url", "phash"
    ):
        distance = hashes.distance(phash, row[3])
        if distance <= max_distance:
            near.append(_Candidate(row[0], row[1], row[2] or "", distance))
    near = _without_own_sources(variant, near)
    if not near:
        return None
    nearest = min(near, key=lambda candidate: candidate.distance)
    return Match(nearest.variant_id, nearest.progression_id, nearest.distance)


def reserve(*, variant: Variant, phash: str) -> None:
    """Writes the variant's fingerprint, by which later ones are compared with it; again: replaces it.

    The reservation holds while the variant is under way and as long as its image is kept.
    """
    variant.phash = phash
    Variant.objects.filter(id=variant.id).update(phash=phash)
    if variant.kind in COMPARED_KINDS:
        bands = buckets(variant.project_id, hashes.structure(phash))
        HashBands.objects.update_or_create(
            variant_id=variant.id,
            defaults={
                "structure": _signed(hashes.structure(phash)),
                **{f"band_{number}": bucket for number, bucket in enumerate(bands)},
            },
        )


def void(*, variant_id: UUID) -> None:
    """Withdraws a reservation: the variant ended without an image."""
    HashBands.objects.filter(variant_id=variant_id).delete()
    Variant.objects.filter(id=variant_id).update(phash="")


def _stays() -> Q:
    """Variants with an image, and those under way; not those whose image was deleted."""
    return Q(progression__isnull=False) | Q(status__in=(VariantStatus.QUEUED, VariantStatus.RUNNING))


def _similar_structures(project_id: UUID, phash: str, max_distance: int) -> list[UUID]:
    """Variants, of any state, whose structure is within the distance."""
    structure = hashes.structure(phash)
    radii = _radii(max_distance)
    own = buckets(project_id, structure)
    conditions = [
        f"band_{number} IN ({','.join(str(bucket ^ mask) for mask in _masks(bits, radius))})"
        for number, ((_, bits), bucket, radius) in enumerate(zip(_BANDS, own, radii, strict=True))
        if radius >= 0
    ]
    if max(radii) > _MOST_RADIUS:
        first = own[0] >> _BAND_BITS << _BAND_BITS
        conditions = [f"band_0 BETWEEN {first} AND {first + (1 << _BAND_BITS) - 1}"]
    select = "SELECT structure, variant_id FROM hash_bands WHERE "
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(select + condition for condition in conditions))
        return _near(cursor.fetchall(), structure, max_distance)


def _near(rows: Iterable[tuple[int, UUID | str]], structure: int, max_distance: int) -> list[UUID]:
    signed = _signed(structure)
    found = {
        variant_id
        for other, variant_id in rows
        if ((other ^ signed) & 0xFFFF_FFFF_FFFF_FFFF).bit_count() <= max_distance
    }
    return [id_ if isinstance(id_, UUID) else UUID(id_) for id_ in found]


def _without_own_sources(variant: Variant, near: list[_Candidate]) -> list[_Candidate]:
    """The candidates save the variant's own start image and ancestors."""
    if not near:
        return near
    job = Job.objects.only("parent", "start_image_url", "start_image_delivery").get(id=variant.job_id)
    if job.start_image_url or job.start_image_delivery:
        # The start image of a job is delivered by the hash of its content: the same image has the same address.
        near = [
            each
            for each in near
            if not each.address
            or (each.address != job.start_image_delivery and not job.start_image_url.endswith(each.address))
        ]
    if near and job.parent_id is not None:
        ancestors = _lineage(job.parent_id)
        near = [each for each in near if each.progression_id not in ancestors]
    return near


def _lineage(progression_id: UUID) -> set[UUID]:
    """The progression and all it came from."""
    found: set[UUID] = set()
    parent: UUID | None = progression_id
    while parent is not None and parent not in found:
        found.add(parent)
        parent = (
            ImageProgression.objects.filter(id=parent).values_list("parent_progression_id", flat=True).first()
        )
    return found


def buckets(project_id: UUID, structure: int) -> list[int]:
    """What each band of the structure is filed under: bits of the project's id, then the band's value."""
    project = (project_id.int & ((1 << _PROJECT_BITS) - 1)) << _BAND_BITS
    return [project | structure >> first & ((1 << bits) - 1) for first, bits in _BANDS]


def _radii(max_distance: int) -> tuple[int, ...]:
    """How many bits may differ in each band, so that no structure within `max_distance` is missed; -1: skip the band.

    With d = 3q + r, one of the first r + 1 bands differs by at most q, or one of the others by at most q - 1.
    """
    quotient, rest = divmod(max_distance, len(_BANDS))
    return tuple(quotient if number <= rest else quotient - 1 for number in range(len(_BANDS)))


@lru_cache(maxsize=32)
def _masks(bits: int, radius: int) -> tuple[int, ...]:
    """Every number of `bits` bits with at most `radius` of them set."""
    return tuple(
        sum(1 << place for place in places)
        for count in range(radius + 1)
        for places in combinations(range(bits), count)
    )


def _signed(structure: int) -> int:
    """The structure as the database's signed 64-bit integer."""
    return structure - (1 << 64) if structure >> 63 else structure
