"""OpenAI's API by its SDK: kept clients, one deadline over a call, what a call used, answers in JSON."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx2
from django.conf import settings
from openai import OpenAI, omit
from openai.types.responses import Response, ResponseInputMessageContentListParam

from dali.lib.clock import Deadline
from dali.lib.vendors import connections, deadlines
from dali.lib.vendors.failures import VendorError
from dali.lib.vendors.openai_failures import failure_of, of_body, unusable
from dali.lib.vendors.usage import Unit, Usage

__all__ = ["OpenAI", "answer_in_json", "calling", "client", "failure_of", "missing", "usage_of_image"]

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
    timeout = httpx2.Timeout(None, connect=connections.CONNECT_S, pool=deadline.left_s())
    try:
        with deadlines.within(deadline):
            yield timeout
    except VendorError:
        raise
    except Exception as error:  # noqa: BLE001 - raised again where it is none of theirs
        raise failure_of(error) from error


def usage_of_image(model: str, reported: object) -> Usage | None:
    """The tokens of one call of the images API, from its `usage`; None where it reports none.

    Cached tokens are not in the SDK's types; where they come, they are counted as text.
    """
    total = _count(reported, "input_tokens"), _count(reported, "output_tokens")
    if not any(total):
        return None
    inputs = getattr(reported, "input_tokens_details", None)
    outputs = getattr(reported, "output_tokens_details", None)
    image_in = min(_count(inputs, "image_tokens"), total[0])
    cached = min(_count(inputs, "cached_tokens"), total[0] - image_in)
    text_out = min(_count(outputs, "text_tokens"), total[1])
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
        response: object = client("text").responses.create(
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
        if not isinstance(response, Response):
            raise unusable("OpenAI answered with no JSON.", excerpt=response)
        return _read(response, question.model)


def _read(response: Response, model: str) -> tuple[str, Usage]:
    usage = _usage_of_response(model, response)
    request_id = response._request_id or ""  # noqa: SLF001 - documented by the SDK
    if response.error is not None:
        failed = {name: getattr(response.error, name, None) for name in ("code", "message", "type")}
        raise of_body(failed, request_id=request_id, usage=usage)
    parts = list(_parts(response.output))
    refusals = [str(part.refusal) for part in parts if part.type == "refusal"]
    reason = response.incomplete_details.reason if response.incomplete_details else None
    if refusals or reason == "content_filter":
        said = " ".join(refusals)[:300] or "its filter stopped the answer"
        message = f"OpenAI's model refused: {said}"
        raise VendorError("refused", message, usage=usage, status=200, request_id=request_id)
    text = "".join(str(part.text or "") for part in parts if part.type == "output_text")
    if not text and reason != "max_output_tokens":
        message = "OpenAI's answer holds no text."
        raise unusable(message, request_id=request_id, usage=usage, excerpt=response)
    return text, usage


def _parts(output: object) -> Iterator[Any]:
    """The parts of its messages; nothing is checked by the SDK, so a list may be anything."""
    for item in output if isinstance(output, list) else []:
        content = getattr(item, "content", None) if getattr(item, "type", "") == "message" else None
        yield from (part for part in content or [] if hasattr(part, "type"))


def _usage_of_response(model: str, response: Response) -> Usage:
    inputs = _count(response.usage, "input_tokens")
    cached = min(inputs, _count(getattr(response.usage, "input_tokens_details", None), "cached_tokens"))
    return _usage(
        model,
        {
            Unit.TEXT_INPUT: inputs - cached,
            Unit.CACHED_INPUT: cached,
            Unit.TEXT_OUTPUT: _count(response.usage, "output_tokens"),
        },
    )


def _usage(model: str, units: Mapping[Unit, int]) -> Usage:
    return Usage("openai", model, {unit: count for unit, count in units.items() if count})


def _count(holder: object, name: str) -> int:
    """A count of tokens; 0 where a server that only resembles OpenAI's leaves it out or says something else."""
    value = getattr(holder, name, None)
    return value if isinstance(value, int) and value > 0 else 0
