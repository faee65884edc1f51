"""The Gemini Developer API through Google's SDK: one way to make any call, and what a call used.

Answers are read as the JSON that came, not as the SDK's types, which refuse a whole answer for one wrong member.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
from django.conf import settings
from google import genai
from google.genai import types

from dali.lib.calls import connections, deadlines
from dali.lib.calls.answers.images import UnreadableImageError, begins_like_image, image_bytes_of
from dali.lib.calls.answers.json_reading import CountReader, NotJsonError, at, objects, read_json, text_at
from dali.lib.calls.answers.usage import Unit, Usage
from dali.lib.calls.failures import VendorError
from dali.lib.calls.outcomes import told_in_success
from dali.lib.clock import Deadline
from progressions.vendors.gemini.failures import (
    RAISED,
    empty,
    failure_of,
    failure_of_answer,
    not_json,
    of_body,
    refusal_of,
)

SERVICE = "gemini"
# Calls of judges and text models take no connections from those of images.
MOST_ASIDE = 16
# A process has one or two; tests have one for each server they start.
_MOST_CLIENTS = 8

# The SDK warns that it uses GOOGLE_API_KEY, though a key is passed to it (3.4.0, read November 2026).
logging.getLogger("google_genai").setLevel(logging.ERROR)
_clients: OrderedDict[tuple[str, str, int], tuple[genai.Client, httpx2.Client]] = OrderedDict()
_lock = threading.Lock()


def missing() -> list[str]:
    """Names of the settings without which nothing can be called."""
    return [] if settings.GEMINI_API_KEY else ["GEMINI_API_KEY"]


def client(most: int) -> genai.Client:
    """The SDK's client for the settings as they are, with at most `most` connections; kept and shared by threads."""
    key = (settings.GEMINI_API_KEY, settings.GOOGLE_GEMINI_BASE_URL, most)
    with _lock:
        if key not in _clients:
            _clients[key] = _connect(*key)
        _clients.move_to_end(key)
        while len(_clients) > _MOST_CLIENTS:
            _, (_, wire) = _clients.popitem(last=False)
            wire.close()
        return _clients[key][0]


def _connect(api_key: str, base_url: str, most: int) -> tuple[genai.Client, httpx2.Client]:
    wire = connections.sdk_client(most)
    options = types.HttpOptions(
        base_url=base_url,
        retry_options=types.HttpRetryOptions(attempts=1),
        httpx_client=wire,
        # Never used; the SDK would make its own, which reads proxies from the environment (3.4.0, read November 2026).
        httpx_async_client=httpx2.AsyncClient(trust_env=False),
    )
    # Key and mode are given, so that neither GOOGLE_API_KEY nor GOOGLE_GENAI_USE_VERTEXAI can change them.
    return genai.Client(api_key=api_key, vertexai=False, http_options=options), wire


def generate(
    most: int,
    model: str,
    parts: Sequence[types.Part],
    config: types.GenerateContentConfig,
    deadline: Deadline,
    *,
    paints: bool = False,
) -> dict[str, Any]:
    """One call of `models/{model}:generateContent`, never repeated, within `deadline`: the answer's JSON as it came.

    `paints`: an image is asked for; then an answer with parts is given back whatever it says of its end, since it was
    paid. Raises VendorError, also for a refusal, which Gemini says with status 200, and for an answer without any part.
    """
    left_s = deadline.left_s()
    if left_s <= 0:
        raise VendorError("timeout", "There was no time left to ask Google Gemini.")
    once = config.model_copy(
        update={
            # Milliseconds. Bounds the wait for a free connection too, and tells their server when to give up.
            "http_options": types.HttpOptions(timeout=max(1, int(left_s * 1000))),
            # Both would make further requests of their own, paid for each.
            "automatic_continuation": False,
            "automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True),
            # Its types refuse an answer for one wrong member; it is read here.
            "should_return_http_response": True,
        }
    )
    contents = [types.Content(role="user", parts=list(parts))]
    text = None
    with connections.keeping() as kept:
        try:
            with deadlines.within(deadline):
                answer = client(most).models.generate_content(model=model, contents=contents, config=once)
            text = answer.sdk_http_response.body if answer.sdk_http_response else None
        except RAISED as error:
            if not kept.is_whole:
                raise failure_of(error) from error
    if kept.status != 200:
        raise failure_of_answer(kept.status, kept.headers, kept.content())
    return _checked(model, kept, text or "", paints=paints)


def _checked(model: str, kept: connections.KeptAnswer, text: str, *, paints: bool) -> dict[str, Any]:
    """The answer's JSON where it has parts, else what it says of a failure. `text`: the body, where it is one."""
    is_text = text.startswith(("{", "["))
    content = b"" if is_text else kept.content()
    if paints and begins_like_image(content):
        return {"candidates": [{"content": {"parts": [{"inlineData": {"data": content}}]}}]}
    try:
        body = read_json(text if is_text else content)
    except NotJsonError as error:
        raise not_json(content or kept.content()) from error
    if isinstance(body, list) and len(body) == 1:  # as `streamGenerateContent` answers
        body = body[0]
    if not isinstance(body, dict):
        raise not_json(content or kept.content())
    usage = usage_of(model, body, paints=paints)
    has_parts = bool(_every_part(body))
    if (not paints or not has_parts) and (refusal := refusal_of(body, usage)) is not None:
        raise refusal
    if not has_parts:
        told = told_in_success(body)
        if not told.is_empty:
            raise of_body(body, told, status=200, headers=kept.headers, usage=usage)
        raise empty(body, "no content", usage)
    return body


