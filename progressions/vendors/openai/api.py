"""OpenAI's API by its SDK: kept clients, one deadline over a call, what a call used, answers in JSON.

Answers are read as the JSON that came, not as the SDK's types: servers that only resemble OpenAI's do not keep to them.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx2
from django.conf import settings
from openai import OpenAI, omit
from openai.types.responses import ResponseInputMessageContentListParam

from dali.lib.calls import connections, deadlines
from dali.lib.calls.answers.json_reading import CountReader, NotJsonError, at, objects, read_json, text_at
from dali.lib.calls.answers.usage import Unit, Usage
from dali.lib.calls.failures import VendorError
from dali.lib.calls.outcomes import told_in_success
from dali.lib.clock import Deadline
from progressions.vendors.openai.failures import failure_of, of_body, unusable

__all__ = [
    "OpenAI",
    "answer_in_json",
    "calling",
    "client",
    "failure_of",
    "missing",
    "usage_of_image",
]

# Calls of judges and text models, which take no connections from those of images.
_MOST_ASIDE = 16

_lock = threading.Lock()
_clients: dict[str, tuple[tuple[str, str, int], OpenAI]] = {}


def missing() -> list[str]:
    """The settings without which nothing of OpenAI can be called."""
    return [] if settings.OPENAI_API_KEY else ["OPENAI_API_KEY"]


def client(use: Literal["images", "text"]) -> OpenAI:
    """The client of the settings, kept for as long as these stay; images have connections of their own.

    It retries nothing. OPENAI_ORG_ID, OPENAI_PROJECT_ID and OPENAI_CUSTOM_HEADERS are honoured by the SDK.
    """
    most = settings.OPENAI_CONCURRENCY if use == "images" else _MOST_ASIDE
    wanted = (settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, most)
    with _lock:
        known, made = _clients.get(use, (None, None))
        if made is None or known != wanted:
            if made is not None:
                made.close()
            http = connections.sdk_client(most)
            made = OpenAI(api_key=wanted[0], base_url=wanted[1], max_retries=0, http_client=http)
            _clients[use] = wanted, made
    return made


@contextmanager
def calling(deadline: Deadline) -> Iterator[httpx2.Timeout]:
    """A block in which one call is made and read, within the deadline; whatever goes wrong is a VendorError.

    Gives the `timeout` to call with: the SDK's own holds for each read and would be 600 s where the client had
    none; this one leaves reads to the deadline and bounds the wait for a free connection by it.
    """
    if deadline.has_passed:
        raise VendorError("timeout", "There was no time left to ask OpenAI.")
    timeout = httpx2.Timeout(None, connect=deadlines.CONNECT_S, pool=deadline.left_s())
    try:
        with deadlines.within(deadline):
            yield timeout
    except VendorError:
        raise
    except Exception as error:  # noqa: BLE001 - raised again where it is none of theirs
        raise failure_of(error) from error


def usage_of_image(model: str, reported: Any) -> Usage | None:
    """The tokens of one call of the images API, from its `usage`; None where it reports none, or nonsense.

    Cached tokens are not in the SDK's types; where they come, they are counted as text.
    """
    counts = CountReader()
    total = counts.of(reported, "input_tokens"), counts.of(reported, "output_tokens")
    image_in = min(counts.of(reported, "input_tokens_details", "image_tokens"), total[0])
    cached = min(counts.of(reported, "input_tokens_details", "cached_tokens"), total[0] - image_in)
    text_out = min(counts.of(reported, "output_tokens_details", "text_tokens"), total[1])
    if not counts.is_sound or not total[1]:  # an image has output tokens
        return None
    return _usage(
        model,
        {
            Unit.TEXT_INPUT: total[0] - image_in - cached,
            Unit.CACHED_INPUT: cached,
            Unit.IMAGE_INPUT: image_in,
            Unit.TEXT_OUTPUT: text_out,
            Unit.IMAGE_OUTPUT: total[1] - text_out,
        },
    )


@dataclass(frozen=True, slots=True)
class JsonQuestion:
    """What a text or vision model is asked. `images`: JPEGs. `schema`: of the answer; `name`: what it is called."""

    model: str
    text: str
    name: str
    schema: Mapping[str, object]
    deadline: Deadline
    max_tokens: int
    instructions: str = ""
    images: tuple[str, ...] = ()  # data URLs


def answer_in_json(question: JsonQuestion) -> tuple[str, Usage]:
    """The model's answer, JSON by the schema unless it was cut off, and what the call used.

    Raises VendorError, `refused` where the model or its filter will not answer, with the usage where there is one.
    """
    content: ResponseInputMessageContentListParam = [{"type": "input_text", "text": question.text}]
    content += [{"type": "input_image", "image_url": url, "detail": "low"} for url in question.images]
    with calling(question.deadline) as timeout:
        # Strict schemas: "additionalProperties: false" and every property required, or the API answers 400.
        answer = client("text").responses.with_raw_response.create(
            model=question.model,
            instructions=question.instructions or omit,
            input=[{"role": "user", "content": content}],
            text={
                "format": {
                    "type": "json_schema",
                    "name": question.name,
                    "schema": dict(question.schema),
                    "strict": True,
                }
            },
            max_output_tokens=question.max_tokens,
            store=False,  # by default they keep what was asked
            timeout=timeout,
        )
        response = answer.http_response
        request_id = response.headers.get("x-request-id", "")
        try:
            body = read_json(response.content)
        except NotJsonError as error:
            said = "OpenAI answered with no JSON."
            raise unusable(said, request_id=request_id, excerpt=response.text[:4000]) from error
        return _read(body, question.model, request_id)


def _read(body: Any, model: str, request_id: str) -> tuple[str, Usage]:
    usage = _usage_of_response(model, at(body, "usage"))
    told = told_in_success(body)
    parts = list(_parts(at(body, "output")))
    text = "".join(text_at(part, "text") for part in parts if part.get("type") == "output_text")
    if not told.is_empty and not text:
        raise of_body(body, told=told, request_id=request_id, usage=usage)
    refusals = [str(part.get("refusal")) for part in parts if part.get("type") == "refusal"]
    reason = at(body, "incomplete_details", "reason")
    if refusals or reason == "content_filter":
        said = " ".join(refusals)[:300] or "its filter stopped the answer"
        message = f"OpenAI's model refused: {said}"
        raise VendorError("refused", message, usage=usage, status=200, request_id=request_id)
    if not text and reason != "max_output_tokens":
        message = "OpenAI's answer holds no text."
        raise unusable(message, request_id=request_id, usage=usage, excerpt=json.dumps(body)[:4000])
    return text, usage


def _parts(output: Any) -> Iterator[dict[str, Any]]:
    """The parts of its messages."""
    for item in objects(output):
        if item.get("type") == "message":
            yield from objects(item.get("content"))


def _usage_of_response(model: str, reported: Any) -> Usage:
    """What was used; nothing is named where they report none, or nonsense: it is not known then."""
    counts = CountReader()
    inputs, outputs = counts.of(reported, "input_tokens"), counts.of(reported, "output_tokens")
    cached = min(inputs, counts.of(reported, "input_tokens_details", "cached_tokens"))
    if not counts.is_sound:
        return Usage("openai", model)
    return _usage(
        model, {Unit.TEXT_INPUT: inputs - cached, Unit.CACHED_INPUT: cached, Unit.TEXT_OUTPUT: outputs}
    )


def _usage(model: str, units: Mapping[Unit, int]) -> Usage:
    return Usage("openai", model, {unit: count for unit, count in units.items() if count})
