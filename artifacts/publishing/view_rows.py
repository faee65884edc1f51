"""Views of published artifacts: what is recorded, and how it becomes a row."""

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import NotRequired
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from artifacts.models import Artifact, ArtifactView
from artifacts.publishing.visitors import Visitor, visitor_of
from artifacts.publishing.visits import WINDOW, RecentVisits, Visit
from dali.lib.db.sql import insert_rows
from dali.lib.ids import new_id


class View(Visitor):
    """A recorded view, as JSON."""

    id: str
    artifact_id: str
    timestamp: str
    # Of a partial request: the ids that its visit would have in the half hours before and after.
    near: NotRequired[list[str]]


# The fields that have the same name in the record and in the row.
_SAID = tuple(Visitor.__annotations__)
_visits = RecentVisits()


def view_of(request: HttpRequest, artifact: Artifact, *, is_part: bool = False) -> View | None:
    """The record of a view; None for a partial request of a view that this process has already recorded."""
    (visitor, key), now = visitor_of(request), timezone.now()
    visit = Visit(key, f"{artifact.pk}/{artifact.content_r2_key}", now)
    if is_part:
        if _visits.is_known(visit):
            return None
        _visits.begin(visit)
    view: View = {
        "id": str(visit.row_id() if is_part else new_id()),
        "artifact_id": str(artifact.pk),
        "timestamp": now.isoformat(),
        **visitor,  # type: ignore[typeddict-item]  # it has no `near`
    }
    if is_part:
        view["near"] = [str(visit.row_id(-1)), str(visit.row_id(1))]
    return view


def write_views(views: Sequence[View]) -> int:
    """Writes the views that have no row yet; returns how many rows it sent.

    Views of deleted artifacts are dropped. Raises DatabaseError, and KeyError, TypeError or ValueError for a bad
    record.
    """
    known = set(
        Artifact.objects.filter(id__in={view["artifact_id"] for view in views}).values_list("id", flat=True)
    )
    counted = _counted_already(views)
    rows = [
        (
            UUID(view["id"]),
            UUID(view["artifact_id"]),
            datetime.fromisoformat(view["timestamp"]),
            *(view[name] for name in _SAID),  # type: ignore[literal-required]  # a tuple of keys
        )
        for view in views
        if UUID(view["artifact_id"]) in known and view["id"] not in counted
    ]
    rows.sort(key=itemgetter(0))  # two processes that write the same rows must lock them in the same order
    with transaction.atomic():
        insert_rows(ArtifactView, ("id", "artifact", "timestamp", *_SAID), rows, keeps_known=True)
    return len(rows)


def _counted_already(views: Sequence[View]) -> set[str]:
    """Ids of partial views whose visit already has a row less than half an hour away."""
    parts = [view for view in views if view.get("near")]
    if not parts:
        return set()
    near = ArtifactView.objects.filter(id__in={one for view in parts for one in view["near"]})
    found = {str(row_id): moment for row_id, moment in near.values_list("id", "timestamp")}
    return {
        view["id"]
        for view in parts
        for one in view["near"]
        if one in found and abs(found[one] - datetime.fromisoformat(view["timestamp"])) < WINDOW
    }
