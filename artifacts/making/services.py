"""The writes of artifacts: content, projects, publishing, and builds that are due."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet

from artifacts.making import building
from artifacts.models import Artifact, ProjectArtifact
from dali.lib.db import connections
from dali.lib.errors import ConflictError, InputError
from progressions.stream import events
from progressions.stream.event_types import ArtifactNames, ArtifactStep
from progressions.work import leases, nudges
from projects.models import Project

log = structlog.get_logger(__name__)

EventType = Literal["running", "progress", "fail", "complete"]
# The task of artifacts.tasks that builds, by its name in messages.
BUILD = "artifacts.build"
MOST_PROJECTS = 50
# A build that hangs loses its lease after this.
LONGEST_S = 1800.0
# Pauses between attempts at a build whose storage is away.
LEAST_PAUSE_S, MOST_PAUSE_S = 5.0, 60.0


def finish(artifact: Artifact, built: building.Built) -> None:
    """Writes new content to the row, publishes it unless it was unpublished, and tells the session."""
    with transaction.atomic():
        name_content(artifact, built)
        tell(artifact, "complete")


def name_content(artifact: Artifact, built: building.Built) -> None:
    """Like `finish`, in the caller's transaction and without an event; the row stays locked until its end."""
    artifact.content_r2_key, artifact.manifest, artifact.error = built.content_key, built.manifest, ""
    artifact.lease_until = None
    _learn_whether_public(artifact)
    artifact.status = Artifact.Status.PUBLISHED if artifact.is_public else Artifact.Status.UNPUBLISHED
    artifact.save(
        update_fields=["status", "content_r2_key", "manifest", "error", "lease_until", "updated_at"]
    )
    log.info("artifact_built", artifactId=str(artifact.id), generator=artifact.generator)


def publish_artifact(*, artifact: Artifact) -> Artifact:
    """Shows the artifact to visitors. Raises ConflictError for a draft, which has nothing to show."""
    if not artifact.content_r2_key and artifact.status != Artifact.Status.BUILDING:
        raise ConflictError("this artifact has no content yet: fill its template or rebuild it first")
    return _show(artifact, is_public=True)


def unpublish_artifact(*, artifact: Artifact) -> Artifact:
    """Hides the artifact from visitors: its URL answers 410. Idempotent."""
    if not artifact.content_r2_key and artifact.status == Artifact.Status.DRAFT:
        raise ConflictError("this artifact was never published")
    return _show(artifact, is_public=False)


def _show(artifact: Artifact, *, is_public: bool) -> Artifact:
    with transaction.atomic():
        artifact.refresh_from_db(fields=["status"], from_queryset=Artifact.objects.select_for_update())
        artifact.is_public = is_public
        if artifact.status != Artifact.Status.BUILDING:
            artifact.status = Artifact.Status.PUBLISHED if is_public else Artifact.Status.UNPUBLISHED
        artifact.save(update_fields=["is_public", "status", "updated_at"])
    return artifact


def _learn_whether_public(artifact: Artifact) -> None:
    """It may have been published or unpublished during the build; the row stays locked until the transaction ends."""
    artifact.refresh_from_db(fields=["is_public"], from_queryset=Artifact.objects.select_for_update())


def associate(*, artifact: Artifact, project_ids: Sequence[UUID]) -> None:
    """Adds projects to the artifact; those that it has stay. Takes effect at the next rebuild."""
    projects = projects_of(project_ids)
    with transaction.atomic():
        give_to(artifact, [project.pk for project in projects])
        artifact.save(update_fields=["updated_at"])


def due_builds() -> QuerySet[Artifact]:
    """Long builds that are not put off, the one waiting longest first."""
    ready = Q(not_before=None) | Q(not_before__lte=connections.now())
    return Artifact.objects.filter(ready, status=Artifact.Status.BUILDING).order_by("updated_at", "id")


def fail(artifact: Artifact, error: str) -> None:
    """Ends a build without content; content published before stays."""
    with transaction.atomic():
        _learn_whether_public(artifact)
        has_content = bool(artifact.content_r2_key)
        shown = Artifact.Status.PUBLISHED if artifact.is_public else Artifact.Status.UNPUBLISHED
        artifact.status, artifact.error = (shown if has_content else Artifact.Status.FAILED), error[:2000]
        artifact.save(update_fields=["status", "error", "updated_at"])
        tell(artifact, "fail")


def put_off(artifact: Artifact, lease: leases.Lease) -> None:
    """Leaves a build whose storage is away for later: the pauses grow with its age. Raises LeaseLostError."""
    now = connections.now()
    pause_s = min(max((now - artifact.updated_at).total_seconds() / 2, LEAST_PAUSE_S), MOST_PAUSE_S)
    with leases.fenced(lease, lease_until=None, not_before=now + timedelta(seconds=pause_s)):
        pass


def tell(artifact: Artifact, type_: EventType, progress: float = 0.0) -> None:
    """Writes an event to the artifact's session, if it has one; as the last write of the caller's transaction."""
    if artifact.session_id:
        events.append(artifact.session_id, [told(artifact, type_, progress)])


def told(artifact: Artifact, type_: EventType, progress: float = 0.0, *, step: str = "") -> events.Body:
    """An event about an artifact; `progress` and `step` are of `progress` events."""
    names: ArtifactNames = {"artifactId": str(artifact.id)}
    if artifact.public_slug:
        names["public_slug"] = artifact.public_slug
    at: ArtifactStep = {"step": step} if step else {}
    match type_:
        case "running":
            return {"type": "running", **names}
        case "progress":
            share = round(min(1.0, max(0.0, progress)), 3)
            return {"type": "progress", **names, "progress": share, **at}
        case "fail":
            return {"type": "fail", **names, "error": artifact.error, "retryable": True, **at}
        case "complete":
            return {"type": "complete", **names}


def give_to(artifact: Artifact, project_ids: Sequence[UUID]) -> None:
    """Writes which projects the artifact shows, in the caller's transaction."""
    for project_id in project_ids:
        ProjectArtifact.objects.get_or_create(project_id=project_id, artifact=artifact)


def projects_of(project_ids: Sequence[UUID]) -> list[Project]:
    """The projects in the order given, each once. Raises InputError if one does not exist or there are too many."""
    ids = list(dict.fromkeys(project_ids))
    if not 1 <= len(ids) <= MOST_PROJECTS:
        raise InputError("projectIds", f"names {len(ids)} projects: name 1 to {MOST_PROJECTS}")
    found = {project.pk: project for project in Project.objects.filter(id__in=ids)}
    for project_id in ids:
        if project_id not in found:
            raise InputError("projectIds", f"'{project_id}' is not a project; GET /api/projects lists them")
    return [found[project_id] for project_id in ids]


def nudge_build(artifact_id: UUID) -> None:
    """Sends a message about a build; if it cannot be sent, the sweep sends it again."""
    nudges.send(BUILD, str(artifact_id))


def nudge_waiting(**kwargs: object) -> int:
    """Sends a message about each build that is due and not held, at each sweep; returns how many."""
    waiting = due_builds().filter(leases.unheld()).values_list("id", flat=True)[:20]
    for artifact_id in waiting:
        nudge_build(artifact_id)
    return len(waiting)
