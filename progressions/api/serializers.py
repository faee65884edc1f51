"""Answers: progressions, jobs, variants."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dali.lib.web.addresses import absolute_url
from dali.lib.web.input.fields import EpochMsField, StrictUsdField, TextOrNullField, UrlOutField
from progressions.enums import ROLLBACK, Code, JobStatus, Judgment, Kind, StepStatus, VariantStatus
from progressions.models import ImageProgression, Job, Step, Variant
from progressions.money.ledger import with_unbooked
from progressions.money.spending import Spending
from progressions.stream.event_types import AppliedTip, Summary

PROGRESSION_KINDS = [*Kind.choices, (ROLLBACK, "Rollback")]
STEPS_CONTEXT = "steps"  # in a serializer's context: the steps by owner, if they are shown
SPENT_CONTEXT = "spent"  # likewise: the spending by job


class TipSerializer(serializers.Serializer[AppliedTip]):
    """A tip, in its wording when it was applied."""

    key = serializers.CharField()
    addition = serializers.CharField()


class ProgressionSerializer(serializers.ModelSerializer[ImageProgression]):
    """One image and how it was made."""

    kind = serializers.ChoiceField(choices=PROGRESSION_KINDS, read_only=True)
    parent_progression_id = serializers.UUIDField(read_only=True, allow_null=True)
    project_id = serializers.UUIDField(read_only=True)
    job_id = serializers.UUIDField(read_only=True, allow_null=True)
    start_image_url = UrlOutField(help_text="As the client gave it.")
    start_image_delivery_url = UrlOutField()
    generated_image_url = UrlOutField()
    original_image_r2_key = serializers.CharField(
        read_only=True, help_text="The start image's bytes if there was one, otherwise the generated image's."
    )
    ai_notes = serializers.ListField(child=serializers.CharField(), read_only=True)
    ai_tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    judgment = serializers.ChoiceField(choices=Judgment.choices, read_only=True, allow_null=True)
    tips_applied = TipSerializer(many=True, read_only=True)
    retry_suggestion = TextOrNullField()
    cost_usd = StrictUsdField(read_only=True, allow_null=True, help_text="Null if the price is unknown.")
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
    """A progression with its ancestors and descendants."""

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


@extend_schema_field(StepSerializer(many=True))
class StepsField(serializers.Field[Any, Any, Any, Any]):
    """The steps of a job or variant, from the context (`STEPS_CONTEXT`), in the order of their start."""

    def to_representation(self, value: Job | Variant) -> list[dict[str, Any]]:
        """Those of this row."""
        steps: dict[UUID, list[Step]] = self.context[STEPS_CONTEXT]
        return [dict(StepSerializer(step).data) for step in steps.get(value.pk, [])]


class VariantListedSerializer(serializers.ModelSerializer[Variant]):
    """One image asked of one provider, without its steps.

    Needs the variants of `queries.jobs_with_variants` or `queries.get_variant`.
    """

    variantIndex = serializers.IntegerField(source="index", read_only=True)
    status = serializers.ChoiceField(choices=VariantStatus.choices, read_only=True)
    code = serializers.SerializerMethodField()
    error = TextOrNullField()
    progressionId = serializers.UUIDField(source="progression_id", read_only=True, allow_null=True)
    duplicateOf = serializers.UUIDField(
        source="duplicate_of_id", read_only=True, allow_null=True, help_text="The variant that it resembles."
    )
    duplicateOfProgressionId = serializers.UUIDField(
        source="duplicate_of_progression_id",
        read_only=True,
        allow_null=True,
        help_text="The image of that variant; null while it has none.",
    )
    refinedPrompt = TextOrNullField(source="refined_prompt")
    tips = TipSerializer(many=True, read_only=True)
    costUsd = StrictUsdField(
        source="cost_usd", read_only=True, allow_null=True, help_text="Of its image calls, as far as known."
    )
    possiblyBilled = serializers.IntegerField(
        source="possibly_billed",
        read_only=True,
        help_text="Calls that were sent but whose answer never arrived.",
    )

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
            "duplicateOfProgressionId",
            "distance",
            "refinedPrompt",
            "tips",
            "seed",
            "costUsd",
            "possiblyBilled",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=Code.choices, allow_null=True))
    def get_code(self, row: Variant) -> str | None:
        """Why it failed; null if it did not."""
        return row.code or None


class VariantSerializer(VariantListedSerializer):
    """One image asked of one provider."""

    steps = StepsField(source="*", read_only=True)

    class Meta:
        model = Variant
        fields = (*VariantListedSerializer.Meta.fields, "steps")
        read_only_fields = fields


class OneVariantSerializer(VariantSerializer):
    """A variant with the id of its job."""

    jobId = serializers.UUIDField(source="job_id", read_only=True)

    class Meta:
        model = Variant
        fields = (*VariantSerializer.Meta.fields, "jobId")
        read_only_fields = fields


class SummarySerializer(serializers.Serializer[Summary]):
    """How many variants of a job are in each state."""

    queued = serializers.IntegerField()
    running = serializers.IntegerField()
    complete = serializers.IntegerField()
    failed = serializers.IntegerField()
    skipped = serializers.IntegerField()
    cancelled = serializers.IntegerField()


class CostsSerializer(serializers.Serializer[Spending]):
    """What a job has cost, by purpose. A sum is null if nothing of it is known: unknown is never 0."""

    imagesUsd = StrictUsdField(source="images", allow_null=True)
    judgingUsd = StrictUsdField(source="judging", allow_null=True)
    refiningUsd = StrictUsdField(source="refining", allow_null=True)
    unknownCalls = serializers.IntegerField(
        source="unknown", help_text="Calls of unknown price; not included in the sums."
    )
    possiblyBilledCalls = serializers.IntegerField(
        source="possible",
        help_text="Calls that were sent but whose answer never arrived; not included in the sums.",
    )
    possiblyBilledUsd = StrictUsdField(
        source="possible_usd", allow_null=True, help_text="What those may have cost; null if unknown."
    )


class JobListedSerializer(serializers.ModelSerializer[Job]):
    """One prompt sent to several providers, without steps.

    Needs the variants of `queries.jobs_with_variants`, and the spending in the context (`SPENT_CONTEXT`).
    """

    jobId = serializers.UUIDField(source="id", read_only=True)
    sessionId = serializers.CharField(source="session_id", read_only=True)
    projectId = serializers.UUIDField(source="project_id", read_only=True)
    status = serializers.ChoiceField(choices=JobStatus.choices, read_only=True)
    kind = serializers.ChoiceField(choices=Kind.choices, read_only=True)
    created_at = EpochMsField()
    costUsd = serializers.SerializerMethodField()
    costs = serializers.SerializerMethodField()
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
            "costs",
            "retryOf",
            "summary",
            "variants",
        )
        read_only_fields = fields

    @extend_schema_field(
        StrictUsdField(
            allow_null=True,
            help_text="The known cost of images, verdicts and refined prompts; null if nothing is known.",
        )
    )
    def get_costUsd(self, job: Job) -> float | None:  # noqa: N802 - the field's name
        """What it has cost, as far as known."""
        total = self._spending(job).total
        return None if total is None else float(total)

    @extend_schema_field(CostsSerializer)
    def get_costs(self, job: Job) -> dict[str, Any]:
        """The same by purpose."""
        return dict(CostsSerializer(self._spending(job)).data)

    def _spending(self, job: Job) -> Spending:
        spent: dict[UUID, Spending] = self.context[SPENT_CONTEXT]
        known = [variant.cost_usd for variant in job.variants.all() if variant.cost_usd is not None]
        return with_unbooked(spent.get(job.pk, Spending()), sum(known, Decimal(0)) if known else None)

    @extend_schema_field(SummarySerializer)
    def get_summary(self, job: Job) -> dict[str, int]:
        """How many variants are in each state."""
        states: list[str] = [variant.status for variant in job.variants.all()]
        return {state: states.count(state) for state in VariantStatus.values}


class JobSerializer(JobListedSerializer):
    """One prompt sent to several providers, with the steps in the context (`STEPS_CONTEXT`)."""

    variants = VariantSerializer(many=True, read_only=True)
    steps = StepsField(source="*", read_only=True)

    class Meta:
        model = Job
        fields = (*JobListedSerializer.Meta.fields, "steps")
        read_only_fields = fields


class VariantSubmittedSerializer(serializers.ModelSerializer[Variant]):
    """A variant in the answer to a submission."""

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
