"""Request bodies and query parameters other than a submission's, and idempotency keys."""

import re
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from dali.lib.errors import InputError
from dali.lib.web.input.bodies import BodySerializer, FilterSerializer, refuse_near_misses
from dali.lib.web.input.fields import IdField, StrictCharField, StrictListField, WordField
from dali.lib.web.input.strict_json import parse_text
from dali.lib.web.pagination import parse_whole_number
from progressions.enums import Judgment
from progressions.pipeline.intake.body import PromptField, SessionIdField, VariantsField
from progressions.work.idempotency import KEY_PATTERN, Once, digest_of


class JobRetryInSerializer(BodySerializer[Any]):
    """A retry of a job's failed variants."""

    sessionId = SessionIdField(required=False, allow_null=True, help_text="Default: the job's session.")


class ProgressionRetryInSerializer(BodySerializer[Any]):
    """A retry of an image."""

    sessionId = SessionIdField()
    prompt = PromptField(
        required=False,
        allow_null=True,
        help_text="Default: the image's prompt followed by its retry_suggestion.",
    )
    variants = VariantsField(required=False, allow_null=True, help_text="Default 1.")


class ProgressionFilterSerializer(FilterSerializer[Any]):
    """The filters of a project's progressions."""

    query = StrictCharField(
        required=False,
        allow_blank=True,
        max_length=1_000,
        help_text="Any part of the prompt, notes or tags; case does not matter.",
    )
    tags = StrictListField(
        child=StrictCharField(max_length=200),
        required=False,
        help_text="All must match. A JSON array, a repeated parameter, `tags[]`, or separated by commas.",
    )
    judgment = WordField(choices=[*Judgment.values, "none"], required=False)
    provider = StrictCharField(required=False, allow_blank=True, max_length=40)
    jobId = IdField(required=False)
    parent = IdField(required=False)  # type: ignore[assignment]  # a field's name, as serializers have them


def progression_filters(request: Request) -> dict[str, Any]:
    """The filters of a request that are not empty. Raises ValidationError or InputError."""
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
    """The header `Idempotency-Key`, or None. Raises InputError if it is malformed."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(KEY_PATTERN, key):
        raise InputError(
            "Idempotency-Key",
            f"Idempotency-Key has {len(key)} characters; send 1 to 255 printable ASCII ones",
        )
    return key


def once_of(request: Request, scope: str, *, owner: str, body: Any) -> Once | None:
    """The idempotency key of a request to the route `scope`, or None.

    `owner` is empty if all owners share the keys. Raises InputError if the key is malformed.
    """
    key = parse_idempotency_key(request)
    return None if key is None else Once(scope, owner, key, digest_of(body))


def parse_after(request: Request) -> int:
    """`?after=`: the number of the last event that the client has; 0 if it is not given."""
    refuse_near_misses(request, ("after", "limit"))
    text = request.query_params.get("after", "").strip()
    if not text:
        return 0
    after = parse_whole_number(text)
    if after is None:
        raise InputError(
            "after",
            f"after={text[:40]!r} is not an event number; send the seq of the last event that you have",
        )
    return after
