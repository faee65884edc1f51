"""The routes of projects."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from dali.lib.web.api import ApiMixin
from progressions.api.project_serializers import SPENT_CONTEXT, ProjectInSerializer, ProjectSerializer
from progressions.money.spending import spending_of
from progressions.queries import get_project, projects_with_counts
from projects import services
from projects.models import Project
from projects.queries import get_bare_project


class ProjectViewSet(ApiMixin, GenericViewSet[Project]):
    """Projects, which group jobs and images."""

    queryset = Project.objects.all()
    serializer_class = ProjectSerializer
    newest_by = "updated_at"

    @extend_schema(summary="List projects", description="Most recently changed first.")
    def list(self, request: Request) -> Response:
        """A page of projects."""
        page = self.paginate_queryset(projects_with_counts())
        return self.get_paginated_response(_shown(page or []))

    @extend_schema(
        summary="Create a project", request=ProjectInSerializer, responses={201: ProjectSerializer}
    )
    def create(self, request: Request) -> Response:
        """A new project."""
        given = self.read(ProjectInSerializer)
        project = services.create_project(**given.validated_data)
        return Response(_shown([get_project(project.pk)])[0], status=status.HTTP_201_CREATED)

    @extend_schema(summary="One project")
    def retrieve(self, request: Request, project_id: UUID) -> Response:
        """One project."""
        return Response(_shown([get_project(project_id)])[0])

    @extend_schema(
        summary="Change a project",
        request=ProjectInSerializer(partial=True),
        responses={200: ProjectSerializer},
    )
    def partial_update(self, request: Request, project_id: UUID) -> Response:
        """Changes name or description."""
        project = get_bare_project(project_id)
        given = self.read(ProjectInSerializer, partial=True)
        services.update_project(project=project, **given.validated_data)
        return Response(_shown([get_project(project_id)])[0])


def _shown(projects: Sequence[Project]) -> list[dict[str, Any]]:
    """Projects as they are answered, with what each has cost: one query for all."""
    context = {SPENT_CONTEXT: spending_of("project_id", (project.pk for project in projects))}
    return [dict(row) for row in ProjectSerializer(projects, many=True, context=context).data]
