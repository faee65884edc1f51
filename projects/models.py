"""Rows of the projects app: projects and API keys."""

from django.db import models
from django.utils import timezone
from rest_framework_api_key.models import AbstractAPIKey

from dali.lib.ids import new_id


class Project(models.Model):
    """A project, which groups jobs, images and artifacts."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(
        default=timezone.now, editable=False, help_text="Moves when work is added to the project."
    )

    class Meta:
        db_table = "projects"
        ordering = ["-updated_at", "-id"]
        indexes = [models.Index(fields=["updated_at", "id"], name="projects_updated_at")]

    def __str__(self) -> str:
        return self.name


class ApiKey(AbstractAPIKey):
    """A key that may write. Only its hash is stored. Refer to a key by its prefix, never by its id, which contains
    the hash."""

    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta(AbstractAPIKey.Meta):
        db_table = "api_keys"
        verbose_name = "API key"
        verbose_name_plural = "API keys"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"
