"""What counts as a near-duplicate, and that the index finds everything that is near."""

import random
from uuid import UUID

import pytest

from dali.lib.pictures import phash as hashes
from progressions.models import HashBands, Job, Variant
from progressions.pipeline.duplicates import Match, find_nearest, reserve, void
from tests.factories import JobFactory, ProgressionFactory, ProjectFactory, VariantFactory

pytestmark = pytest.mark.django_db

DESCRIPTION = "80" * 24
PHASH = "0123456789abcdef" + DESCRIPTION
LIMIT = 7


def near(bits: int) -> str:
    """A fingerprint that differs from PHASH in that many bits."""
    return f"{int(PHASH[:16], 16) ^ ((1 << bits) - 1) << 20:016x}{DESCRIPTION}"


def made(phash: str = PHASH, *, job: Job | None = None, **fields: object) -> Variant:
    """A variant whose image was made and kept."""
    job = job or JobFactory()
    address = fields.pop("address", f"/images/{random.getrandbits(256):064x}.webp")
    parent = fields.pop("parent", None)
    progression = ProgressionFactory(
        project=job.project,
        job=job,
        phash=hashes.short(phash),
        generated_image_url=address,
        parent_progression=parent,
    )
    fields = {"status": "complete", "kind": job.kind, **fields}
    variant = VariantFactory(job=job, progression=progression, **fields)
    reserve(variant=variant, phash=phash)
    return variant


def nearest(variant: Variant, phash: str = PHASH, limit: int = LIMIT) -> Match | None:
    return find_nearest(variant=variant, phash=phash, max_distance=limit)


def found_id(variant: Variant, phash: str = PHASH) -> UUID | None:
    match = nearest(variant, phash)
    return match.variant_id if match else None


def test_the_nearest_within_the_limit_is_found() -> None:
    earlier = made(near(5))
    nearer = made(near(3), job=JobFactory(project=earlier.project))
    variant = VariantFactory(job=JobFactory(project=earlier.project), status="running")
    assert nearest(variant) == Match(nearer.id, nearer.progression_id, 3)


def test_an_image_beyond_the_limit_is_not_found() -> None:
    earlier = made(near(8))
    variant = VariantFactory(job=JobFactory(project=earlier.project), status="running")
    assert nearest(variant) is None
    assert nearest(variant, limit=8) == Match(earlier.id, earlier.progression_id, 8)


def test_the_oldest_of_equals_is_found() -> None:
    first = made()
    made(job=first.job)
    assert found_id(VariantFactory(job=JobFactory(project=first.project), status="running")) == first.id


def test_the_same_structure_with_other_details_is_not_a_duplicate() -> None:
    earlier = made(PHASH[:16] + "10" * 24)
    assert found_id(VariantFactory(job=JobFactory(project=earlier.project), status="running")) is None


@pytest.mark.parametrize("version", [None, 1, hashes.VERSION - 1, hashes.VERSION + 1])
@pytest.mark.parametrize("kind", ["generate", "edit"])
def test_a_fingerprint_of_another_version_is_never_compared(kind: str, version: int | None) -> None:
    earlier = made(job=JobFactory(kind=kind))
    variant = VariantFactory(job=earlier.job, kind=kind, status="running")
    assert found_id(variant) == earlier.id
    Variant.objects.filter(id=earlier.id).update(phash_version=version)
    assert found_id(variant) is None
    reserve(variant=earlier, phash=PHASH)
    assert found_id(variant) == earlier.id


def test_a_duplicate_behind_one_of_another_version_is_found() -> None:
    old = made()
    other = made(near(2), job=old.job)
    Variant.objects.filter(id=old.id).update(phash_version=None)
    assert found_id(VariantFactory(job=JobFactory(project=old.project), status="running")) == other.id


def test_the_shape_of_alpha_is_compared() -> None:
    clear = PHASH + PHASH[:16] + "00" * 16 + "00" * 36
    earlier = made(clear)
    variant = VariantFactory(job=JobFactory(project=earlier.project), status="running")
    assert found_id(variant, clear) == earlier.id
    assert found_id(variant) is None
    assert Variant.objects.get(id=earlier.id).phash == clear


def test_other_projects_do_not_count() -> None:
    made()
    assert found_id(VariantFactory(status="running")) is None


def test_a_sibling_in_progress_counts_and_has_no_progression_yet() -> None:
    job = JobFactory()
    first, second = VariantFactory(job=job, status="running"), VariantFactory(job=job, status="running")
    reserve(variant=first, phash=PHASH)
    assert nearest(second) == Match(first.id, None, 0)
    assert nearest(first) is None


@pytest.mark.parametrize("status", ["failed", "cancelled", "skipped"])
def test_variants_that_ended_without_an_image_do_not_count(status: str) -> None:
    job = JobFactory()
    reserve(variant=VariantFactory(job=job, status=status), phash=PHASH)
    assert found_id(VariantFactory(job=job, status="running")) is None


def test_a_kept_duplicate_counts() -> None:
    kept = made(status="skipped")
    assert found_id(VariantFactory(job=JobFactory(project=kept.project), status="running")) == kept.id


