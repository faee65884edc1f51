"""Near-duplicates: finds the most similar image of a project, and reserves an image's fingerprint.

Called inside the transaction that locks the project's row, so that exactly one of several similar siblings stays.
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

from dali.lib.pictures import phash as hashes
from progressions.enums import Kind, VariantStatus
from progressions.models import HashBands, ImageProgression, Job, Variant
from progressions.queries import lineage_ids

# Kinds whose images are compared with the whole project; others only with siblings of their job.
COMPARED_KINDS = (Kind.GENERATE, Kind.VARIATION)

# (first bit, number of bits) of each band of the structure.
_BANDS = ((0, 22), (22, 21), (43, 21))
_BAND_BITS = 22
# Bits of a project's id that stand before a band's value; another project with the same bits is sorted out later.
_PROJECT_BITS = 41
_ALL_BITS = (1 << 64) - 1
# Beyond so many bits in a band, looking at every image of the project is faster than the probes.
_MOST_RADIUS = 4
_FEW = 400


@dataclass(frozen=True, slots=True)
class Match:
    """The nearest image. `progression_id` is None while that variant is still under way."""

    variant_id: UUID
    progression_id: UUID | None
    distance: int


def find_nearest(*, variant: Variant, phash: str, max_distance: int) -> Match | None:
    """The nearest image within `max_distance` that counts against this variant, the oldest of equals.

    Compared are images that stay: made or kept, and reservations of variants under way. Never the variant itself,
    its start image, or an ancestor; never a fingerprint of another version, which is not comparable.
    """
    rows = (
        Variant.objects.filter(stays(), phash_version=hashes.VERSION).exclude(id=variant.id).exclude(phash="")
    )
    if variant.kind in COMPARED_KINDS:
        near = _similar_structures(variant.project_id, hashes.structure(phash), max_distance)
        if not near:
            return None
        rows = rows.filter(project_id=variant.project_id, id__in=near)
    else:
        rows = rows.filter(job_id=variant.job_id)
    matches = [
        Match(id_, progression_id, hashes.distance(phash, other))
        for id_, progression_id, other in rows.order_by("id").values_list("id", "progression_id", "phash")
    ]
    matches = _without_own_sources(variant, [match for match in matches if match.distance <= max_distance])
    return min(matches, key=lambda match: match.distance, default=None)


def reserve(*, variant: Variant, phash: str) -> None:
    """Writes the variant's fingerprint, with which later ones are compared; replaces one that is there.

    The reservation holds while the variant is under way and as long as its image is kept.
    """
    variant.phash, variant.phash_version = phash, hashes.VERSION
    Variant.objects.filter(id=variant.id).update(phash=phash, phash_version=hashes.VERSION)
    if variant.kind in COMPARED_KINDS:
        structure = hashes.structure(phash)
        bands = {
            f"band_{number}": bucket for number, bucket in enumerate(buckets(variant.project_id, structure))
        }
        HashBands.objects.bulk_create(
            [HashBands(variant_id=variant.id, structure=_signed(structure), **bands)],
            update_conflicts=True,
            unique_fields=["variant"],
            update_fields=["structure", *bands],
        )


def indexed(variant_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Of each of these variants that the index has, the structure it is filed under."""
    rows = HashBands.objects.filter(variant_id__in=variant_ids).values_list("variant_id", "structure")
    return {id_: structure & _ALL_BITS for id_, structure in rows}


def void(*, variant_id: UUID) -> None:
    """Withdraws a reservation, because the variant ended without an image."""
    HashBands.objects.filter(variant_id=variant_id).delete()
    Variant.objects.filter(id=variant_id).update(phash="", phash_version=None)


def stays() -> Q:
    """Variants with an image, and those under way; not those whose image was deleted."""
    return Q(progression__isnull=False) | Q(status__in=(VariantStatus.QUEUED, VariantStatus.RUNNING))


def _similar_structures(project_id: UUID, structure: int, max_distance: int) -> list[UUID]:
    """Variants, of any state, whose structure is within the distance.

    Structures first, which the indexes hold; only of the near ones are rows looked up.
    """
    own, radii = buckets(project_id, structure), _radii(max_distance)
    first = own[0] >> _BAND_BITS << _BAND_BITS
    whole_project = f"band_0 BETWEEN {first} AND {first + (1 << _BAND_BITS) - 1}"
    conditions = [whole_project]
    if max(radii) <= _MOST_RADIUS and not _is_small(whole_project):
        conditions = [
            f"band_{number} IN ({','.join(str(bucket ^ mask) for mask in _masks(bits, radius))})"
            for number, ((_, bits), bucket, radius) in enumerate(zip(_BANDS, own, radii, strict=True))
            if radius >= 0
        ]
    found: set[int] = set()
    with connection.cursor() as cursor:
        # One by one: for a union PostgreSQL starts parallel workers, which takes 16 ms where the scans take 1.
        for condition in conditions:
            cursor.execute(f"SELECT structure FROM hash_bands WHERE {condition}")  # noqa: S608 - our own numbers
            found.update(other & _ALL_BITS for (other,) in cursor.fetchall())
    near = [other for other in found if (other ^ structure).bit_count() <= max_distance]
    if not near:
        return []
    return list(
        HashBands.objects.filter(
            band_0__in={buckets(project_id, other)[0] for other in near},
            structure__in=[_signed(other) for other in near],
        ).values_list("variant_id", flat=True)
    )


def _is_small(whole_project: str) -> bool:
    """Whether reading all the project has is quicker than the probes: 0.3 ms for 400 structures, 1.5 ms the probes."""
    with connection.cursor() as cursor:
        some = f"SELECT 1 FROM hash_bands WHERE {whole_project} LIMIT {_FEW + 1}"  # noqa: S608 - our own numbers
        cursor.execute(some)
        return len(cursor.fetchall()) <= _FEW


def _without_own_sources(variant: Variant, matches: list[Match]) -> list[Match]:
    """The matches without the variant's own start image and ancestors."""
    if not matches:
        return matches
    job = Job.objects.only("parent", "start_image_url", "start_image_delivery").get(id=variant.job_id)
    own = lineage_ids(job.parent_id) if job.parent_id else set()
    made = ImageProgression.objects.filter(
        id__in=[match.progression_id for match in matches if match.progression_id]
    )
    if job.start_image_url or job.start_image_delivery:
        # A start image is delivered by the hash of its content: the same image has the same address.
        own |= {
            id_
            for id_, address in made.values_list("id", "generated_image_url")
            if address == job.start_image_delivery or job.start_image_url.endswith(address)
        }
    return [match for match in matches if match.progression_id not in own]


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
