"""JSON in: what submits, retries and filters, checked field by field."""

import re
from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from dali.lib.errors import InputError
from dali.lib.web.converters import IdConverter
from dali.lib.web.input.bodies import BodySerializer, FilterSerializer, refuse_near_misses
from dali.lib.web.input.fields import (
    CONTROL_CHARACTER,
    StrictBooleanField,
    StrictCharField,
    StrictDictField,
    StrictIntegerField,
    StrictListField,
    StrictObjectField,
    StrictUsdField,
    UniqueListField,
    shown,
)
from dali.lib.web.input.strict_json import parse_text
from dali.lib.web.pagination import parse_whole_number
from progressions.enums import Judgment, Kind
from progressions.pipeline.intake.rules import job_rules
from progressions.pipeline.intake.submit import JobDraft
from progressions.work.idempotency import KEY_PATTERN, Once, digest_of

MOST_PROMPT = 32_000
MOST_SEED = 2**32 - 1
SESSION_ID = r"[A-Za-z0-9._:-]{1,128}"


class SessionIdField(StrictCharField):
    """The stream that events go to."""

    def __init__(self, **kwargs: Any) -> None:
        cure = "1 to 128 of A-Z a-z 0-9 . _ : -"
        super().__init__(pattern=SESSION_ID, cure=cure, trim_whitespace=False, **kwargs)


class WordField(serializers.ChoiceField):
    """One of a few words."""

    default_error_messages = {"invalid_choice": "{input} is not known; send one of {known}."}

    def to_internal_value(self, data: Any) -> Any:
        """The word; numbers and lists are none."""
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice", input=shown(data), known=", ".join(self.choices))
        return data


class IdField(serializers.UUIDField):
    """The id of a row, as answers give it: hexadecimal digits of either case, with dashes."""

    pattern = IdConverter.regex

    default_error_messages = {"invalid": "{value} is no id; send one as answers give them."}

    def to_internal_value(self, data: Any) -> UUID:
        """The id; what Python would make one of (a number, braces, no dashes) is none."""
        if not isinstance(data, str) or not re.fullmatch(self.pattern, data):
            self.fail("invalid", value=shown(data))
        return UUID(data)


class VariantsField(StrictIntegerField):
    """How many images of each provider: 1 to the setting's most."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=settings.MAX_VARIANTS, **kwargs)


class JobInSerializer(BodySerializer[JobDraft]):
    """A submission. Optional fields may be null."""

    prompt = StrictCharField(max_length=MOST_PROMPT)
    providers = UniqueListField(
        child=StrictCharField(max_length=40, trim_whitespace=False), allow_empty=False, max_length=20
    )
    sessionId = SessionIdField()
    variants = VariantsField(required=False, allow_null=True, help_text="For each provider; default 1.")
    kind = WordField(choices=Kind.choices, required=False, allow_null=True)
    startImageUrl = StrictCharField(max_length=4_000, required=False, allow_null=True, allow_blank=True)
    maskImageUrl = StrictCharField(max_length=4_000, required=False, allow_null=True, allow_blank=True)
    parentProgressionId = IdField(required=False, allow_null=True)
    size = StrictCharField(
        pattern=r"[1-9][0-9]{1,4}x[1-9][0-9]{1,4}",
        cure="width and height in pixels, as 1024x1024",
        required=False,
        allow_null=True,
    )
    seed = StrictIntegerField(min_value=0, max_value=MOST_SEED, required=False, allow_null=True)
    seeds = StrictDictField(
        child=StrictListField(
            child=StrictIntegerField(min_value=0, max_value=MOST_SEED), allow_empty=False, max_length=1_000
        ),
        required=False,
        allow_null=True,
        help_text="By provider, one for each of its variants; in place of `seed`, to ask again for what was recorded.",
    )
    models = StrictDictField(
        child=StrictCharField(max_length=120), required=False, allow_null=True, help_text="By provider."
    )
    maxCostUsd = StrictUsdField(required=False, allow_null=True)
    allowDuplicates = StrictBooleanField(required=False, allow_null=True)
    options = StrictObjectField(required=False, allow_null=True)

    def validate_models(self, models: dict[str, str] | None) -> dict[str, str] | None:
        """Only for providers by names without control characters."""
        for name in models or {}:
            if CONTROL_CHARACTER.search(name):
                raise serializers.ValidationError(f"{shown(name)} holds a control character; take it out.")
        return models

    @classmethod
    def schema_rules(cls) -> dict[str, Any]:
        """What `prepare_job` checks of them together."""
        return job_rules()

    def draft(self) -> JobDraft:
        """What was sent, once it is valid; null is the same as nothing."""
        given = {name: value for name, value in self.validated_data.items() if value is not None}
        return JobDraft(
            prompt=given["prompt"],
            providers=tuple(given["providers"]),
            session_id=given["sessionId"],
            variants=given.get("variants", 1),
            kind=given.get("kind"),
            start_image_url=given.get("startImageUrl", ""),
            mask_image_url=given.get("maskImageUrl", ""),
            parent_progression_id=given.get("parentProgressionId"),
            size=given.get("size", ""),
            seed=given.get("seed"),
            seeds=given.get("seeds", {}),
            models=given.get("models", {}),
            max_cost_usd=given.get("maxCostUsd"),
            allow_duplicates=given.get("allowDuplicates", False),
            options=given.get("options", {}),
        )


class JobRetryInSerializer(BodySerializer[Any]):
    """How a job's failed variants are tried again."""

    sessionId = SessionIdField(required=False, allow_null=True, help_text="Default: that of the job.")