def parts_of(body: Any) -> list[dict[str, Any]]:
    """The parts of the answer, without the model's thoughts, which may hold drafts of the image."""
    return [part for part in _every_part(body) if part.get("thought") is not True]


def _every_part(body: Any) -> list[dict[str, Any]]:
    for candidate in objects(at(body, "candidates")):
        if parts := objects(at(candidate, "content", "parts")):
            return parts
    return []


def text_of(body: Any) -> str:
    """The text of the answer, without the model's thoughts."""
    return "".join(text_at(part, "text") for part in parts_of(body))


def image_of(body: Any, usage: Usage | None, deadline: Deadline) -> bytes:
    """The image of the answer. Raises VendorError: what it says of a failure, or that it holds none.

    Of several the last, which users report to be the final one, and one of the model's thoughts only where the answer
    itself has no place for one (November 2026, one report each): it is paid for.
    """
    unreadable: UnreadableImageError | None = None
    thoughts = [part for part in _every_part(body) if part.get("thought") is True]
    for part in reversed([part for part in parts_of(body) if _blob_of(part)] or thoughts):
        try:
            content = image_bytes_of(part, deadline=deadline, base_url=settings.GOOGLE_GEMINI_BASE_URL)
        except UnreadableImageError as error:
            unreadable = unreadable or error
            continue
        if content and (begins_like_image(content) or _is_said_to_be_image(part)):
            return content
    if (refusal := refusal_of(body, usage)) is not None:
        raise refusal
    lacking = "no image" if unreadable is None else f"no image that can be read: {unreadable}"
    text = text_of(body).strip()
    raise empty(body, lacking, usage, text, is_unreadable=unreadable is not None) from unreadable


def _blob_of(part: dict[str, Any]) -> Any:
    """What a part holds besides text."""
    names = ("inlineData", "inline_data", "fileData", "file_data")
    return next((part[name] for name in names if part.get(name)), None)


def _is_said_to_be_image(part: dict[str, Any]) -> bool:
    """Whether its media type names an image, or is missing."""
    blob = _blob_of(part)
    named = at(blob, "mimeType") or at(blob, "mime_type")
    return named is None or str(named).startswith("image/")


def usage_of(model: str, body: Any, *, paints: bool = False) -> Usage | None:
    """What a call used, by the answer's `usageMetadata`; None where it says nothing, or nonsense.

    Thoughts are charged as text. `promptTokenCount` includes what was cached (SDK 3.4.0's types, read November 2026).
    """
    told, counts = at(body, "usageMetadata"), CountReader()
    if at(told, "promptTokenCount") is None:
        return None
    cached = counts.of(told, "cachedContentTokenCount")
    cached_images = _images(counts, at(told, "cacheTokensDetails"))
    images_in = max(0, _images(counts, at(told, "promptTokensDetails")) - cached_images)
    text_in = counts.of(told, "promptTokenCount") + counts.of(told, "toolUsePromptTokenCount")
    out = counts.of(told, "candidatesTokenCount")
    images_out = min(out, _images(counts, at(told, "candidatesTokensDetails")))
    if paints and not at(told, "candidatesTokensDetails"):
        images_out = out
    units = {
        Unit.TEXT_INPUT: max(0, text_in - cached - images_in),
        Unit.CACHED_INPUT: cached,
        Unit.IMAGE_INPUT: images_in,
        Unit.TEXT_OUTPUT: out - images_out + counts.of(told, "thoughtsTokenCount"),
        Unit.IMAGE_OUTPUT: images_out,
    }
    if not counts.is_sound:
        return None
    return Usage(SERVICE, model, {unit: amount for unit, amount in units.items() if amount})


def known(usage: Usage | None, model: str) -> Usage:
    """The usage, or one that says nothing of how much was used."""
    return usage or Usage(SERVICE, model)


def json_config(
    schema: Mapping[str, object],
    *,
    temperature: float | None = None,
    instructions: str = "",
    most_tokens: int = 0,
) -> types.GenerateContentConfig:
    """The configuration for an answer in JSON of `schema`."""
    return types.GenerateContentConfig(
        response_mime_type="application/json",
        response_json_schema=dict(schema),
        temperature=temperature,
        system_instruction=instructions or None,
        max_output_tokens=most_tokens or None,
    )


def _images(counts: CountReader, details: Any) -> int:
    return sum(
        counts.of(detail, "tokenCount") for detail in objects(details) if detail.get("modality") == "IMAGE"
    )
