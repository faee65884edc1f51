"""Reads of projects: rows with what is counted and shown of each."""

from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import (
    Case,
    Count,
    IntegerField,
    Model,
    OuterRef,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from dali.lib.errors import MissingError
from projects.models import Project

# How many of a project's newest images are looked through for a cover that passed the judge: with a bound
# a project of a million images without a pass costs no more than any other.
COVER_CANDIDATES = 50


def projects_with_counts() -> QuerySet[Project]:
    """Projects with `progression_count`, `job_count` and `cover`, the address of a delivery image or empty.

    The cover is the newest image that passed among the newest 50, else the newest.
    """
    return Project.objects.annotate(
        progression_count=_count("ImageProgression"),
        job_count=_count("Job"),
        cover=Coalesce(_cover(), Value(""), output_field=TextField()),
    )


def get_project(project_id: UUID) -> Project:
    """The project, with its counts; MissingError where there is none."""
    found = projects_with_counts().filter(pk=project_id).first()
    if found is None:
        raise MissingError(f"There is no project {project_id}.")
    return found


def get_bare_project(project_id: UUID) -> Project:
    """The project's row alone; MissingError where there is none."""
    found = Project.objects.filter(pk=project_id).first()
    if found is None:
        raise MissingError(f"There is no project {project_id}.")
    return found


def _rows(model: str) -> QuerySet[Model]:
    # By name: this app is below progressions and imports nothing of it.
    found: Any = apps.get_model("progressions", model)
    return found.objects.order_by()  # type: ignore[no-any-return]


def _count(model: str) -> Coalesce:
    rows = (
        _rows(model)
        .filter(project=OuterRef("pk"))
        .values("project")
        .annotate(rows=Count("pk"))
        .values("rows")
    )
    return Coalesce(Subquery(rows), Value(0), output_field=IntegerField())


def _cover() -> Subquery:
    newest = _rows("ImageProgression").filter(project=OuterRef(OuterRef("pk"))).order_by("-created_at", "-id")
    passed_first = Case(When(judgment="pass", then=Value(0)), default=Value(1))
    best = _rows("ImageProgression").filter(pk__in=newest.values("pk")[:COVER_CANDIDATES])
    return Subquery(best.order_by(passed_first, "-created_at", "-id").values("generated_image_url")[:1])
