"""JSON out: progressions, jobs, variants, uploads, providers."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dali.lib.addresses import absolute_url
from dali.lib.fields import EpochMsField, StrictUsdField, TextOrNullField, UrlOutField
from progressions.enums import ROLLBACK, Code, JobStatus, Judgment, Kind, StepStatus, VariantStatus
from progressions.events import AppliedTip, Summary
from progressions.models import ImageProgression, Job, Step, Upload, Variant
from progressions.provider import Price, Provider, SizeLimits

PROGRESSION_KINDS = [*Kind.choices, (ROLLBACK, "Rollback")]
STEPS_CONTEXT = "steps"  # in a serializer's context: the steps by owner, where they are to be shown


class TipSerializer(serializers.Serializer[AppliedTip]):
    """A tip as it was worded when it was applied."""

    key = serializers.CharField()
    addition = serializers.CharField()


class ProgressionSerializer(serializers.ModelSerializer[ImageProgression]):
    """One image in the tree of what came from what."""

    kind = serializers.ChoiceField(choices=PROGRESSION_KINDS, read_only=True)
    parent_progression_id = serializers.UUIDField(read_only=True, allow_null=True)
    project_id = serializers.UUIDField(read_only=True)
    job_id = serializers.UUIDField(read_only=True, allow_null=True)
    start_image_url = UrlOutField(help_text="As the client gave it.")
    start_image_delivery_url = UrlOutField()
    generated_image_url = UrlOutField()
    original_image_r2_key = serializers.CharField(
        read_only=True, help_text="The start image's bytes where there was one, else the generated image's."
    )
    ai_notes = serializers.ListField(child=serializers.CharField(), read_only=True)
    ai_tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    judgment = serializers.ChoiceField(choices=Judgment.choices, read_only=True, allow_null=True)
    tips_applied = TipSerializer(many=True, read_only=True)
    retry_suggestion = TextOrNullField()
    cost_usd = StrictUsdField(read_only=True, allow_null=True, help_text="Null where no price is known.")
    provider_meta = serializers.DictField(read_only=True)
    created_at = EpochMsField()

    class Meta:
        model = ImageProgression
        fields = (
            "id",
            "project_id",
            "parent_progression_id",
            "start_image_url",
            "start_image_delivery_url",
            "prompt",
            "generated_image_url",
            "original_image_r2_key",
            "generated_image_r2_key",
            "ai_provider",
            "ai_notes",
            "ai_tags",
            "judgment",
            "created_at",
            "kind",
            "model",
            "refined_prompt",
            "tips_applied",
            "retry_suggestion",
            "job_id",
            "variant_index",
            "phash",
            "width",
            "height",
            "bytes",
            "seed",
            "cost_usd",
            "provider_meta",
        )
        read_only_fields = fields


class LineageSerializer(serializers.Serializer[Any]):
    """What a progression came from, and what came from it."""

    ancestors = ProgressionSerializer(many=True, help_text="Root first.")
    progression = ProgressionSerializer()
    descendants = ProgressionSerializer(many=True, help_text="Each after its parent.")


class StepSerializer(serializers.ModelSerializer[Step]):
    """One attempt at one step."""

    status = serializers.ChoiceField(choices=StepStatus.choices, read_only=True)

    class Meta:
        model = Step
        fields = ("name", "attempt", "status", "ms")
        read_only_fields = fields


class VariantListedSerializer(serializers.ModelSerializer[Variant]):
    """One image asked of one provider, without its steps."""

    variantIndex = serializers.IntegerField(source="index", read_only=True)
    status = serializers.ChoiceField(choices=VariantStatus.choices, read_only=True)
    code = serializers.SerializerMethodField()
    error = TextOrNullField()
    progressionId = serializers.UUIDField(source="progression_id", read_only=True, allow_null=True)
    duplicateOf = serializers.UUIDField(
        source="duplicate_of_id", read_only=True, allow_null=True, help_text="The variant it resembles."
    )
    refinedPrompt = TextOrNullField(source="refined_prompt")
    tips = TipSerializer(many=True, read_only=True)
    costUsd = StrictUsdField(source="cost_usd", read_only=True, allow_null=True)

    class Meta:
        model = Variant
        fields = (
            "id",
            "provider",
            "variantIndex",
            "status",
            "code",
            "error",
            "retryable",
            "progressionId",
            "duplicateOf",
            "distance",
            "refinedPrompt",
            "tips",
            "seed",
            "costUsd",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=Code.choices, allow_null=True))
    def get_code(self, row: Variant) -> str | None:
        """Why it failed; null where it did not."""
        return row.code or None


class VariantSerializer(VariantListedSerializer):
    """One image asked of one provider."""

    steps = serializers.SerializerMethodField()

    class Meta:
        model = Variant
        fields = (*VariantListedSerializer.Meta.fields, "steps")
        read_only_fields = fields

    @extend_schema_field(StepSerializer(many=True))
    def get_steps(self, row: Variant) -> list[dict[str, Any]]:
        """What was done for it."""
        return _steps_of(row, self.context)


class SummarySerializer(serializers.Serializer[Summary]):
    """How many variants of a job are where."""

    queued = serializers.IntegerField()
    running = serializers.IntegerField()
    complete = serializers.IntegerField()
    failed = serializers.IntegerField()
    skipped = serializers.IntegerField()
    cancelled = serializers.IntegerField()


class JobListedSerializer(serializers.ModelSerializer[Job]):
    """One prompt sent to several providers, without steps. Needs the variants of `queries.jobs_with_variants`."""

    jobId = serializers.UUIDField(source="id", read_only=True)
    sessionId = serializers.CharField(source="session_id", read_only=True)
    projectId = serializers.UUIDField(source="project_id", read_only=True)
    status = serializers.ChoiceField(choices=JobStatus.choices, read_only=True)
    kind = serializers.ChoiceField(choices=Kind.choices, read_only=True)
    created_at = EpochMsField()
    costUsd = serializers.SerializerMethodField()
    retryOf = serializers.UUIDField(source="retry_of_id", read_only=True, allow_null=True)
    summary = serializers.SerializerMethodField()
    variants = VariantListedSerializer(many=True, read_only=True)

    class Meta:
        model = Job
        fields = (
            "jobId",
            "sessionId",
            "projectId",
            "status",
            "prompt",
            "kind",
            "created_at",
            "costUsd",
            "retryOf",
            "summary",
            "variants",
        )
        read_only_fields = fields

    @extend_schema_field(
        StrictUsdField(allow_null=True, help_text="The sum of what is known; null where nothing is.")
    )
    def get_costUsd(self, job: Job) -> float | None:  # noqa: N802 - the field's name
        """What the variants cost, as far as it is known."""
        known = [variant.cost_usd for variant in job.variants.all() if variant.cost_usd is not None]
        return float(sum(known)) if known else None

    @extend_schema_field(SummarySerializer)
    def get_summary(self, job: Job) -> dict[str, int]:
        """How many variants are where."""
        states: list[str] = [variant.status for variant in job.variants.all()]
        return {state: states.count(state) for state in VariantStatus.values}


class JobSerializer(JobListedSerializer):
    """One prompt sent to several providers, with the steps in the context (`STEPS_CONTEXT`)."""

    variants = VariantSerializer(many=True, read_only=True)
    steps = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = (*JobListedSerializer.Meta.fields, "steps")
        read_only_fields = fields

    @extend_schema_field(StepSerializer(many=True))
    def get_steps(self, row: Job) -> list[dict[str, Any]]:
        """What was done for the job as a whole: fetching its start image."""
        return _steps_of(row, self.context)


def _steps_of(row: Job | Variant, context: Mapping[str, Any]) -> list[dict[str, Any]]:
    steps: dict[UUID, list[Step]] = context[STEPS_CONTEXT]
    return [dict(StepSerializer(step).data) for step in steps.get(row.pk, [])]


class VariantSubmittedSerializer(serializers.ModelSerializer[Variant]):
    """A variant as a submission is answered."""

    variantIndex = serializers.IntegerField(source="index", read_only=True)
    status = serializers.ChoiceField(choices=VariantStatus.choices, read_only=True)

    class Meta:
        model = Variant
        fields = ("id", "provider", "variantIndex", "status")
        read_only_fields = fields


class JobSubmittedSerializer(serializers.ModelSerializer[Job]):
    """The answer to a submission."""

    jobId = serializers.UUIDField(source="id", read_only=True)
    sessionId = serializers.CharField(source="session_id", read_only=True)
    projectId = serializers.UUIDField(source="project_id", read_only=True)
    status = serializers.ChoiceField(choices=JobStatus.choices, read_only=True)
    variants = VariantSubmittedSerializer(many=True, read_only=True)
    streamUrl = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields = ("jobId", "sessionId", "projectId", "status", "variants", "streamUrl")
        read_only_fields = fields

    @extend_schema_field(serializers.URLField(help_text="A WebSocket, or Server-Sent Events."))
    def get_streamUrl(self, job: Job) -> str:  # noqa: N802 - the field's name
        """Where its events arrive."""
        return absolute_url(f"/api/stream/{job.session_id}")


class UploadSerializer(serializers.ModelSerializer[Upload]):
    """An image that a client sent; `url` opens and serves as start image or mask."""

    url = UrlOutField(source="delivery")

    class Meta:
        model = Upload
        fields = ("id", "url", "media_type", "width", "height", "bytes", "sha256")
        read_only_fields = fields


class SizeLimitsSerializer(serializers.Serializer[SizeLimits]):
    """Pixels that a provider takes."""

    min_px = serializers.IntegerField()
    max_px = serializers.IntegerField()


class PriceSerializer(serializers.Serializer[Price]):
    """What one image costs, as far as it is known beforehand."""

    usd_per_image = serializers.FloatField()
    source = serializers.CharField()  # type: ignore[assignment]  # the field's name
    date = serializers.CharField()


class ProviderSerializer(serializers.Serializer[Provider]):
    """One image service."""

    id = serializers.CharField(source="name")
    name = serializers.CharField(source="title")
    configured = serializers.SerializerMethodField()
    missing = serializers.SerializerMethodField()
    kinds = serializers.SerializerMethodField()
    models = serializers.ListField(child=serializers.CharField(), help_text="The first is the default.")
    sizes = serializers.ListField(child=serializers.CharField(), help_text="As 1024x1024.")
    limits = SizeLimitsSerializer()
    price = PriceSerializer(allow_null=True, help_text="Null where it is not known.")

    def get_configured(self, provider: Provider) -> bool:
        """Whether it can be called."""
        return not provider.missing()

    def get_missing(self, provider: Provider) -> list[str]:
        """Names of the settings that must be set first."""
        return provider.missing()

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(choices=Kind.choices)))
    def get_kinds(self, provider: Provider) -> list[str]:
        """What it can be asked to do."""
        return [kind.value for kind in Kind if kind in provider.kinds]


class TicketSerializer(serializers.Serializer[Any]):
    """What a browser opens a stream with where a key is asked for."""

    ticket = serializers.CharField(help_text="For the stream's `?ticket=`.")
    expiresAt = EpochMsField()
