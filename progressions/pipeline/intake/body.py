"""The body of a submission: the type and the limits of each field. `drafts` checks how the fields fit together."""

from typing import Any

from django.conf import settings
from rest_framework.exceptions import ValidationError

from dali.lib.web.input.bodies import BodySerializer
from dali.lib.web.input.fields import (
    CONTROL_CHARACTER,
    IdField,
    StrictBooleanField,
    StrictCharField,
    StrictDictField,
    StrictIntegerField,
    StrictListField,
    StrictObjectField,
    StrictUsdField,
    UniqueListField,
    WordField,
    shown,
)
from progressions.enums import SESSION_ID, Kind
from progressions.pipeline.intake.drafts import MAX_PROMPT, MAX_SEED, JobDraft
from progressions.pipeline.intake.rules import job_rules

_OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}


class PromptField(StrictCharField):
    """What the image is to show."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_PROMPT, **kwargs)


class SessionIdField(StrictCharField):
    """The stream that events go to."""

    def __init__(self, **kwargs: Any) -> None:
        cure = "1 to 128 of A-Z a-z 0-9 . _ : -"
        super().__init__(pattern=SESSION_ID, cure=cure, trim_whitespace=False, **kwargs)


class VariantsField(StrictIntegerField):
    """How many images of each provider, from 1 to DALI_MAX_VARIANTS."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=settings.MAX_VARIANTS, **kwargs)


class SeedField(StrictIntegerField):
    """A seed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=MAX_SEED, **kwargs)


class JobInSerializer(BodySerializer[JobDraft]):
    """A submission. Optional fields may be null."""

    # Each `source` is a field of JobDraft.
    prompt = PromptField()
    providers = UniqueListField(
        child=StrictCharField(max_length=40, trim_whitespace=False), allow_empty=False, max_length=20
    )
    sessionId = SessionIdField(source="session_id")
    variants = VariantsField(help_text="For each provider; default 1.", **_OPTIONAL)
    kind = WordField(choices=Kind.choices, **_OPTIONAL)
    startImageUrl = StrictCharField(source="start_image_url", max_length=4_000, allow_blank=True, **_OPTIONAL)
    maskImageUrl = StrictCharField(source="mask_image_url", max_length=4_000, allow_blank=True, **_OPTIONAL)
    parentProgressionId = IdField(source="parent_progression_id", **_OPTIONAL)
    size = StrictCharField(
        pattern=r"[1-9][0-9]{1,4}x[1-9][0-9]{1,4}",
        cure="width and height in pixels, as 1024x1024",
        **_OPTIONAL,
    )
    seed = SeedField(**_OPTIONAL)
    seeds = StrictDictField(
        child=StrictListField(child=SeedField(), allow_empty=False, max_length=1_000),
        help_text="Seeds by provider, one for each of its variants; used instead of `seed` to repeat recorded work.",
        **_OPTIONAL,
    )
    models = StrictDictField(child=StrictCharField(max_length=120), help_text="By provider.", **_OPTIONAL)
    maxCostUsd = StrictUsdField(source="max_cost_usd", **_OPTIONAL)
    allowDuplicates = StrictBooleanField(source="allow_duplicates", **_OPTIONAL)
    options = StrictObjectField(**_OPTIONAL)

    def validate_models(self, models: dict[str, str] | None) -> dict[str, str] | None:
        """Provider names are quoted in error messages: no control characters."""
        for name in models or {}:
            if CONTROL_CHARACTER.search(name):
                raise ValidationError(f"{shown(name)} holds a control character; remove it.")
        return models

    @classmethod
    def schema_rules(cls) -> dict[str, Any]:
        """How the fields fit together, for the OpenAPI document."""
        return job_rules()

    def draft(self) -> JobDraft:
        """The draft of a valid body; null means the default."""
        return JobDraft(**{name: value for name, value in self.validated_data.items() if value is not None})
