"""The routes of artifacts: what can be made, what was made, and its life."""

from typing import Any, cast
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from artifacts import intake, services
from artifacts.generator import generators
from artifacts.models import Artifact
from artifacts.queries import artifacts_with_projects, get_artifact, views_of
from artifacts.requests import (
    ArtifactFilterSerializer,
    ArtifactInSerializer,
    AssociateInSerializer,
    LookbookInSerializer,
)
from artifacts.serializers import ArtifactSerializer, GeneratorSerializer, ViewsSerializer
from artifacts.viewlog import view_log
from dali.lib.api import ApiMixin
from projects.authentication import owner_of
from projects.queries import get_bare_project

_MADE = {201: ArtifactSerializer, 202: ArtifactSerializer}
_CHANGED = {200: ArtifactSerializer, 202: ArtifactSerializer}


class GeneratorViewSet(ApiMixin, ViewSet):
    """What artifacts can be made."""

    @extend_schema(summary="List the generators", responses={200: GeneratorSerializer(many=True)})
    def list(self, request: Request) -> Response:
        """Every generator with its options."""
        return Response(GeneratorSerializer(cast(Any, generators.all()), many=True).data)


class LookbookViewSet(ApiMixin, ViewSet):
    """A project's lookbook in one call."""

    @extend_schema(
        summary="Make a project's lookbook", request=LookbookInSerializer, responses={201: ArtifactSerializer}
    )
    def create(self, request: Request, project_id: UUID) -> Response:
        """The lookbook, published."""
        project = get_bare_project(project_id)
        given = LookbookInSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        artifact = intake.create_artifact(
            generator="lookbook",
            project_ids=[project.pk],
            title=given.validated_data.get("title") or "",
            options=given.validated_data.get("options"),
            session_id=given.validated_data.get("sessionId") or "",
            owner=owner_of(request),
        )
        return _answer(artifact, done=status.HTTP_201_CREATED)


class ArtifactViewSet(ApiMixin, GenericViewSet[Artifact]):
    """Artifacts: pages, documents and films made of finished work."""

    queryset = Artifact.objects.all()
    serializer_class = ArtifactSerializer

    @extend_schema(
        summary="List artifacts", description="Newest first.", parameters=[ArtifactFilterSerializer]
    )
    def list(self, request: Request) -> Response:
        """A page of artifacts that pass the filters."""
        sent = {name: value for name, value in request.query_params.items() if value}
        filters = ArtifactFilterSerializer(data=sent)
        filters.is_valid(raise_exception=True)
        rows = artifacts_with_projects()
        if (project_id := filters.validated_data.get("projectId")) is not None:
            rows = rows.filter(id__in=Artifact.objects.filter(projects=project_id).values("id"))
        if generator := filters.validated_data.get("generator"):
            rows = rows.filter(generator=generator)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(ArtifactSerializer(page, many=True).data)

    @extend_schema(
        summary="Make an artifact",
        description="By a generator, or, with `templateR2Key`, a draft to be filled. One that takes long answers 202.",
        request=ArtifactInSerializer,
        responses=_MADE,
    )
    def create(self, request: Request) -> Response:
        """The artifact: published, building, or a draft."""
        sent = ArtifactInSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        given = sent.validated_data
        common: dict[str, Any] = {
            "project_ids": given["projectIds"],
            "title": given.get("title") or "",
            "session_id": given.get("sessionId") or "",
            "owner": owner_of(request),
        }
        if given.get("templateR2Key"):
            artifact = intake.draft_of_template(template_key=given["templateR2Key"], **common)
        else:
            artifact = intake.create_artifact(
                generator=given["generator"], options=given.get("options"), **common
            )
        return _answer(artifact, done=status.HTTP_201_CREATED)

    @extend_schema(summary="One artifact")
    def retrieve(self, request: Request, artifact_id: UUID) -> Response:
        """One artifact."""
        return Response(ArtifactSerializer(get_artifact(artifact_id)).data)

    @extend_schema(
        summary="Give it to more projects",
        description="Takes effect at the next rebuild. Those it shows already stay.",
        request=AssociateInSerializer,
        responses={200: ArtifactSerializer},
    )
    def associate(self, request: Request, artifact_id: UUID) -> Response:
        """The artifact with all its projects."""
        artifact = get_artifact(artifact_id)
        sent = AssociateInSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        given = sent.validated_data
        wanted = [*([given["projectId"]] if given.get("projectId") else []), *(given.get("projectIds") or [])]
        services.associate(artifact=artifact, project_ids=wanted)
        return Response(ArtifactSerializer(get_artifact(artifact_id)).data)

    @extend_schema(summary="Who looked at it", responses={200: ViewsSerializer})
    def views(self, request: Request, artifact_id: UUID) -> Response:
        """Views in all, by day, country and agent; at most a second behind."""
        view_log().catch_up(within_s=1.0)
        return Response(ViewsSerializer(views_of(get_artifact(artifact_id).pk)).data)

    @extend_schema(summary="Make its content anew", request=None, responses=_CHANGED)
    def rebuild(self, request: Request, artifact_id: UUID) -> Response:
        """The artifact; its old content is served until the new one is there."""
        return _answer(intake.rebuild_artifact(artifact=get_artifact(artifact_id)), done=status.HTTP_200_OK)

    @extend_schema(summary="Show it to visitors", request=None, responses={200: ArtifactSerializer})
    def publish(self, request: Request, artifact_id: UUID) -> Response:
        """The artifact, published."""
        services.publish_artifact(artifact=get_artifact(artifact_id))
        return Response(ArtifactSerializer(get_artifact(artifact_id)).data)

    @extend_schema(
        summary="Take it back",
        description="Its address answers 410 from now on.",
        request=None,
        responses={200: ArtifactSerializer},
    )
    def unpublish(self, request: Request, artifact_id: UUID) -> Response:
        """The artifact, unpublished."""
        services.unpublish_artifact(artifact=get_artifact(artifact_id))
        return Response(ArtifactSerializer(get_artifact(artifact_id)).data)


def _answer(artifact: Artifact, *, done: int) -> Response:
    """The artifact; 202 where a worker still builds it."""
    is_building = artifact.status == Artifact.Status.BUILDING
    body = ArtifactSerializer(get_artifact(artifact.pk)).data
    return Response(body, status=status.HTTP_202_ACCEPTED if is_building else done)
