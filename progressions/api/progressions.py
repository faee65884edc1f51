"""The routes of progressions: lists, lineage, rollback, retry."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from dali.lib.web.api import ApiMixin
from dali.lib.web.schema.views import ErrorSerializer
from progressions.api.answers import IDEMPOTENCY_KEY, replay_header, replayed, submitted, submitted_again
from progressions.api.filters import with_tags, with_text
from progressions.api.requests import (
    ProgressionFilterSerializer,
    ProgressionRetryInSerializer,
    once_of,
    progression_filters,
)
from progressions.api.serializers import JobSubmittedSerializer, LineageSerializer, ProgressionSerializer
from progressions.models import ImageProgression
from progressions.pipeline import writes
from progressions.pipeline.intake import submit
from progressions.queries import get_lineage, get_progression
from progressions.work.idempotency import KeptRequest, do_once
from projects.authentication import owner_of
from projects.queries import get_bare_project

LOCATION = OpenApiParameter(
    "Location", str, OpenApiParameter.HEADER, description="The job's absolute URL.", response=[202]
)


class ProgressionViewSet(ApiMixin, GenericViewSet[ImageProgression]):
    """Progressions: images, each with the image that it was made from."""

    queryset = ImageProgression.objects.all()
    serializer_class = ProgressionSerializer

    @extend_schema(
        summary="List a project's progressions",
        description="Newest first.",
        parameters=[ProgressionFilterSerializer],
    )
    def list(self, request: Request, project_id: UUID) -> Response:
        """A page of a project's progressions that pass the filters."""
        filters = progression_filters(request)
        project = get_bare_project(project_id)
        page = self.paginate_queryset(_filtered(ImageProgression.objects.filter(project=project), filters))
        return self.get_paginated_response(ProgressionSerializer(page, many=True).data)

    @extend_schema(summary="One progression")
    def retrieve(self, request: Request, progression_id: UUID) -> Response:
        """One progression."""
        return Response(ProgressionSerializer(get_progression(progression_id)).data)

    @extend_schema(summary="Ancestors and descendants", responses={200: LineageSerializer})
    def lineage(self, request: Request, progression_id: UUID) -> Response:
        """The family of a progression."""
        return Response(LineageSerializer(get_lineage(progression_id)).data)

    @extend_schema(
        summary="Roll back to the start image",
        description="A new progression on top of this one that shows this one's start image (its own image if it had"
        " none). Later jobs can build on it.",
        request=None,
        responses={201: ProgressionSerializer, 422: ErrorSerializer},
        parameters=[IDEMPOTENCY_KEY, replay_header(201)],
    )
    def rollback(self, request: Request, progression_id: UUID) -> Response:
        """A new progression that shows the start image."""
        scope, body = f"progressions/{progression_id}/rollback", self.read_nothing()
        once = once_of(request, scope, owner=owner_of(request), body=body)

        def make() -> Response:
            made = writes.roll_back(progression=get_progression(progression_id), once=once)
            return shown(made, writes.CREATED)

        return do_once(once, make, shown_again)

    @extend_schema(
        summary="Retry an image",
        description="A new job with the same provider, kind, mask and start image.",
        request=ProgressionRetryInSerializer,
        responses={202: JobSubmittedSerializer, 422: ErrorSerializer},
        parameters=[IDEMPOTENCY_KEY, replay_header(202), LOCATION],
    )
    def retry(self, request: Request, progression_id: UUID) -> Response:
        """A new job built on this progression."""
        scope, owner = f"progressions/{progression_id}/retry", owner_of(request)
        once = once_of(request, scope, owner=owner, body=request.data)

        def make() -> Response:
            progression = get_progression(progression_id)
            given = self.read(ProgressionRetryInSerializer).validated_data
            job = submit.retry_progression(
                progression=progression,
                session_id=given["sessionId"],
                prompt=given.get("prompt"),
                variants=given.get("variants"),
                owner=owner,
                once=once,
            )
            return submitted(job.pk)

        return do_once(once, make, submitted_again(self, ProgressionRetryInSerializer))


def shown(progression: ImageProgression, code: int) -> Response:
    """A progression that was made or found."""
    return Response(ProgressionSerializer(progression).data, status=code)


def shown_again(kept: KeptRequest) -> Response:
    """The progression that an earlier request made. Raises MissingError if it is gone."""
    return replayed(shown(get_progression(kept.made_id), kept.status))


def _filtered(rows: QuerySet[ImageProgression], filters: dict[str, Any]) -> QuerySet[ImageProgression]:
    exact = {"provider": "ai_provider", "jobId": "job_id", "parent": "parent_progression_id"}
    rows = rows.filter(**{exact[name]: value for name, value in filters.items() if name in exact})
    if judgment := filters.get("judgment"):
        rows = rows.filter(judgment=None if judgment == "none" else judgment)
    if tags := filters.get("tags"):
        rows = with_tags(rows, tags)
    return with_text(rows, filters["query"]) if "query" in filters else rows
