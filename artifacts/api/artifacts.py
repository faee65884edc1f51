"""The routes of artifacts: list the generators; create, read, change and publish artifacts."""

from typing import Any, cast
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from artifacts.api.requests import (
    ArtifactFilterSerializer,
    ArtifactInSerializer,
    AssociateInSerializer,
    LookbookInSerializer,
)
from artifacts.api.serializers import ArtifactSerializer, GeneratorSerializer, ViewsSerializer
from artifacts.generator import generators
from artifacts.making import intake, services
from artifacts.models import Artifact
from artifacts.publishing.viewlog import view_log
from artifacts.queries import artifacts_with_projects, get_artifact, views_of
from dali.lib.web.api import ApiMixin
from dali.lib.web.schema.views import ErrorSerializer
from progressions.api.answers import IDEMPOTENCY_KEY, replay_header, replayed
from progressions.api.requests import once_of
from progressions.work.idempotency import KeptRequest, Once, do_once
from projects.authentication import owner_of
from projects.queries import get_bare_project

_CHANGED = {200: ArtifactSerializer, 202: ArtifactSerializer}


class GeneratorViewSet(ApiMixin, ViewSet):
    """The kinds of artifacts."""

    @extend_schema(summary="List the generators", responses={200: GeneratorSerializer(many=True)})
    def list(self, request: Request) -> Response:
        """All generators with their options."""
        return Response(GeneratorSerializer(cast(Any, generators.all()), many=True).data)


class LookbookViewSet(ApiMixin, ViewSet):
    """A project's lookbook in one call."""

    @extend_schema(
        summary="Create a project's lookbook",
        request=LookbookInSerializer,
        responses={201: ArtifactSerializer, 422: ErrorSerializer},
        parameters=[IDEMPOTENCY_KEY, replay_header(201)],
    )
    def create(self, request: Request, project_id: UUID) -> Response:
        """Creates and publishes the lookbook."""
        scope, owner = f"projects/{project_id}/artifacts/lookbook", owner_of(request)
        once = once_of(request, scope, owner=owner, body=request.data)

        def make() -> Response:
            project = get_bare_project(project_id)
            given = self.read(LookbookInSerializer).validated_data
            wanted = {**given, "generator": "lookbook", "projectIds": [project.pk]}
            return _answer(_made_of(wanted, owner, once).pk, done=intake.MADE)

        def again(kept: KeptRequest) -> Response:
            self.warn_of_ignored(LookbookInSerializer)
            return replayed(_answer(kept.made_id, done=kept.status))

        return do_once(once, make, again)


class ArtifactViewSet(ApiMixin, GenericViewSet[Artifact]):
    """Artifacts: pages, documents and films made from finished work."""

    queryset = Artifact.objects.all()
    serializer_class = ArtifactSerializer

    @extend_schema(
        summary="List artifacts", description="Newest first.", parameters=[ArtifactFilterSerializer]
    )
    def list(self, request: Request) -> Response:
        """A page of artifacts that match the filters."""
        filters = ArtifactFilterSerializer.read(request)
        rows = artifacts_with_projects()
        if project_id := filters.get("projectId"):
            rows = rows.filter(id__in=Artifact.objects.filter(projects=project_id).values("id"))
        if generator := filters.get("generator"):
            rows = rows.filter(generator=generator)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(ArtifactSerializer(page, many=True).data)

    @extend_schema(
        summary="Create an artifact",
        description="With `generator`, or with `templateR2Key` a draft to fill. A long build answers 202.",
        request=ArtifactInSerializer,
        responses={201: ArtifactSerializer, 202: ArtifactSerializer, 422: ErrorSerializer},
        parameters=[IDEMPOTENCY_KEY, replay_header(201, 202)],
    )
    def create(self, request: Request) -> Response:
        """Creates the artifact: published, building, or a draft."""
        owner = owner_of(request)
        once = once_of(request, "artifacts", owner=owner, body=request.data)

        def make() -> Response:
            given = self.read(ArtifactInSerializer).validated_data
            return _answer(_made_of(given, owner, once).pk, done=intake.MADE)

        def again(kept: KeptRequest) -> Response:
            self.warn_of_ignored(ArtifactInSerializer)
            return replayed(_answer(kept.made_id, done=kept.status))

        return do_once(once, make, again)

    @extend_schema(summary="One artifact")
    def retrieve(self, request: Request, artifact_id: UUID) -> Response:
        """One artifact."""
        return Response(ArtifactSerializer(get_artifact(artifact_id)).data)

    @extend_schema(
        summary="Add projects to it",
        description="Takes effect at the next rebuild. Its current projects stay.",
        request=AssociateInSerializer,
        responses={200: ArtifactSerializer},
    )
    def associate(self, request: Request, artifact_id: UUID) -> Response:
        """The artifact with all its projects."""
        artifact = get_artifact(artifact_id)
        given = self.read(AssociateInSerializer).validated_data
        wanted = [given.get("projectId"), *(given.get("projectIds") or [])]
        services.associate(artifact=artifact, project_ids=list(filter(None, wanted)))
        return Response(ArtifactSerializer(get_artifact(artifact_id)).data)

    @extend_schema(summary="List its views", responses={200: ViewsSerializer})
    def views(self, request: Request, artifact_id: UUID) -> Response:
        """Total views, and views by day, country and agent; at most a second old."""
        view_log().catch_up(within_s=1.0)
        return Response(ViewsSerializer(views_of(get_artifact(artifact_id).pk)).data)

    @extend_schema(summary="Rebuild its content", request=None, responses=_CHANGED)
    def rebuild(self, request: Request, artifact_id: UUID) -> Response:
        """Rebuilds the artifact; the old content is served until the new content is ready."""
        self.read_nothing()
        intake.rebuild_artifact(artifact=get_artifact(artifact_id))
        return _answer(artifact_id, done=status.HTTP_200_OK)

    @extend_schema(summary="Publish it", request=None, responses={200: ArtifactSerializer})
    def publish(self, request: Request, artifact_id: UUID) -> Response:
        """The published artifact."""
        self.read_nothing()
        services.publish_artifact(artifact=get_artifact(artifact_id))
        return Response(ArtifactSerializer(get_artifact(artifact_id)).data)

    @extend_schema(
        summary="Unpublish it",
        description="From now on, its URL answers 410.",
        request=None,
        responses={200: ArtifactSerializer},
    )
    def unpublish(self, request: Request, artifact_id: UUID) -> Response:
        """The unpublished artifact."""
        self.read_nothing()
        services.unpublish_artifact(artifact=get_artifact(artifact_id))
        return Response(ArtifactSerializer(get_artifact(artifact_id)).data)


def _made_of(given: dict[str, Any], owner: str, once: Once | None) -> Artifact:
    """Creates the artifact from the data of `ArtifactInSerializer`."""
    common: dict[str, Any] = {
        "project_ids": given["projectIds"],
        "title": given.get("title") or "",
        "session_id": given.get("sessionId") or "",
        "owner": owner,
        "once": once,
    }
    if given.get("templateR2Key"):
        return intake.draft_of_template(template_key=given["templateR2Key"], **common)
    return intake.create_artifact(generator=given["generator"], options=given.get("options"), **common)


def _answer(artifact_id: UUID, *, done: int) -> Response:
    """The artifact; 202 while a worker builds it. Raises MissingError if it is gone."""
    artifact = get_artifact(artifact_id)
    is_building = artifact.status == Artifact.Status.BUILDING
    body = ArtifactSerializer(artifact).data
    return Response(body, status=status.HTTP_202_ACCEPTED if is_building else done)
