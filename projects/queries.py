"""Reads of projects."""

from uuid import UUID

from dali.lib.db.rows import get_row
from projects.models import Project


def get_bare_project(project_id: UUID) -> Project:
    """The project's row alone. Raises MissingError."""
    return get_row(Project.objects.all(), project_id, "project")
