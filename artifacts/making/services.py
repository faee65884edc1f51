"""The writes of artifacts: content named, given to projects, published, taken back, claimed for building."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Q, QuerySet

from artifacts.making import building
from artifacts.models import Artifact, ProjectArtifact
from dali.lib.db import connections
from dali.lib.errors import ConflictError, DaliError, InputError
from progressions.stream import events
from progressions.stream.event_types import ArtifactNames, ArtifactStep
from progressions.work import nudges
from projects.models import Project

log = structlog.get_logger(__name__)

EventType = Literal["running", "progress", "fail", "complete"]
# The task of artifacts.tasks that builds, by its name in messages.
BUILD = "artifacts.build"
MOST_PROJECTS = 50
# A build whose process died is free for another after this; while it is at work it renews that.
LEASE_S = 30.0
# Between attempts at a build whose storage is away.
LEAST_PAUSE_S, MOST_PAUSE_S = 5.0, 60.0


def finish(artifact: Artifact, built: building.Built) -> None:
    """Names new content in the row, publishes it unless it was taken back, and tells the session."""
    with transaction.atomic():
        name_content(artifact, built)
        tell(artifact, "complete")


def name_content(artifact: Artifact, built: building.Built) -> None:
    """As `finish`, in the caller's transaction and without telling anybody; the row stays locked to its end."""
    artifact.content_r2_key, artifact.manifest, artifact.error = built.content_key, built.manifest, ""
    artifact.lease_until = None
    _learn_whether_public(artifact)
    artifact.status = Artifact.Status.PUBLISHED if artifact.is_public else Artifact.Status.UNPUBLISHED
    artifact.save(
        update_fields=["status", "content_r2_key", "manifest", "error", "lease_until", "updated_at"]
    )
    log.info("artifact_built", artifactId=str(artifact.id), generator=artifact.generator)


def publish_artifact(*, artifact: Artifact) -> Artifact:
    """Shows it to visitors (again). Raises ConflictError for a draft, which has nothing to show."""
    if not artifact.content_r2_key and artifact.status != Artifact.Status.BUILDING:
        raise ConflictError("this artifact has no content yet: fill its template or rebuild it first")
    return _show(artifact, is_public=True)


def unpublish_artifact(*, artifact: Artifact) -> Artifact:
    """Takes it back: its address answers 410. Idempotent."""
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
    """It may have been published or taken back while it was built; the row stays locked to the transaction's end."""
    artifact.refresh_from_db(fields=["is_public"], from_queryset=Artifact.objects.select_for_update())


def associate(*, artifact: Artifact, project_ids: Sequence[UUID]) -> None:
    """Gives the artifact to more projects; those it has already stay. Takes effect at the next rebuild."""
    projects = projects_of(project_ids)
    with transaction.atomic():
        give_to(artifact, [project.pk for project in projects])
        artifact.save(update_fields=["updated_at"])


def waiting_builds() -> list[UUID]:
    """Builds that nobody holds, or whose process died."""
    return list(_free_builds().order_by("updated_at", "id").values_list("id", flat=True)[:20])


def _free_builds() -> QuerySet[Artifact]:
    free = Q(lease_until=None) | Q(lease_until__lt=connections.now())
    return Artifact.objects.filter(free, status=Artifact.Status.BUILDING)


def claim_build(*, artifact_id: UUID | None = None) -> Artifact | None:
    """Takes a long build that nobody holds: the one named, else the one waiting longest; None where there is none."""
    free = _free_builds()
    if artifact_id is not None:
        free = free.filter(id=artifact_id)
    for candidate in free.order_by("updated_at", "id")[:5]:
        taken = free.filter(id=candidate.id, lease_token=candidate.lease_token).update(
            lease_until=connections.now() + timedelta(seconds=LEASE_S), lease_token=F("lease_token") + 1
        )
        if taken:
            candidate.refresh_from_db()
            return candidate
    return None


def take_over_builds() -> int:
    """Frees every build; returns how many. For a process that has proof that no other one builds."""
    held = Artifact.objects.filter(status=Artifact.Status.BUILDING, lease_until__isnull=False)
    return held.update(lease_until=None, lease_token=F("lease_token") + 1)


def fail(artifact: Artifact, error: str) -> None:
    """Ends a build without content; what was published before stays."""
    with transaction.atomic():
        _learn_whether_public(artifact)
        has_content = bool(artifact.content_r2_key)
        shown = Artifact.Status.PUBLISHED if artifact.is_public else Artifact.Status.UNPUBLISHED
        artifact.status, artifact.error = (shown if has_content else Artifact.Status.FAILED), error[:2000]
        artifact.save(update_fields=["status", "error", "updated_at"])
        tell(artifact, "fail")


class BuildLostError(DaliError):
    """Another process builds this artifact now, or it is gone."""


def renew(artifact: Artifact, seconds: float = LEASE_S) -> None:
    """Holds a build for another while, in the caller's transaction; BuildLostError where another process has it."""
    held = Artifact.objects.filter(
        id=artifact.id, lease_token=artifact.lease_token, status=Artifact.Status.BUILDING
    )
    if not held.update(lease_until=connections.now() + timedelta(seconds=seconds)):
        raise BuildLostError(f"artifact {artifact.id} is built by another process now")


def put_off(artifact: Artifact) -> None:
    """Leaves a build whose storage is away for later: after pauses that grow with its age.

    BuildLostError where another process has it.
    """
    age_s = (connections.now() - artifact.updated_at).total_seconds()
    renew(artifact, min(max(age_s / 2, LEAST_PAUSE_S), MOST_PAUSE_S))


def tell(artifact: Artifact, type_: EventType, progress: float = 0.0) -> None:
    """Tells the artifact's session, where it has one; inside the caller's transaction, last."""
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
    """The projects in the order named, each once; InputError where one is none, or there are too many."""
    ids = list(dict.fromkeys(project_ids))
    if not 1 <= len(ids) <= MOST_PROJECTS:
        raise InputError("projectIds", f"names {len(ids)} projects: name 1 to {MOST_PROJECTS}")
    found = {project.pk: project for project in Project.objects.filter(id__in=ids)}
    for project_id in ids:
        if project_id not in found:
            raise InputError("projectIds", f"'{project_id}' is no project; GET /api/projects lists them")
    return [found[project_id] for project_id in ids]


def nudge_build(artifact_id: UUID) -> None:
    """Sends a message about a build; one that cannot be sent is no loss: the sweep sends it again."""
    nudges.send(BUILD, str(artifact_id))


def nudge_waiting(**kwargs: object) -> None:
    """Sends a message about each build that no worker holds; at each sweep."""
    for artifact_id in waiting_builds():
        nudge_build(artifact_id)
