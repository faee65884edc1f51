"""The Gemini Developer API through Google's SDK: one way to make any call, and what a call used."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import httpx2
from django.conf import settings
from google import genai
from google.genai import types

from dali.lib.clock import Deadline
from dali.lib.vendors import connections, deadlines
from dali.lib.vendors.failures import VendorError
from dali.lib.vendors.gemini_failures import RAISED, empty, failure_of, refusal_of
from dali.lib.vendors.usage import Unit, Usage

SERVICE = "gemini"
# Calls of judges and text models take no connections from those of images.
MOST_ASIDE = 16
# A process has one or two; tests have one for each server they start.
_MOST_CLIENTS = 8

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
) -> types.GenerateContentResponse:
    """One call of `models/{model}:generateContent`, never repeated, within `deadline`.

    `paints`: its output tokens are an image's unless they are told apart. Raises VendorError, also
    for a refusal, which Gemini says with status 200, and for an answer without any part.
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
        }
    )
    contents = [types.Content(role="user", parts=list(parts))]
    try:
        with deadlines.within(deadline):
            response = client(most).models.generate_content(model=model, contents=contents, config=once)
    except RAISED as error:
        raise failure_of(error) from error
    usage = usage_of(model, response, paints=paints)
    refusal = refusal_of(response, usage)
    if refusal is not None:
        raise refusal
    if not parts_of(response):
        raise empty(response, "no content", usage)
    return response


def parts_of(response: types.GenerateContentResponse) -> list[types.Part]:
    """The parts of the answer, without the model's thoughts, which may hold drafts of the image."""
    candidate = response.candidates[0] if response.candidates else None
    parts = candidate.content.parts if candidate and candidate.content else None
    return [part for part in parts or [] if not part.thought]


def text_of(response: types.GenerateContentResponse) -> str:
    """The text of the answer, without the model's thoughts."""
    return "".join(part.text for part in parts_of(response) if part.text)


def usage_of(model: str, response: types.GenerateContentResponse, *, paints: bool = False) -> Usage | None:
    """What a call used, by the answer's `usageMetadata`; None where it says nothing.

    Thoughts are charged as text. `promptTokenCount` includes what was cached (SDK 3.4.0's types, read November 2026).
    """
    told = response.usage_metadata
    if told is None or told.prompt_token_count is None:
        return None
    cached = told.cached_content_token_count or 0
    cached_images = _images(told.cache_tokens_details)
    images_in = max(0, _images(told.prompt_tokens_details) - cached_images)
    text_in = told.prompt_token_count + (told.tool_use_prompt_token_count or 0) - cached - images_in
    out = told.candidates_token_count or 0
    images_out = min(out, _images(told.candidates_tokens_details))
    if paints and not told.candidates_tokens_details:
        images_out = out
    units = {
        Unit.TEXT_INPUT: max(0, text_in),
        Unit.CACHED_INPUT: cached,
        Unit.IMAGE_INPUT: images_in,
        Unit.TEXT_OUTPUT: out - images_out + (told.thoughts_token_count or 0),
        Unit.IMAGE_OUTPUT: images_out,
    }
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


def _images(details: list[types.ModalityTokenCount] | None) -> int:
    return sum(
        detail.token_count or 0 for detail in details or [] if detail.modality == types.MediaModality.IMAGE
    )
