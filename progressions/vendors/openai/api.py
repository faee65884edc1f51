"""OpenAI's API through its SDK: clients, one deadline for a whole call, usage, answers in JSON.

Answers are read as plain JSON, not as the SDK's types: compatible servers do not always follow these.
"""

import base64
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
from progressions.text_model import TextRequest
from progressions.vendors.openai.failures import failure_of, of_body

# Connections for judges and text models, separate from those for images.
_MOST_ASIDE = 16

_lock = threading.Lock()
_clients: dict[str, tuple[tuple[str, str, int], OpenAI]] = {}


def client(use: Literal["images", "text"]) -> OpenAI:
    """The client for the current settings, reused until they change. Each use has its own connections.

    It never retries. The SDK reads OPENAI_ORG_ID, OPENAI_PROJECT_ID and OPENAI_CUSTOM_HEADERS itself.
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
    """A block that makes one call and reads its answer within the deadline. Raises VendorError if either fails.

    Yields the `timeout` to pass to the SDK: it leaves reading to the deadline and limits the wait for a free
    connection. The SDK's default would allow 600 s for each read.
    """
    if deadline.has_passed:
        raise VendorError("timeout", "There was no time left to call OpenAI.")
    timeout = httpx2.Timeout(None, connect=deadlines.CONNECT_S, pool=deadline.left_s())
    try:
        with deadlines.within(deadline):
            yield timeout
    except VendorError:
        raise
    except Exception as error:  # noqa: BLE001 - failure_of raises unknown errors again
        raise failure_of(error) from error


def usage_of_image(model: str, reported: Any) -> Usage | None:
    """The tokens that the images API reported in `usage`; None if the report is missing or invalid.

    Cached tokens are not in the SDK's types; if reported, they count as text.
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


def answer_in_json(request: TextRequest) -> tuple[str, Usage]:
    """The model's answer, which is JSON by the schema unless it was cut off, and the usage.

    Raises VendorError, with the usage if it is known; `refused` if the model or its filter declines.
    """
    content: ResponseInputMessageContentListParam = [{"type": "input_text", "text": request.text}]
    for image in request.images:
        url = f"data:image/jpeg;base64,{base64.b64encode(image).decode()}"
        content.append({"type": "input_image", "image_url": url, "detail": "low"})
    with calling(request.deadline) as timeout:
        # The API answers 400 unless the schema has "additionalProperties: false" and requires every property.
        answer = client("text").responses.with_raw_response.create(
            model=request.model,
            instructions=request.instructions or omit,
            input=[{"role": "user", "content": content}],
            text={
                "format": {
                    "type": "json_schema",
                    "name": request.name,
                    "schema": dict(request.schema),
                    "strict": True,
                }
            },
            max_output_tokens=request.max_tokens,
            store=False,  # by default OpenAI stores the request
            timeout=timeout,
        )
        response = answer.http_response
        request_id = response.headers.get("x-request-id", "")
        try:
            body = read_json(response.content)
        except NotJsonError as error:
            said = "OpenAI's answer is not JSON."
            raise VendorError.unusable(said, request_id=request_id, excerpt=response.text) from error
        return _read(body, request.model, request_id)


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
        message = "OpenAI's answer has no text."
        raise VendorError.unusable(message, request_id=request_id, usage=usage, excerpt=body)
    return text, usage


def _parts(output: Any) -> Iterator[dict[str, Any]]:
    """The parts of all messages in the output."""
    for item in objects(output):
        if item.get("type") == "message":
            yield from objects(item.get("content"))


def _usage_of_response(model: str, reported: Any) -> Usage:
    """The reported tokens; no units if the report is missing or invalid."""
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
