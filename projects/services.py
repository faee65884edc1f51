"""Writes of projects."""

from django.utils import timezone

from projects.models import Project


def create_project(*, name: str, description: str = "") -> Project:
    """Creates a project."""
    return Project.objects.create(name=name, description=description)


def update_project(*, project: Project, name: str | None = None, description: str | None = None) -> Project:
    """Changes the fields that are not None; writes nothing if all are None."""
    changed = {
        field: text for field, text in (("name", name), ("description", description)) if text is not None
    }
    if changed:
        for field, text in changed.items():
            setattr(project, field, text)
        project.updated_at = timezone.now()
        project.save(update_fields=[*changed, "updated_at"])
    return project
