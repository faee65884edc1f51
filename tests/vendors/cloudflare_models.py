"""The models of the fake Workers AI: what each accepts, as strictly as the real one, and how it answers."""

import base64
import binascii
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from PIL import Image

# The longest side of a picture that flux-2 accepts.
FLUX_MOST_PX = 512
# `CloudflareServer.text`: the model cannot keep to the schema.
UNMET = "JSON Mode couldn't be met"
VERDICT: Mapping[str, object] = {
    "judgment": "pass",
    "notes": ["The lighthouse stands at dusk."],
    "tags": ["lighthouse", "dusk"],
    "retry_suggestion": "",
}


class BadInputError(Exception):
    """A refusal by the service; the message is theirs."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a schema: `type` is theirs, `least` and `most` limit a number or a text's length."""

    type: str
    least: float | None = None
    most: float | None = None

    def check(self, name: str, value: object) -> None:
        """BadInputError with the message of their validator."""
        if not _is_of(self.type, value):
            raise _bad(f"Type mismatch of '/{name}', '{_type_of(value)}' not in '{self.type}'")
        size: Any = len(value) if isinstance(value, str) else value
        if self.least is not None and size < self.least:
            raise _bad(f"'/{name}' must be >= {self.least:g}")
        if self.most is not None and size > self.most:
            raise _bad(f"'/{name}' must be <= {self.most:g}")


@dataclass(frozen=True, slots=True)
class Model:
    """One model. `pictures`: the fields that contain pictures. `size`: the default size."""

    fields: Mapping[str, Field]
    answers_with: Literal["json", "binary", "text", "chat"]
    required: tuple[str, ...] = ("prompt",)
    pictures: tuple[str, ...] = ()
    size: tuple[int, int] = (1024, 1024)
    is_multipart: bool = False
    is_jpeg: bool = False
    has_licence: bool = False
    needs_data_uri: bool = False

    def check(self, fields: dict[str, Any]) -> None:
        """BadInputError for an unknown or missing field, a wrong type or value; parses the numbers of forms."""
        unknown = [name for name in fields if name not in self.fields]
        if unknown:
            names = ", ".join(f"/{name}" for name in unknown)
            raise _bad(f"Additional or unevaluated properties '{names}' at '/' not allowed")
        missing = [name for name in self.required if name not in fields]
        if missing:
            raise _bad(f"required properties at '/' are '{', '.join(missing)}'")
        for name, value in fields.items():
            wanted = self.fields[name]
            if self.is_multipart and wanted.type in ("integer", "number"):
                fields[name] = _parsed(name, value, wanted.type)
            wanted.check(name, fields[name])
        if "messages" in fields:
            check_messages(fields["messages"], is_of_strings=not self.needs_data_uri)


def check_messages(messages: list[Any], *, is_of_strings: bool) -> None:
    """Messages whose `content` is a string, or parts with text or a picture as a `data:` URL."""
    for message in messages:
        if set(message) != {"role", "content"} or message["role"] not in ("system", "user", "assistant"):
            raise _bad("oneOf at '/' not met: '/messages/0' has other properties")
        content = message["content"]
        if isinstance(content, str):
            continue
        if is_of_strings:
            raise _bad(
                "oneOf at '/' not met, 0 matches: Type mismatch of '/messages/0/content', 'array' not in 'string'"
            )
        for part in content:
            if part["type"] == "image_url":
                url = part["image_url"]["url"]
                if not url.startswith("data:image/"):
                    raise _bad("'/messages/0/content/1/image_url/url' must match pattern '^data:*'")
                _decoded("image_url", base64.b64decode(url.partition(",")[2]))
            elif set(part) != {"type", "text"}:
                raise _bad("'/messages/0/content' has a part of no known type")


def picture_in(name: str, value: object) -> Image.Image:
    """The picture in a field: bytes of a part, base64, or numbers from 0 to 255."""
    if isinstance(value, bytes):
        image = _decoded(name, value)
        if max(image.size) > FLUX_MOST_PX:
            raise _bad(f"'/{name}' is {image.width}x{image.height}: input images must be at most 512x512")
        return image
    if isinstance(value, str):
        try:
            return _decoded(name, base64.b64decode(value, validate=True))
        except binascii.Error:
            raise BadInputError(5004, "AiError: Invalid base64 data") from None
    if isinstance(value, list) and all(type(number) is int and 0 <= number <= 255 for number in value):
        return _decoded(name, bytes(value))
    raise _bad(f"'/{name}' must be an array of 8-bit unsigned integers")


