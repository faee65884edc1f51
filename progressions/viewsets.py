"""The routes of progressions: lists, lineage, rolling back, retrying."""

from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from dali.lib.api import ApiMixin
from progressions import intake, services
from progressions.answers import submitted
from progressions.models import ImageProgression
from progressions.queries import get_lineage, get_progression
from progressions.requests import (
    ProgressionFilterSerializer,
    ProgressionRetryInSerializer,
    progression_filters,
)
from progressions.search import with_tags, with_text
from progressions.serializers import JobSubmittedSerializer, LineageSerializer, ProgressionSerializer
from projects.authentication import owner_of
from projects.queries import get_bare_project

LOCATION = OpenApiParameter(
    "Location", str, OpenApiParameter.HEADER, description="The job, absolute.", response=[202]
)


class ProgressionViewSet(ApiMixin, GenericViewSet[ImageProgression]):
    """Progressions: images in the tree of what came from what."""

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

    @extend_schema(summary="What it came from and what came from it", responses={200: LineageSerializer})
    def lineage(self, request: Request, progression_id: UUID) -> Response:
        """The family of a progression."""
        return Response(LineageSerializer(get_lineage(progression_id)).data)

    @extend_schema(
        summary="Go back to what it started from",
        description="A new step whose parent is this one and whose image is this one's start image"
        " (its own where it had none). Later jobs build on it.",
        request=None,
        responses={201: ProgressionSerializer},
    )
    def rollback(self, request: Request, progression_id: UUID) -> Response:
        """A new progression that shows the start image."""
        made = services.roll_back(progression=get_progression(progression_id))
        return Response(ProgressionSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Try again",
        description="A new job with the same provider, kind, mask and start image.",
        request=ProgressionRetryInSerializer,
        responses={202: JobSubmittedSerializer},
        parameters=[LOCATION],
    )
    def retry(self, request: Request, progression_id: UUID) -> Response:
        """A new job built on this progression."""
        progression = get_progression(progression_id)
        given = ProgressionRetryInSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        job = intake.retry_progression(
            progression=progression,
            session_id=given.validated_data["sessionId"],
            prompt=given.validated_data.get("prompt"),
            variants=given.validated_data.get("variants"),
            owner=owner_of(request),
        )
        return submitted(job)


def _filtered(rows: QuerySet[ImageProgression], filters: dict[str, Any]) -> QuerySet[ImageProgression]:
    exact = {
        "provider": "ai_provider",
        "jobId": "job_id",
        "parent": "parent_progression_id",
        "judgment": "judgment",
    }
    for name, column in exact.items():
        if (value := filters.get(name)) is not None:
            rows = rows.filter(
                Q(judgment=None) if (name, value) == ("judgment", "none") else Q(**{column: value})
            )
    if tags := filters.get("tags"):
        rows = with_tags(rows, tags)
    return with_text(rows, filters["query"]) if "query" in filters else rows
