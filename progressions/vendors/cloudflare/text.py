"""Asking Workers AI's text and vision models: three forms of request, and answers of several shapes."""

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PIL import Image

from dali.lib.calls.answers.json_reading import CountReader, at
from dali.lib.calls.answers.usage import Unit, Usage
from dali.lib.clock import Deadline
from dali.lib.pictures.fitting import contain
from dali.lib.pictures.images import CPU_GATE
from progressions.vendors.cloudflare import api
from progressions.vendors.cloudflare.failures import CloudflareError, unusable
from progressions.vendors.cloudflare.image_models import SERVICE

# "JSON Mode couldn't be met": the model did not keep to the schema; an answer, if a bad one (read November 2026).
UNMET = "JSON Mode couldn't be met"
_SIDE_BY_SIDE = "\n\nThe images stand side by side in one picture, in this order from left to right."
_GAP_PX = 16
# A picture beside others is at most so many times as wide as they are high.
_WIDEST = 2
Form = Literal["image", "messages", "chat"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a model is asked. `images`: JPEG files. `schema`: of the answer; `name` is what it is called, a word."""

    model: str
    text: str
    schema: Mapping[str, object]
    deadline: Deadline
    instructions: str = ""
    images: Sequence[bytes] = ()
    name: str = "answer"
    max_tokens: int = 1000


def form_of(model: str) -> Form:
    """How a model is asked.

    `image`: llama-3.2 vision, whose messages are text alone and whose one picture stands beside them; it has no
    `response_format`. `messages`: parts of content with `data:` addresses, `response_format` with a plain schema,
    answered by `response`. `chat`: as OpenAI's chat completions, also in their answer: the newer models.
    """
    if "llama-3.2" in model and "vision" in model:
        return "image"
    return "messages" if model.startswith(("@cf/meta/", "@hf/", "@cf/mistral/", "@cf/defog/")) else "chat"


def ask(asked: Asked) -> tuple[str, Usage]:
    """The answer's text, JSON as far as the model kept to it, and what it used; never empty.

    Raises CloudflareError. That JSON mode failed is told as text: the caller asks again as for any bad answer.
    """
    make = {"image": _with_one_image, "messages": _with_messages, "chat": _with_chat}[form_of(asked.model)]
    try:
        answer = api.api("text").run(asked.model, asked.deadline, json=make(asked))
    except CloudflareError as error:
        if UNMET in str(error):
            return UNMET, Usage(SERVICE, asked.model)
        raise
    usage = _usage(asked.model, answer.result)
    text = _text(answer.result)
    if not text:
        said = str(answer.result)[:2000] if answer.result is not None else repr(answer.content[:200])
        raise unusable("Workers AI's answer holds no text.", answer.status, answer.request_id, said, usage)
    return text, usage


def _with_one_image(asked: Asked) -> dict[str, object]:
    """No arrays as content (5006 oneOf), no system message beside an image: all of it is the user's one message."""
    text = f"{asked.instructions}\n\n{asked.text}".strip()
    if len(asked.images) > 1:
        text += _SIDE_BY_SIDE
    text += f"\n\nAnswer with JSON alone, by this JSON Schema:\n{json.dumps(asked.schema)}"
    body: dict[str, object] = {
        "messages": [{"role": "user", "content": text}],
        "max_tokens": asked.max_tokens,  # 256 where none is said: half a verdict
        "temperature": 0,
    }
    if asked.images:
        body["image"] = base64.b64encode(side_by_side(asked.images)).decode()
    return body


def _with_messages(asked: Asked) -> dict[str, object]:
    """`json_schema` is the schema itself, without a name around it."""
    return {
        "messages": _messages(asked),
        "response_format": {"type": "json_schema", "json_schema": asked.schema},
        "max_tokens": asked.max_tokens,
        "temperature": 0,
    }


def _with_chat(asked: Asked) -> dict[str, object]:
    named = {"name": asked.name, "schema": asked.schema, "strict": True}
    return {
        "messages": _messages(asked),
        "response_format": {"type": "json_schema", "json_schema": named},
        "max_completion_tokens": asked.max_tokens,
        "temperature": 0,
        "chat_template_kwargs": {"enable_thinking": False},  # on by default, and paid as output
    }


def _messages(asked: Asked) -> list[dict[str, object]]:
    system: list[dict[str, object]] = []
    if asked.instructions:
        system.append({"role": "system", "content": asked.instructions})
    if not asked.images:
        return [*system, {"role": "user", "content": asked.text}]
    parts: list[dict[str, object]] = [{"type": "text", "text": asked.text}]
    for image in asked.images:
        address = f"data:image/jpeg;base64,{base64.b64encode(image).decode()}"
        parts.append({"type": "image_url", "image_url": {"url": address}})
    return [*system, {"role": "user", "content": parts}]


def side_by_side(images: Sequence[bytes]) -> bytes:
    """One picture of all of them, side by side and equally high, for a model that takes one."""
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
    """`response`, which JSON mode makes an object of, or the first choice's message."""
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
    """Tokens as they report them; pictures are among those of the input. Empty where they report none, or nonsense."""
    counts, names = CountReader(), {Unit.TEXT_INPUT: "prompt_tokens", Unit.TEXT_OUTPUT: "completion_tokens"}
    reported = at(result, "usage")
    units = {
        unit: counts.of(reported, name) for unit, name in names.items() if at(reported, name) is not None
    }
    return Usage(SERVICE, model, units if counts.is_sound else {})
