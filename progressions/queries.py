"""Reads of jobs, variants and progressions that several modules use."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, models
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from dali.lib.db.rows import get_row
from dali.lib.errors import MissingError
from dali.lib.texts import comparable
from progressions.models import Event, ImageProgression, Job, Step, Variant
from projects.models import Project

# Separates the parts of a search text; clients cannot send it.
SEPARATOR = "\x1f"


def search_text_for(prompt: str, notes: Sequence[str], tags: Sequence[str]) -> str:
    """The value of `ImageProgression.search_text`: prompt, notes and tags, comparable, each followed by a separator."""
    return comparable("".join(f"{part}{SEPARATOR}" for part in (prompt, *notes, *tags)))


def get_progression(progression_id: UUID) -> ImageProgression:
    """The progression. Raises MissingError."""
    return get_row(ImageProgression.objects.all(), progression_id, "progression")


def get_job(job_id: UUID) -> Job:
    """The job's row alone. Raises MissingError."""
    return get_row(Job.objects.all(), job_id, "job")


def jobs_with_variants() -> QuerySet[Job]:
    """Jobs with their variants, in the variants' order: two queries however many there are."""
    variants = _variants().order_by("number")
    return Job.objects.prefetch_related(models.Prefetch("variants", queryset=variants))


def _variants() -> QuerySet[Variant]:
    """Variants, each with the image of the one that it resembles: `duplicate_of_progression_id`."""
    return Variant.objects.annotate(duplicate_of_progression_id=models.F("duplicate_of__progression_id"))


def get_variant(variant_id: UUID) -> Variant:
    """The variant. Raises MissingError."""
    return get_row(_variants(), variant_id, "variant")


def get_job_with_variants(job_id: UUID) -> Job:
    """The job with its variants. Raises MissingError."""
    return get_row(jobs_with_variants(), job_id, "job")


def steps_by_owner(owner_ids: Iterable[UUID]) -> dict[UUID, list[Step]]:
    """The journal of several owners, each in the order of its steps: one query."""
    found: dict[UUID, list[Step]] = defaultdict(list)
    for step in Step.objects.filter(owner_id__in=list(owner_ids)).order_by("id"):
        found[step.owner_id].append(step)
    return found


def event_texts(job_id: UUID, *, after: int, limit: int) -> list[tuple[int, str]]:
    """`(seq, text)` of a job's events past `after`, in their order, at most `limit`."""
    events = Event.objects.filter(job_id=job_id, seq__gt=after).order_by("seq")
    return list(events.values_list("seq", "text")[:limit])


@dataclass(frozen=True, slots=True)
class Lineage:
    """A progression with its ancestors, root first, and its descendants, each after its parent."""

    ancestors: list[ImageProgression]
    progression: ImageProgression
    descendants: list[ImageProgression]


# UNION, not UNION ALL: a row is never followed twice, so that even a cycle would end.
_ABOVE = """
WITH RECURSIVE above(id, parent_id) AS (
    SELECT id, parent_progression_id FROM image_progressions WHERE id = %s
    UNION
    SELECT p.id, p.parent_progression_id FROM image_progressions p JOIN above ON p.id = above.parent_id
)"""
_FAMILY = f"""{_ABOVE}, below(id) AS (
    SELECT id FROM image_progressions WHERE id = %s
    UNION
    SELECT p.id FROM image_progressions p JOIN below ON p.parent_progression_id = below.id
)
SELECT id FROM above UNION SELECT id FROM below
"""  # noqa: S608 - constants


def lineage_ids(progression_id: UUID) -> set[UUID]:
    """The ids of a progression and all its ancestors, in one query; empty if there is no such progression."""
    above = RawSQL(f"{_ABOVE} SELECT id FROM above", [_raw(progression_id)])  # noqa: S608,S611 - a constant, a parameter
    return set(ImageProgression.objects.filter(id__in=above).values_list("id", flat=True))


def _raw(progression_id: UUID) -> object:
    """The id as the database's driver takes it."""
    return ImageProgression._meta.pk.get_db_prep_value(progression_id, connection)


def get_lineage(progression_id: UUID) -> Lineage:
    """The family of a progression, in one query. Raises MissingError."""
    family = RawSQL(_FAMILY, [_raw(progression_id)] * 2)  # noqa: S611 - the statement above, the id a parameter
    rows = {row.id: row for row in ImageProgression.objects.filter(id__in=family).order_by("id")}
    if progression_id not in rows:
        raise MissingError(f"There is no progression {progression_id}.")
    progression = rows[progression_id]
    ancestors: list[ImageProgression] = []
    seen = {progression_id}
    at = progression.parent_progression_id
    while at in rows and at not in seen:
        seen.add(at)
        ancestors.append(rows[at])
        at = rows[at].parent_progression_id
    children: dict[UUID, list[ImageProgression]] = defaultdict(list)
    for row in rows.values():
        if row.id not in seen and row.parent_progression_id:
            children[row.parent_progression_id].append(row)
    descendants: list[ImageProgression] = []
    waiting = list(children[progression_id])
    while waiting:
        descendants += waiting
        waiting = [child for parent in waiting for child in children[parent.id]]
    return Lineage(ancestors[::-1], progression, descendants)


# How many of a project's newest images are searched for a cover that passed the judge. The limit keeps the query fast
# for a project of a million images without a pass.
COVER_CANDIDATES = 50


def projects_with_counts() -> QuerySet[Project]:
    """Projects with `progression_count`, `job_count` and `cover`, the address of a delivery image or empty.

    The cover is the newest image of the newest 50 that passed the judge; without one, the newest.
    """
    return Project.objects.annotate(
        progression_count=_count(ImageProgression),
        job_count=_count(Job),
        cover=Coalesce(_cover(), models.Value(""), output_field=models.TextField()),
    )


def get_project(project_id: UUID) -> Project:
    """The project, with its counts. Raises MissingError."""
    return get_row(projects_with_counts(), project_id, "project")


def _count(model: type[models.Model]) -> Coalesce:
    rows = (
        model._default_manager.order_by()
        .filter(project=models.OuterRef("pk"))
        .values("project")
        .annotate(rows=models.Count("pk"))
        .values("rows")
    )
    return Coalesce(models.Subquery(rows), models.Value(0), output_field=models.IntegerField())


def _cover() -> models.Subquery:
    newest = (
        ImageProgression.objects.order_by()
        .filter(project=models.OuterRef(models.OuterRef("pk")))
        .order_by("-created_at", "-id")
    )
    passed_first = models.Case(models.When(judgment="pass", then=models.Value(0)), default=models.Value(1))
    best = ImageProgression.objects.order_by().filter(pk__in=newest.values("pk")[:COVER_CANDIDATES])
    return models.Subquery(
        best.order_by(passed_first, "-created_at", "-id").values("generated_image_url")[:1]
    )
