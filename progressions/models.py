"""Rows of the progressions app: jobs, their variants and steps, the images made, the stream's log."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from dali.lib.ids import new_id
from progressions.enums import JobStatus, Judgment, StepStatus, VariantStatus


class Leased(models.Model):
    """Work that one process at a time may do.

    A claim writes `lease_until` and raises `lease_token`; every later write carries the token, so a
    worker that lost its lease can write nothing. `not_before` holds work back without a worker.
    """

    not_before = models.DateTimeField(default=timezone.now)
    lease_owner = models.CharField(max_length=64, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.BigIntegerField(default=0)
    nudged_at = models.DateTimeField(
        null=True, blank=True, help_text="When a message about this row was last sent."
    )

    class Meta:
        abstract = True


class Job(Leased):
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
    idempotency_key = models.CharField(max_length=255, null=True, blank=True)
    idempotency_digest = models.CharField(max_length=64, blank=True, default="")
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
            models.Index(
                fields=["served_at", "id"],
                name="jobs_unfinished",
                condition=Q(status__in=["queued", "running"]),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["project", "idempotency_key"], name="jobs_idempotency_key"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Variant(Leased):
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
        max_length=64,
        blank=True,
        default="",
        help_text="Reserved in `dedupe`; void if the variant fails later.",
    )
    duplicate_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    distance = models.PositiveIntegerField(null=True, blank=True)
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
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
            models.Index(
                fields=["job", "number"],
                name="variants_unfinished",
                condition=Q(status__in=["queued", "running"]),
            ),
            models.Index(
                fields=["not_before"], name="variants_due", condition=Q(status__in=["queued", "running"])
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="variants_number"),
            models.UniqueConstraint(fields=["job", "provider", "index"], name="variants_index"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.index}"


class HashBands(models.Model):
    """The index of near-duplicates: the structure of a reserved fingerprint and its bands.

    Before each band stand bits of the project's id, so that one narrow index serves one project at a time.
    """

    variant = models.OneToOneField(Variant, on_delete=models.CASCADE, primary_key=True, related_name="+")
    structure = models.BigIntegerField(help_text="64 bits, as a signed number.")
    band_0 = models.BigIntegerField()
    band_1 = models.BigIntegerField()
    band_2 = models.BigIntegerField()

    class Meta:
        db_table = "hash_bands"
        verbose_name_plural = "hash bands"
        indexes = [
            models.Index(fields=["band_0", "structure"], name="hash_bands_0"),
            models.Index(fields=["band_1", "structure"], name="hash_bands_1"),
            models.Index(fields=["band_2", "structure"], name="hash_bands_2"),
        ]

    def __str__(self) -> str:
        return f"{self.structure & 0xFFFF_FFFF_FFFF_FFFF:016x}"


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


class ImageProgression(models.Model):
    """One image in the tree of what came from what."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="progressions")
    parent_progression = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children"
    )
    job = models.ForeignKey(
        Job, on_delete=models.SET_NULL, null=True, blank=True, related_name="progressions"
    )
    variant_index = models.PositiveIntegerField(null=True, blank=True)
    kind = models.CharField(max_length=12)
    ai_provider = models.CharField(max_length=40)
    model = models.CharField(max_length=120, blank=True, default="")
    prompt = models.TextField()
    refined_prompt = models.TextField(blank=True, default="")
    tips_applied = models.JSONField(default=list)
    start_image_url = models.TextField(blank=True, default="", help_text="As the client gave it.")
    start_image_delivery_url = models.TextField(
        blank=True, default="", help_text="Path or address of the delivery image."
    )
    generated_image_url = models.TextField(help_text="Path or address of the delivery image.")
    original_image_r2_key = models.CharField(
        max_length=300, help_text="The start image's bytes where there was one, else the generated image's."
    )
    generated_image_r2_key = models.CharField(max_length=300, help_text="The provider's own bytes.")
    phash = models.CharField(max_length=64, blank=True, default="")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    bytes = models.PositiveBigIntegerField()
    seed = models.BigIntegerField(null=True, blank=True)
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    provider_meta = models.JSONField(default=dict)
    judgment = models.CharField(max_length=4, choices=Judgment, null=True, blank=True)
    ai_notes = models.JSONField(default=list)
    ai_tags = models.JSONField(default=list)
    retry_suggestion = models.TextField(blank=True, default="")
    judge_attempts = models.PositiveIntegerField(default=0)
    judge_due_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the judge is to look (again); null where there is nothing to do.",
    )
    search_text = models.TextField(
        default="", editable=False, help_text="Prompt, notes and tags, case-folded, for the text filter."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "image_progressions"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["project", "created_at", "id"], name="progressions_project_created"),
            models.Index(
                fields=["judge_due_at"],
                name="progressions_judge_due",
                condition=Q(judge_due_at__isnull=False),
            ),
            models.Index(fields=["generated_image_url"], name="progressions_address"),
            models.Index(fields=["start_image_delivery_url"], name="progressions_start_address"),
        ]

    def __str__(self) -> str:
        return f"{self.ai_provider}: {self.prompt[:60]}"


class Upload(models.Model):
    """An image that a client sent; serves as start image or mask."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.CharField(max_length=16, blank=True, default="", help_text="Prefix of the API key.")
    key = models.CharField(max_length=300, help_text="In the uploads storage: the bytes as they came.")
    delivery = models.TextField(help_text="Path or address of the delivery image.")
    media_type = models.CharField(max_length=40)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "uploads"
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["delivery"], name="uploads_delivery")]

    def __str__(self) -> str:
        return f"{self.media_type} {self.width}x{self.height}"


class StreamSession(models.Model):
    """The counter of one session's events."""

    session_id = models.CharField(max_length=128, primary_key=True)
    last_seq = models.BigIntegerField(default=0)
    pruned_seq = models.BigIntegerField(default=0, help_text="Events up to this number are gone.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "stream_sessions"

    def __str__(self) -> str:
        return self.session_id


class Event(models.Model):
    """One event of a session, kept as the very text that clients are sent."""

    id = models.BigAutoField(primary_key=True)
    session_id = models.CharField(max_length=128)
    seq = models.BigIntegerField()
    type = models.CharField(max_length=12)
    job_id = models.UUIDField(null=True, blank=True)
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "events"
        ordering = ["session_id", "seq"]
        indexes = [
            models.Index(fields=["job_id", "seq"], name="events_job"),
            models.Index(fields=["created_at"], name="events_created"),
        ]
        constraints = [models.UniqueConstraint(fields=["session_id", "seq"], name="events_seq")]

    def __str__(self) -> str:
        return f"{self.session_id} {self.seq} {self.type}"


class Cooldown(models.Model):
    """Until when a provider is left alone, by every process."""

    provider = models.CharField(max_length=40, primary_key=True)
    until = models.DateTimeField()
    reason = models.TextField(blank=True, default="")

    class Meta:
        db_table = "cooldowns"

    def __str__(self) -> str:
        return self.provider


class Duty(models.Model):
    """Upkeep that one process at a time does: taken by moving `due_at` forward."""

    name = models.CharField(max_length=40, primary_key=True)
    due_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "duties"
        verbose_name_plural = "duties"

    def __str__(self) -> str:
        return self.name