class ProgressionRetryInSerializer(BodySerializer[Any]):
    """How an image is tried again."""

    sessionId = SessionIdField()
    prompt = StrictCharField(
        max_length=MOST_PROMPT,
        required=False,
        allow_null=True,
        help_text="Default: the image's prompt with its retry_suggestion worked in.",
    )
    variants = VariantsField(required=False, allow_null=True, help_text="Default 1.")


class ProgressionFilterSerializer(FilterSerializer[Any]):
    """The filters of a project's progressions."""

    query = StrictCharField(
        required=False,
        allow_blank=True,
        max_length=1_000,
        help_text="Any part of prompt, notes or tags, whatever its case.",
    )
    tags = StrictListField(
        child=StrictCharField(max_length=200),
        required=False,
        help_text="All of them must be there: a JSON array, repeated, as `tags[]`, or separated by commas.",
    )
    judgment = WordField(choices=[*Judgment.values, "none"], required=False)
    provider = StrictCharField(required=False, allow_blank=True, max_length=40)
    jobId = IdField(required=False)
    parent = IdField(required=False)  # type: ignore[assignment]  # a field's name, as serializers have them


def progression_filters(request: Request) -> dict[str, Any]:
    """The filters of a request that are not empty; ValidationError or InputError for bad ones."""
    tags: list[Any] = []
    for text in [*request.query_params.getlist("tags"), *request.query_params.getlist("tags[]")]:
        tags += _tags_in(text)
    return ProgressionFilterSerializer.read(request, tags=tags)


def _tags_in(text: str) -> list[Any]:
    if not text.lstrip().startswith("["):
        return [tag.strip() for tag in text.split(",") if tag.strip()]
    try:
        tags = parse_text(text, what=f"tags={text[:60]!r}")
    except ParseError as error:
        raise InputError("tags", f'{error.detail} Send ["a","b"] or a,b') from error
    return [tag for tag in tags if not isinstance(tag, str) or tag.strip()]


def parse_idempotency_key(request: Request) -> str | None:
    """The header `Idempotency-Key`; None where there is none. InputError where it is no such key."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(KEY_PATTERN, key):
        raise InputError(
            "Idempotency-Key",
            f"Idempotency-Key has {len(key)} characters; send 1 to 255 printable ASCII ones",
        )
    return key


def once_of(request: Request, scope: str, *, owner: str, body: Any) -> Once | None:
    """The idempotency key of a request to the route `scope`; None where it came without.

    `owner` is empty where all owners share the keys. Raises InputError where the key is malformed.
    """
    key = parse_idempotency_key(request)
    return None if key is None else Once(scope, owner, key, digest_of(body))


def parse_after(request: Request) -> int:
    """`?after=`: the number of the last event that the client has; 0 where it is not given."""
    refuse_near_misses(request, ("after", "limit"))
    text = request.query_params.get("after", "").strip()
    if not text:
        return 0
    after = parse_whole_number(text)
    if after is None:
        raise InputError(
            "after", f"after={text[:40]!r} is no event number; send the seq of the last event that you have"
        )
    return after
