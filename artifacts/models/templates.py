"""Templates: pages with placeholders, each filled for one artifact at a time."""

from django.db import models
from django.utils import timezone

from dali.lib.ids import new_id


class Template(models.Model):
    """A stored page with placeholders. Its bytes are in the `templates` storage and never change."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    r2_key = models.CharField(max_length=300, unique=True, help_text="Key in the templates storage.")
    name = models.CharField(max_length=200, help_text="Name of the uploaded file.")
    owner_id = models.CharField(max_length=16, blank=True, default="", help_text="Prefix of the API key.")
    placeholders = models.JSONField(default=list, help_text="Placeholder names, in page order.")
    problems = models.JSONField(default=list, blank=True, help_text="What cannot be filled, in sentences.")
    bytes = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "templates"
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name