def _decoded(name: str, content: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except (OSError, ValueError) as error:
        raise BadInputError(3010, f"AiError: Invalid image in '/{name}': {error}") from error
    return image


def _bad(what: str) -> BadInputError:
    return BadInputError(5006, f"AiError: Bad input: Error: {what}")


def _parsed(name: str, value: object, wanted: str) -> float:
    try:
        return int(str(value)) if wanted == "integer" else float(str(value))
    except ValueError:
        raise _bad(f"Type mismatch of '/{name}', 'string' not in '{wanted}'") from None


def _is_of(wanted: str, value: object) -> bool:
    if wanted == "file":
        return isinstance(value, bytes)
    if wanted == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return _type_of(value) == wanted


def _type_of(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "file")


_PROMPT = Field("string", 1)
_FLUX_2 = {
    "prompt": _PROMPT,
    "guidance": Field("number"),
    "width": Field("integer", 256, 1920),
    "height": Field("integer", 256, 1920),
    "seed": Field("integer", 0),
    **{f"input_image_{number}": Field("file") for number in range(4)},
}
_INPUTS = tuple(f"input_image_{number}" for number in range(4))
_DIFFUSION = Model(
    {
        "prompt": _PROMPT,
        "negative_prompt": Field("string"),
        "width": Field("integer", 256, 2048),
        "height": Field("integer", 256, 2048),
        "image": Field("array"),
        "image_b64": Field("string"),
        "mask": Field("array"),
        "num_steps": Field("integer", None, 20),
        "strength": Field("number", 0, 1),
        "guidance": Field("number"),
        "seed": Field("integer"),
    },
    "binary",
    pictures=("image", "image_b64", "mask"),
)
_SAYING = {
    "max_tokens": Field("integer"),
    "temperature": Field("number", 0, 5),
    "seed": Field("integer", 1),
    "stream": Field("boolean"),
}
_LLAMA_4 = Model(
    {
        "prompt": _PROMPT,
        "messages": Field("array"),
        "guided_json": Field("object"),
        "response_format": Field("object"),
        **_SAYING,
    },
    "text",
    required=(),
    needs_data_uri=True,
)
MODELS: Mapping[str, Model] = {
    "@cf/black-forest-labs/flux-1-schnell": Model(
        {"prompt": Field("string", 1, 2048), "steps": Field("integer", None, 8)}, "json", is_jpeg=True
    ),
    "@cf/black-forest-labs/flux-2-dev": Model(
        {**_FLUX_2, "steps": Field("integer", 1, 50)},
        "json",
        pictures=_INPUTS,
        size=(1024, 768),
        is_multipart=True,
    ),
    "@cf/black-forest-labs/flux-2-klein-4b": Model(_FLUX_2, "json", pictures=_INPUTS, is_multipart=True),
    "@cf/black-forest-labs/flux-2-klein-9b": Model(_FLUX_2, "json", pictures=_INPUTS, is_multipart=True),
    "@cf/leonardo/lucid-origin": Model(
        {
            "prompt": _PROMPT,
            "guidance": Field("number", 0, 10),
            "seed": Field("integer", 0),
            "width": Field("integer", 0, 2500),
            "height": Field("integer", 0, 2500),
            "num_steps": Field("integer", 1, 40),
            "steps": Field("integer", 1, 40),
        },
        "json",
        size=(1120, 1120),
        is_jpeg=True,
    ),
    "@cf/leonardo/phoenix-1.0": Model(
        {
            "prompt": _PROMPT,
            "guidance": Field("number", 2, 10),
            "seed": Field("integer", 0),
            "width": Field("integer", 0, 2048),
            "height": Field("integer", 0, 2048),
            "num_steps": Field("integer", 1, 50),
            "negative_prompt": Field("string", 1),
        },
        "binary",
        is_jpeg=True,
    ),
    "@cf/stabilityai/stable-diffusion-xl-base-1.0": _DIFFUSION,
    "@cf/lykon/dreamshaper-8-lcm": _DIFFUSION,
    "@cf/runwayml/stable-diffusion-v1-5-img2img": _DIFFUSION,
    "@cf/runwayml/stable-diffusion-v1-5-inpainting": _DIFFUSION,
    "@cf/meta/llama-3.2-11b-vision-instruct": Model(
        {"prompt": _PROMPT, "messages": Field("array"), "image": Field("string"), **_SAYING},
        "text",
        required=(),
        pictures=("image",),
        has_licence=True,
    ),
    "@cf/meta/llama-4-scout-17b-16e-instruct": _LLAMA_4,
    "@cf/meta/llama-3.3-70b-instruct-fp8-fast": Model(
        {"prompt": _PROMPT, "messages": Field("array"), "response_format": Field("object"), **_SAYING},
        "text",
        required=(),
    ),
    "@cf/google/gemma-4-26b-a4b-it": Model(
        {
            "messages": Field("array"),
            "response_format": Field("object"),
            "max_completion_tokens": Field("integer"),
            "chat_template_kwargs": Field("object"),
            **_SAYING,
        },
        "chat",
        required=("messages",),
        needs_data_uri=True,
    ),
}
