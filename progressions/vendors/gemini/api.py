"""The Gemini Developer API through Google's SDK: clients, calls, and how their answers are read.

Answers are read as plain JSON, not as the SDK's types, which reject a whole answer because of one wrong member.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import httpx2
from django.conf import settings
from google import genai
from google.genai import types

from dali.lib.calls import connections, deadlines
from dali.lib.calls.answers.images import UnreadableImageError, begins_like_image, image_bytes_of
from dali.lib.calls.answers.json_reading import (
    CountReader,
    NotJsonError,
    at,
    json_or_text,
    objects,
    read_json,
    text_at,
)
from dali.lib.calls.answers.usage import Unit, Usage
from dali.lib.calls.failures import VendorError
from dali.lib.calls.outcomes import told_in_success
from dali.lib.clock import Deadline
from progressions.text_model import TextRequest
from progressions.vendors.gemini.failures import (
    RAISED,
    WHO,
    empty,
    failure_of,
    of_body,
    refusal_of,
)

SERVICE = "gemini"
# Connections for judges and text models, separate from those for images.
MOST_ASIDE = 16
# A process needs one or two; tests need one for each server they start.
_MOST_CLIENTS = 8

# The SDK warns that it uses GOOGLE_API_KEY, though a key is passed to it (3.4.0, read November 2026).
logging.getLogger("google_genai").setLevel(logging.ERROR)
_clients: OrderedDict[tuple[str, str, int], tuple[genai.Client, httpx2.Client]] = OrderedDict()
_lock = threading.Lock()


def client(most: int) -> genai.Client:
    """The SDK's client for the current settings, with at most `most` connections; reused, and safe for threads."""
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
        # Never used. The SDK's own would read proxies from the environment (3.4.0, read November 2026).
        httpx_async_client=httpx2.AsyncClient(trust_env=False),
    )
    # Key and mode are passed, so that GOOGLE_API_KEY and GOOGLE_GENAI_USE_VERTEXAI have no effect.
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
    """Calls `models/{model}:generateContent` once, within `deadline`, and returns the answer's JSON.

    Raises VendorError, also for a refusal, which Gemini sends with status 200, and for an answer without parts.
    `paints`: the call asks for an image; an answer with parts is then returned whatever its finish reason, as it was
    paid for.
    """
    left_s = deadline.left_s()
    if left_s <= 0:
        raise VendorError("timeout", "There was no time left to call Google Gemini.")
    once = config.model_copy(
        update={
            # Milliseconds. Also limits the wait for a free connection, and is sent to the server.
            "http_options": types.HttpOptions(timeout=max(1, int(left_s * 1000))),
            # Both would make further requests, each of them charged.
            "automatic_continuation": False,
            "automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True),
            # The plain answer, as the SDK's types reject some answers.
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
        raise of_body(json_or_text(kept.content()), status=kept.status, headers=kept.headers)
    return _checked(model, kept, text or "", paints=paints)


def _checked(model: str, kept: connections.KeptAnswer, text: str, *, paints: bool) -> dict[str, Any]:
    """The answer's JSON if it has parts; otherwise raises VendorError. `text`: the body, if the SDK returned it."""
    is_text = text.startswith(("{", "["))
    content = b"" if is_text else kept.content()
    if paints and begins_like_image(content):
        return {"candidates": [{"content": {"parts": [{"inlineData": {"data": content}}]}}]}
    try:
        body = read_json(text if is_text else content)
    except NotJsonError:
        body = None
    if isinstance(body, list) and len(body) == 1:  # the form of `streamGenerateContent`
        body = body[0]
    if not isinstance(body, dict):
        raise VendorError.unusable(f"{WHO}'s answer is not JSON.", excerpt=content or kept.content())
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
    """The parts of the answer, without the model's thoughts, which may contain drafts of the image."""
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
    """The image of the answer. Raises VendorError if it has none.

    Of several images the last is used, which users report to be the final one. A draft among the model's thoughts is
    used only if the answer itself has no image (one report each, November 2026): it was paid for.
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
    """The data or file of a part, or None."""
    names = ("inlineData", "inline_data", "fileData", "file_data")
    return next((part[name] for name in names if part.get(name)), None)


def _is_said_to_be_image(part: dict[str, Any]) -> bool:
    """Whether the part's media type is an image's, or missing."""
    blob = _blob_of(part)
    named = at(blob, "mimeType") or at(blob, "mime_type")
    return named is None or str(named).startswith("image/")


def usage_of(model: str, body: Any, *, paints: bool = False) -> Usage | None:
    """The usage that the answer reports in `usageMetadata`; None if the report is missing or invalid.

    Thoughts are charged as text. `promptTokenCount` includes cached tokens (SDK 3.4.0's types, read November 2026).
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


def unknown_usage(model: str) -> Usage:
    """The usage of a call that did not report it."""
    return Usage(SERVICE, model)


def answer_in_json(
    request: TextRequest, *, temperature: float | None = None
) -> tuple[dict[str, Any], str, Usage | None]:
    """The answer's JSON, its text, and the usage if reported. Raises VendorError, as `generate` does."""
    parts = [types.Part(text=request.text)]
    parts += [types.Part.from_bytes(data=image, mime_type="image/jpeg") for image in request.images]
    config = types.GenerateContentConfig(
        response_mime_type="application/json",
        response_json_schema=dict(request.schema),
        temperature=temperature,
        system_instruction=request.instructions or None,
        max_output_tokens=request.max_tokens or None,
    )
    body = generate(MOST_ASIDE, request.model, parts, config, request.deadline)
    return body, text_of(body), usage_of(request.model, body)


def _images(counts: CountReader, details: Any) -> int:
    return sum(
        counts.of(detail, "tokenCount") for detail in objects(details) if detail.get("modality") == "IMAGE"
    )
