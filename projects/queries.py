"""Reads of projects."""

from uuid import UUID

from dali.lib.errors import MissingError
from projects.models import Project


def get_bare_project(project_id: UUID) -> Project:
    """The project's row alone. Raises MissingError."""
    found = Project.objects.filter(pk=project_id).first()
    if found is None:
        raise MissingError(f"There is no project {project_id}.")
    return found
