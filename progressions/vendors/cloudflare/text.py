"""Calls of Workers AI's text and vision models: three forms of request, several forms of answer."""

import base64
import io
import json
from collections.abc import Sequence
from typing import Any, Literal

from PIL import Image

from dali.lib.calls.answers.json_reading import CountReader, at
from dali.lib.calls.answers.usage import Unit, Usage
from dali.lib.pictures.fitting import contain
from dali.lib.pictures.images import CPU_GATE
from progressions.text_model import TextRequest
from progressions.vendors.cloudflare import api
from progressions.vendors.cloudflare.failures import CloudflareError
from progressions.vendors.cloudflare.image_models import SERVICE

# The message if the model did not follow the schema (read November 2026). It counts as an unreadable answer.
UNMET = "JSON Mode couldn't be met"
_SIDE_BY_SIDE = "\n\nThe images stand side by side in one picture, in this order from left to right."
_GAP_PX = 16
# The maximum width of an image beside others, in multiples of their height.
_WIDEST = 2
Form = Literal["image", "messages", "chat"]


def form_of(model: str) -> Form:
    """The form of request that a model takes.

    `image`: llama-3.2 vision: messages of text only, one image in a field of its own, no `response_format`.
    `messages`: content parts with `data:` URLs, `response_format` with the plain schema; the answer is in `response`.
    `chat`: requests and answers like OpenAI's chat completions; the newer models.
    """
    if "llama-3.2" in model and "vision" in model:
        return "image"
    return "messages" if model.startswith(("@cf/meta/", "@hf/", "@cf/mistral/", "@cf/defog/")) else "chat"


def ask(request: TextRequest) -> tuple[str, Usage]:
    """The answer's text and its usage. The text is never empty, and JSON if the model followed the schema.

    Raises CloudflareError. If JSON mode fails, the text is UNMET, which the caller handles as an unreadable answer.
    """
    make = {"image": _with_one_image, "messages": _with_messages, "chat": _with_chat}[form_of(request.model)]
    try:
        answer = api.api("text").run(request.model, request.deadline, json=make(request))
    except CloudflareError as error:
        if UNMET in str(error):
            return UNMET, Usage(SERVICE, request.model)
        raise
    usage = _usage(request.model, answer.result)
    text = _text(answer.result)
    if not text:
        raise CloudflareError.unusable(
            "Workers AI's answer has no text.",
            status=answer.status,
            request_id=answer.request_id,
            excerpt=str(answer.result) if answer.result is not None else repr(answer.content[:200]),
            usage=usage,
        )
    return text, usage


def _with_one_image(request: TextRequest) -> dict[str, object]:
    """One user message: the model refuses arrays as content (5006 oneOf), and system messages beside an image."""
    text = f"{request.instructions}\n\n{request.text}".strip()
    if len(request.images) > 1:
        text += _SIDE_BY_SIDE
    text += f"\n\nAnswer with JSON alone, by this JSON Schema:\n{json.dumps(request.schema)}"
    body: dict[str, object] = {
        "messages": [{"role": "user", "content": text}],
        "max_tokens": request.max_tokens,  # the default, 256, cuts a verdict in half
        "temperature": 0,
    }
    if request.images:
        body["image"] = base64.b64encode(side_by_side(request.images)).decode()
    return body


def _with_messages(request: TextRequest) -> dict[str, object]:
    """`json_schema` is the schema itself, without a name."""
    return {
        "messages": _messages(request),
        "response_format": {"type": "json_schema", "json_schema": request.schema},
        "max_tokens": request.max_tokens,
        "temperature": 0,
    }


def _with_chat(request: TextRequest) -> dict[str, object]:
    named = {"name": request.name, "schema": request.schema, "strict": True}
    return {
        "messages": _messages(request),
        "response_format": {"type": "json_schema", "json_schema": named},
        "max_completion_tokens": request.max_tokens,
        "temperature": 0,
        "chat_template_kwargs": {"enable_thinking": False},  # on by default, and charged as output
    }


def _messages(request: TextRequest) -> list[dict[str, object]]:
    system: list[dict[str, object]] = []
    if request.instructions:
        system.append({"role": "system", "content": request.instructions})
    if not request.images:
        return [*system, {"role": "user", "content": request.text}]
    parts: list[dict[str, object]] = [{"type": "text", "text": request.text}]
    for image in request.images:
        address = f"data:image/jpeg;base64,{base64.b64encode(image).decode()}"
        parts.append({"type": "image_url", "image_url": {"url": address}})
    return [*system, {"role": "user", "content": parts}]


def side_by_side(images: Sequence[bytes]) -> bytes:
    """All JPEGs in one, side by side and of the same height, for a model that takes a single image."""
    if len(images) == 1:
        return images[0]
    with CPU_GATE:
        opened = [Image.open(io.BytesIO(image)).convert("RGB") for image in images]
        height = max(image.height for image in opened)
        scaled = [contain(image, (_WIDEST * height, height)) for image in opened]
        width = sum(image.width for image in scaled) + _GAP_PX * (len(scaled) - 1)
        sheet = Image.new("RGB", (width, height), "white")
        left = 0
        for image in scaled:
            sheet.paste(image, (left, 0))
            left += image.width + _GAP_PX
        buffer = io.BytesIO()
        sheet.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _text(result: Any) -> str:
    """The text of `response`, which is an object in JSON mode, or of the first choice's message; empty if none."""
    said = result
    if isinstance(result, dict):
        choices = result.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict):
            message = choices[0].get("message")
            said = message.get("content") if isinstance(message, dict) else choices[0].get("text")
        else:
            said = result.get("response")
    if isinstance(said, str):
        return said.strip()
    return json.dumps(said) if isinstance(said, dict | list) and said else ""


def _usage(model: str, result: Any) -> Usage:
    """The reported tokens; images count as text input. No units if the report is missing or invalid."""
    counts, names = CountReader(), {Unit.TEXT_INPUT: "prompt_tokens", Unit.TEXT_OUTPUT: "completion_tokens"}
    reported = at(result, "usage")
    units = {
        unit: counts.of(reported, name) for unit, name in names.items() if at(reported, name) is not None
    }
    return Usage(SERVICE, model, units if counts.is_sound else {})