def test_a_void_reservation_is_gone() -> None:
    earlier = VariantFactory(status="running")
    reserve(variant=earlier, phash=PHASH)
    void(variant_id=earlier.id)
    earlier.refresh_from_db()
    assert (earlier.phash, earlier.phash_version, HashBands.objects.count()) == ("", None, 0)
    assert found_id(VariantFactory(job=earlier.job, status="running")) is None


def test_a_deleted_image_does_not_count() -> None:
    earlier = made()
    assert earlier.progression is not None
    earlier.progression.delete()
    assert found_id(VariantFactory(job=JobFactory(project=earlier.project), status="running")) is None


def test_deleting_a_project_leaves_nothing_in_the_index() -> None:
    earlier = made()
    earlier.project.delete()
    assert HashBands.objects.count() == 0


def test_reserving_again_replaces_the_fingerprint() -> None:
    earlier = made(near(40))
    reserve(variant=earlier, phash=PHASH)
    variant = VariantFactory(job=JobFactory(project=earlier.project), status="running")
    assert (found_id(variant), found_id(variant, near(40))) == (earlier.id, None)
    row = Variant.objects.get(id=earlier.id)
    assert (row.phash, row.phash_version) == (PHASH, hashes.VERSION)


@pytest.mark.parametrize(
    ("earlier_kind", "kind", "is_found"),
    [
        ("generate", "generate", True),
        ("generate", "variation", True),
        ("variation", "generate", True),
        ("edit", "generate", False),
        ("upscale", "variation", False),
        ("generate", "edit", False),
        ("edit", "edit", False),
    ],
)
def test_some_kinds_are_compared_across_jobs(earlier_kind: str, kind: str, is_found: bool) -> None:
    earlier = made(job=JobFactory(kind=earlier_kind))
    job = JobFactory(project=earlier.project, kind=kind)
    assert (found_id(VariantFactory(job=job, kind=kind, status="running")) == earlier.id) is is_found


@pytest.mark.parametrize("kind", ["generate", "edit", "inpaint", "outpaint", "variation", "upscale"])
def test_siblings_of_every_kind_are_compared(kind: str) -> None:
    earlier = made(job=JobFactory(kind=kind))
    assert found_id(VariantFactory(job=earlier.job, kind=kind, status="running")) == earlier.id


def test_ancestors_do_not_count() -> None:
    root = made()
    project = root.project
    between = made(near(40), job=JobFactory(project=project), parent=root.progression)
    rolled_back = ProgressionFactory(project=project, kind="rollback", parent_progression=between.progression)
    job = JobFactory(project=project, kind="variation", parent=rolled_back)
    variant = VariantFactory(job=job, kind="variation", status="running")
    assert (found_id(variant), found_id(variant, near(40))) == (None, None)


def test_a_duplicate_behind_an_ancestor_is_found() -> None:
    root = made()
    other = made(near(2), job=JobFactory(project=root.project))
    job = JobFactory(project=root.project, kind="variation", parent=root.progression)
    assert found_id(VariantFactory(job=job, kind="variation", status="running")) == other.id


@pytest.mark.parametrize(
    "fields",
    [
        {"start_image_url": "http://testserver/images/aa.webp"},
        {"start_image_url": "/images/aa.webp"},
        {"start_image_url": "https://example.com/elsewhere", "start_image_delivery": "/images/aa.webp"},
    ],
)
def test_the_variants_own_start_image_does_not_count(fields: dict[str, str]) -> None:
    start = made(address="/images/aa.webp")
    job = JobFactory(project=start.project, kind="variation", **fields)
    assert found_id(VariantFactory(job=job, kind="variation", status="running")) is None


def test_rollbacks_do_not_count() -> None:
    project = ProjectFactory()
    ProgressionFactory(project=project, kind="rollback", phash=PHASH)
    assert found_id(VariantFactory(job=JobFactory(project=project), status="running")) is None


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 5, 7, 9, 13, 20])
def test_the_index_finds_everything_that_is_near(limit: int) -> None:
    drawing = random.Random(limit)
    job = JobFactory()
    others: list[tuple[int, UUID]] = []
    base = drawing.getrandbits(64)
    for _ in range(60):
        flips = sum(
            1 << place for place in drawing.sample(range(64), drawing.randint(max(0, limit - 3), limit + 3))
        )
        variant = made(f"{base ^ flips:016x}{DESCRIPTION}", job=job)
        others.append((flips.bit_count(), variant.id))
    wanted = min(distance for distance, _ in others)
    match = nearest(VariantFactory(job=job, status="running"), f"{base:016x}{DESCRIPTION}", limit)
    assert (match and match.distance) == (wanted if wanted <= limit else None)
    for distance, variant_id in others:
        if distance <= limit:
            phash = Variant.objects.get(id=variant_id).phash
            assert hashes.distance(phash, f"{base:016x}{DESCRIPTION}") == distance


def test_the_number_of_queries_does_not_grow(django_assert_num_queries: object) -> None:
    first = made()
    for _ in range(4):
        made(near(2), job=first.job)
    variant = VariantFactory(job=JobFactory(project=first.project), status="running")
    with django_assert_num_queries(5):  # type: ignore[operator]
        nearest(variant)
