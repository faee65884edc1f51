"""Reads of artifacts that are asked from more than one place."""

import time
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypedDict
from uuid import UUID

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate

from artifacts.models import Artifact, ArtifactView
from dali.lib.errors import MissingError


def artifacts_with_projects() -> QuerySet[Artifact]:
    """Artifacts with their projects' ids and configuration: three queries however many there are."""
    return Artifact.objects.prefetch_related("projectartifact_set", "configurations")


def get_artifact(artifact_id: UUID) -> Artifact:
    """The artifact with its projects; MissingError where there is none."""
    found = artifacts_with_projects().filter(pk=artifact_id).first()
    if found is None:
        raise MissingError(f"There is no artifact {artifact_id}.")
    return found


# A page that many look at is asked of the database once in this time; a process that changes a row forgets it at once.
SHOWN_FOR_S = 1.0
_MOST_SHOWN = 1000
_shown: dict[str, tuple[float, Artifact]] = {}


def find_shown(slug: str) -> Artifact | None:
    """The artifact of a public address, at most SHOWN_FOR_S old; None where there is none. Not to be changed."""
    now = time.monotonic()
    found = _shown.get(slug)
    if found is not None and now - found[0] < SHOWN_FOR_S:
        return found[1]
    artifact = Artifact.objects.filter(public_slug=slug).first()
    if artifact is not None:
        if len(_shown) >= _MOST_SHOWN:
            _shown.clear()
        _shown[slug] = now, artifact
    return artifact


def forget_shown(artifact: Artifact) -> None:
    """Has the next visitor of this process see the row as it is now."""
    _shown.pop(artifact.public_slug or "", None)


class DayViews(TypedDict):
    """Views on one day, UTC."""

    day: date
    views: int


class CountryViews(TypedDict):
    """Views from one country; None: not known."""

    country: str | None
    views: int


class AgentViews(TypedDict):
    """Views by one family of browsers or tools."""

    agent: str
    views: int
    bot: bool


@dataclass(frozen=True, slots=True)
class Views:
    """Who looked: all views, bots too; days in their order, countries and agents by how many."""

    total: int
    by_day: list[DayViews]
    by_country: list[CountryViews]
    by_agent: list[AgentViews]


@dataclass(frozen=True, slots=True)
class Visits:
    """Views of one day, UTC, by people and by bots."""

    day: date
    people: int
    bots: int


MOST_ROWS = 400


def views_of(artifact_id: UUID) -> Views:
    """The views of an artifact: three queries on one index."""
    rows = ArtifactView.objects.filter(artifact_id=artifact_id).order_by()
    days = (
        rows.annotate(day=TruncDate("timestamp")).values("day").annotate(views=Count("id")).order_by("-day")
    )
    countries = rows.values("country").annotate(views=Count("id")).order_by("-views", "country")
    agents = rows.values("agent", "is_bot").annotate(views=Count("id")).order_by("-views", "agent", "is_bot")
    by_day: list[DayViews] = [{"day": row["day"], "views": row["views"]} for row in days]
    return Views(
        total=sum(row["views"] for row in by_day),
        by_day=by_day[:MOST_ROWS][::-1],
        by_country=[
            {"country": row["country"] or None, "views": row["views"]} for row in countries[:MOST_ROWS]
        ],
        by_agent=[
            {"agent": row["agent"] or "unknown", "views": row["views"], "bot": row["is_bot"]}
            for row in agents[:MOST_ROWS]
        ],
    )


def visits_by_day(artifact_id: UUID, *, days: int) -> list[Visits]:
    """The last so many days up to the latest view, also those between on which nobody came; empty without views."""
    rows = ArtifactView.objects.filter(artifact_id=artifact_id).order_by()
    counted = rows.annotate(day=TruncDate("timestamp")).values("day", "is_bot").annotate(views=Count("id"))
    found: dict[date, dict[bool, int]] = {}
    for row in counted.order_by("-day")[: 2 * days]:
        found.setdefault(row["day"], {})[row["is_bot"]] = row["views"]
    if not found:
        return []
    last, first = max(found), min(found)
    span = min(days, (last - first).days + 1)
    listed = [last - timedelta(days=back) for back in reversed(range(span))]
    return [Visits(day, found.get(day, {}).get(False, 0), found.get(day, {}).get(True, 0)) for day in listed]
