"""Rows of pictures: the images made, the uploads, the index of near-duplicates."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from dali.lib.ids import new_id
from progressions.enums import Judgment
from progressions.models.jobs import Job, Variant
from progressions.models.leases import Leased


class ImageProgression(Leased):
    """One image in the tree of what came from what; its lease is that of late judging."""

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
        max_length=300,
        help_text="The bytes of the start image if there was one, otherwise of the generated image.",
    )
    generated_image_r2_key = models.CharField(max_length=300, help_text="The provider's own bytes.")
    phash = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="The variant's, without what it says of transparency.",
    )
    phash_version = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="How `phash` was made; null: before versions were kept."
    )
    ground = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Grey level of the ground that a transparent picture stands out from; null: opaque, or not known.",
    )
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
            models.Index(
                fields=["lease_until"], name="progressions_held", condition=Q(lease_until__isnull=False)
            ),
            models.Index(fields=["generated_image_url"], name="progressions_address"),
            models.Index(fields=["start_image_delivery_url"], name="progressions_start_address"),
        ]

    def __str__(self) -> str:
        return f"{self.ai_provider}: {self.prompt[:60]}"


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
