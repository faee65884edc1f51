"""Artifacts, their projects, configuration and views."""

from django.db import models
from django.utils import timezone

from dali.lib.ids import new_id


class Artifact(models.Model):
    """A page, document or film made from one or more projects."""

    class Status(models.TextChoices):
        """The state of an artifact."""

        DRAFT = "draft"
        BUILDING = "building"
        PUBLISHED = "published"
        FAILED = "failed"
        UNPUBLISHED = "unpublished"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner_id = models.CharField(max_length=16, blank=True, default="", help_text="Prefix of the API key.")
    title = models.CharField(max_length=200)
    generator = models.CharField(max_length=60, blank=True, default="")
    output = models.CharField(max_length=10)
    status = models.CharField(max_length=12, choices=Status, default=Status.DRAFT)
    error = models.TextField(blank=True, default="")
    template_r2_key = models.CharField(max_length=300, blank=True, default="")
    content_r2_key = models.CharField(max_length=300, blank=True, default="")
    public_slug = models.CharField(max_length=64, null=True, blank=True)
    options = models.JSONField(default=dict, blank=True, help_text="As sent by the client.")
    is_public = models.BooleanField(default=True, help_text="Whether visitors see it once it has content.")
    session_id = models.CharField(max_length=128, blank=True, default="", help_text="Session for its events.")
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text="When the lease of the process that builds it ends."
    )
    lease_token = models.BigIntegerField(default=0)
    manifest = models.JSONField(default=dict, blank=True)
    closed_at = models.DateTimeField(
        null=True, blank=True, help_text="When its page stopped taking votes and comments."
    )
    projects = models.ManyToManyField("projects.Project", through="ProjectArtifact", related_name="artifacts")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "artifacts"
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["public_slug"], name="artifacts_public_slug")]
        indexes = [
            models.Index(fields=["created_at", "id"], name="artifacts_created_at"),
            models.Index(
                fields=["lease_until"], name="artifacts_building", condition=models.Q(status="building")
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def public_path(self) -> str:
        """The path of its public page; empty without a slug."""
        if not self.public_slug:
            return ""
        folder = "lookbook" if self.generator == "lookbook" else "artifact"
        return f"/public/{folder}/{self.public_slug}"


class ProjectArtifact(models.Model):
    """Links an artifact to a project it shows."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE)
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "project_artifacts"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["project", "artifact"], name="project_artifacts_pair")]

    def __str__(self) -> str:
        return f"{self.project_id} in {self.artifact_id}"


class ArtifactConfiguration(models.Model):
    """One configuration value of an artifact."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="configurations")
    config_key = models.CharField(max_length=100)
    config_value = models.TextField()

    class Meta:
        db_table = "artifact_configurations"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["artifact", "config_key"], name="artifact_configurations_key")
        ]

    def __str__(self) -> str:
        return self.config_key


class ArtifactView(models.Model):
    """One view of a published artifact."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="views")
    timestamp = models.DateTimeField(default=timezone.now)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    country = models.CharField(max_length=2, blank=True, default="")
    city = models.CharField(max_length=120, blank=True, default="")
    user_agent = models.TextField(blank=True, default="")
    agent = models.CharField(
        max_length=40, blank=True, default="", help_text="Family of the browser or tool."
    )
    is_bot = models.BooleanField(default=False)

    class Meta:
        db_table = "artifact_views"
        ordering = ["-timestamp"]
        indexes = [models.Index(fields=["artifact", "timestamp"], name="artifact_views_timestamp")]

    def __str__(self) -> str:
        return f"{self.artifact_id} {self.timestamp:%Y-%m-%d}"
