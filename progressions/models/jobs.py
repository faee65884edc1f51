"""Rows of the work: jobs, their variants, the steps of each."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from dali.lib.ids import new_id
from progressions.enums import JobStatus, StepStatus, VariantStatus
from progressions.models.leases import Queued

_UNFINISHED = Q(status__in=["queued", "running"])


class Job(Queued):
    """One prompt sent to several providers; its lease is that of the `ingest` step."""

    class Ingest(models.TextChoices):
        """Whether the start image and mask are there yet."""

        NONE = "none", "nothing to fetch"
        WAITING = "waiting"
        DONE = "done"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="jobs")
    session_id = models.CharField(max_length=128)
    owner = models.CharField(max_length=16, blank=True, default="", help_text="Prefix of the API key.")
    status = models.CharField(max_length=12, choices=JobStatus, default=JobStatus.QUEUED)
    prompt = models.TextField()
    kind = models.CharField(max_length=12)
    providers = models.JSONField(default=list)
    variants_per_provider = models.PositiveIntegerField(default=1)
    remaining = models.PositiveIntegerField(help_text="Variants that have not ended.")
    size = models.CharField(
        max_length=20, blank=True, default="", help_text="As 1024x768; empty: the provider's own."
    )
    seed = models.BigIntegerField(null=True, blank=True)
    provider_models = models.JSONField(default=dict, help_text="Model by provider, where one was named.")
    options = models.JSONField(default=dict)
    max_cost_usd = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    allow_duplicates = models.BooleanField(default=False)
    start_image_url = models.TextField(blank=True, default="", help_text="As the client gave it.")
    mask_image_url = models.TextField(blank=True, default="")
    start_image_key = models.CharField(
        max_length=300, blank=True, default="", help_text="In the originals storage."
    )
    start_image_delivery = models.TextField(blank=True, default="")
    mask_key = models.CharField(max_length=300, blank=True, default="")
    parent = models.ForeignKey(
        "ImageProgression", on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs_built_on"
    )
    retry_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="retries"
    )
    ingest = models.CharField(max_length=8, choices=Ingest, default=Ingest.NONE)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    served_at = models.DateTimeField(
        null=True, blank=True, help_text="When a worker last took a variant of it; the least recent is next."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "jobs"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["project", "created_at", "id"], name="jobs_project_created"),
            models.Index(fields=["session_id", "created_at"], name="jobs_session_created"),
            models.Index(fields=["start_image_delivery"], name="jobs_start_address"),
            models.Index(fields=["served_at", "id"], name="jobs_unfinished", condition=_UNFINISHED),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def size_px(self) -> tuple[int, int] | None:
        """(width, height); None: the provider's own size."""
        return parse_size(self.size)


def parse_size(size: str) -> tuple[int, int] | None:
    """(width, height) in pixels of `1024x768`; None of an empty string."""
    width, _, height = size.partition("x")
    return (int(width), int(height)) if height else None


class Variant(Queued):
    """One image asked of one provider: a durable sequence of named steps."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="variants")
    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="+")
    provider = models.CharField(max_length=40)
    index = models.PositiveIntegerField(help_text="Counts from 0 within the provider.")
    number = models.PositiveIntegerField(help_text="Counts from 0 within the job.")
    kind = models.CharField(max_length=12)
    status = models.CharField(max_length=12, choices=VariantStatus, default=VariantStatus.QUEUED)
    progress = models.FloatField(default=0)
    attempts = models.PositiveIntegerField(default=0, help_text="Calls to the provider that were sent.")
    code = models.CharField(max_length=20, blank=True, default="")
    error = models.TextField(blank=True, default="")
    retryable = models.BooleanField(default=False)
    seed = models.BigIntegerField()
    model = models.CharField(max_length=120, blank=True, default="")
    refined_prompt = models.TextField(blank=True, default="")
    tips = models.JSONField(default=list, help_text="The tips applied: key and wording at the time.")
    original_key = models.CharField(
        max_length=300, blank=True, default="", help_text="In the originals storage."
    )
    phash = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="Reserved in `dedupe`; void if the variant fails later.",
    )
    phash_version = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="How `phash` was made (dali.lib.pictures.phash.VERSION); null: before versions were kept.",
    )
    duplicate_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    distance = models.PositiveIntegerField(null=True, blank=True)
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    estimate_usd = models.DecimalField(
        max_digits=14,
        decimal_places=8,
        null=True,
        blank=True,
        help_text="What one call was expected to cost at submission; null if unknown.",
    )
    possibly_billed = models.PositiveIntegerField(
        default=0, help_text="Calls that were sent and whose answer was never seen."
    )
    progression = models.OneToOneField(
        "ImageProgression", on_delete=models.SET_NULL, null=True, blank=True, related_name="variant"
    )
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "variants"
        ordering = ["job", "number"]
        indexes = [
            models.Index(fields=["job", "number"], name="variants_unfinished", condition=_UNFINISHED),
            models.Index(fields=["not_before"], name="variants_due", condition=_UNFINISHED),
        ]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="variants_number"),
            models.UniqueConstraint(fields=["job", "provider", "index"], name="variants_index"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.index}"


class Step(models.Model):
    """One attempt at one named step of a job, a variant or another owner: the journal."""

    id = models.BigAutoField(primary_key=True)
    owner_id = models.UUIDField(help_text="Of the job, the variant or what else has steps.")
    name = models.CharField(max_length=40)
    attempt = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=8, choices=StepStatus)
    result = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True, default="")
    started_at = models.DateTimeField(default=timezone.now)
    ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        db_table = "steps"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["owner_id", "name", "attempt"], name="steps_attempt")]

    def __str__(self) -> str:
        return f"{self.name} {self.attempt}: {self.status}"
