"""The requests that OpenAI's API refuses: fields, models, sizes, parts of a form, schemas; with its own messages."""

import base64
import binascii
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from tests.vendors.server import Answer, Received

SIX = ("gpt-image-2.6-flare", "gpt-image-2.6-sunburst")
FIVE = ("gpt-image-2.5-flare", "gpt-image-2.5-sunburst")
FREE = (*SIX, *FIVE, *(f"{name}-2026-09-08" for name in FIVE), "gpt-image-2", "gpt-image-2-2026-04-21")
FIXED = ("gpt-image-1.5", "gpt-image-1-mini", "chatgpt-image-latest")
_DEAD = ("dall-e-2", "dall-e-3", "gpt-image-1", "gpt-4.1-nano", "o4-mini")
_SIZES = ("1024x1024", "1536x1024", "1024x1536", "auto")
_BOTH = frozenset({
    "prompt", "model", "n", "size", "quality", "background", "output_format", "output_compression", "moderation",
    "stream", "partial_images", "complexity", "safety_identifier", "user",
})  # fmt: skip
GENERATE_FIELDS, EDIT_FIELDS = _BOTH, _BOTH | {"input_fidelity"}
_RESPONSE_FIELDS = frozenset({
    "model", "input", "instructions", "text", "max_output_tokens", "store", "temperature", "reasoning",
})  # fmt: skip


class Refused(Exception):  # noqa: N818 - a response, not an error of the tests
    """The request gets this response."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def error_body(message: str, code: str | None, type: str, param: str | None = None) -> dict[str, Any]:
    """The object under `error`."""
    return {"message": message, "type": type, "param": param, "code": code}


def error(
    status: int,
    message: str,
    code: str | None,
    type: str = "invalid_request_error",
    param: str | None = None,
    **headers: str,
) -> Answer:
    """An error in OpenAI's format."""
    return Answer.of_json({"error": error_body(message, code, type, param)}, status, **headers)


def moderation_body(stage: str) -> dict[str, Any]:
    """The error object of a refusal at the stage `input` or `output`."""
    message = "Your request was rejected by the safety system. safety_violations=[violence]."
    body = error_body(message, "moderation_blocked", "image_generation_user_error")
    return body | {"moderation_details": {"moderation_stage": stage, "categories": ["violence"]}}


def refuse(status: int, message: str, code: str | None, param: str | None = None) -> Refused:
    """The exception for an invalid request."""
    return Refused(error(status, message, code, param=param))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a form; a file has a file name and a type."""

    content: bytes
    filename: str = ""
    type: str = ""


@dataclass(slots=True)
class Form:
    """A multipart form: fields as text, `image` or `image[]` parts in order, the mask."""

    fields: dict[str, str] = field(default_factory=dict)
    images: list[Part] = field(default_factory=list)
    mask: Part | None = None


def check_model(model: object, known: tuple[str, ...]) -> None:
    if model is None:
        raise refuse(400, "Missing required parameter: 'model'.", "missing_required_parameter", "model")
    if model in _DEAD or model not in known:
        message = f"The model '{model}' does not exist or you do not have access to it."
        raise refuse(404, message, "model_not_found")


def check_image_fields(values: Mapping[str, Any], known: frozenset[str]) -> None:
    """Fields of a generation or edit, as in JSON."""
    for name in values:
        if name not in known:
            raise refuse(400, f"Unknown parameter: '{name}'.", "unknown_parameter", name)
    check_model(values.get("model"), FREE + FIXED)
    model = values["model"]
    if not values.get("prompt"):
        raise refuse(400, "Missing required parameter: 'prompt'.", "missing_required_parameter", "prompt")
    if len(values["prompt"]) > 32_000:
        raise refuse(400, "Invalid 'prompt': string too long.", "string_above_max_length", "prompt")
    qualities = ("low", "medium", "high", "auto", *(("xhigh", "max") if model in FREE[:6] else ()))
    _check_value(values, "quality", qualities)
    _check_value(values, "background", ("transparent", "opaque", "auto"))
    _check_value(values, "output_format", ("png", "jpeg", "webp"))
    _check_value(values, "moderation", ("low", "auto"))
    _check_value(values, "complexity", ("low", "medium", "high") if model in SIX else ())
    fidelities = {"gpt-image-1.5": ("low", "high"), "gpt-image-1-mini": ("low",)}.get(model, ())
    _check_value(values, "input_fidelity", fidelities)
    _check_number(values, "n", 1, 10)
    _check_number(values, "output_compression", 0, 100)
    _check_number(values, "partial_images", 0, 3)
    if values.get("background") == "transparent" and (
        values.get("output_format") == "jpeg"
        or str(model).startswith("gpt-image-2-")
        or model == "gpt-image-2"
    ):
        raise refuse(400, "Transparent background is not supported.", "invalid_value", "background")
    if "output_compression" in values and values.get("output_format", "png") == "png":
        message = "Compression less than 100 is not supported for PNG output format."
        raise refuse(400, message, "invalid_png_output_compression", "output_compression")
    if values.get("partial_images") and not values.get("stream"):
        raise refuse(400, "partial_images needs stream.", "invalid_value", "partial_images")
    _check_size(str(values.get("size", "auto")), model)


def _check_value(values: Mapping[str, Any], name: str, known: tuple[str, ...]) -> None:
    if name not in values:
        return
    if not known:
        message = f"The model '{values['model']}' does not support the '{name}' parameter."
        raise refuse(400, message, "invalid_input", name)
    if values[name] not in known:
        listed = ", ".join(f"'{value}'" for value in known)
        message = f"Invalid value: '{values[name]}'. Supported values are: {listed}."
        raise refuse(400, message, "invalid_value", name)


def _check_number(values: Mapping[str, Any], name: str, least: int, most: int) -> None:
    value = values.get(name, least)
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse(400, f"Invalid type for '{name}': expected an integer.", "invalid_type", name)
    if not least <= value <= most:
        raise refuse(400, f"Invalid '{name}': out of range.", "integer_above_max_value", name)


def _check_size(size: str, model: str) -> None:
    found = re.fullmatch(r"(\d+)x(\d+)", size)
    is_legal = size in _SIZES
    if found and model in FREE:
        width, height = int(found[1]), int(found[2])
        is_legal = (
            width % 16 == height % 16 == 0
            and max(width, height) <= min(3840, 3 * min(width, height))
            and 655_360 <= width * height <= 8_294_400
        )
    if not is_legal:
        raise refuse(400, f"Invalid value: '{size}'. Supported values are: ...", "invalid_value", "size")


def parse_form(request: Received) -> Form:
    """The parts of a multipart form; refuses unknown and unnamed ones."""
    type_ = request.headers.get("content-type", "")
    found = re.fullmatch(r"multipart/form-data; boundary=(\S+)", type_)
    if not found:
        raise refuse(400, f"Unsupported content type: '{type_}'.", "unsupported_content_type")
    form = Form()
    for raw in request.body.split(b"--" + found[1].encode())[1:-1]:
        head, _, content = raw.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name, part = _part(head.decode(), content.removesuffix(b"\r\n"))
        if name in ("image", "image[]"):
            form.images.append(part)
        elif name == "mask":
            form.mask = part
        elif part.filename:
            raise refuse(400, f"Unknown parameter: '{name}'.", "unknown_parameter", name)
        else:
            form.fields[name] = part.content.decode()
    return form


def _part(head: str, content: bytes) -> tuple[str, Part]:
    said = dict(re.findall(r'(\w+)="([^"]*)"', head))
    type_ = re.search(r"(?i)content-type: (\S+)", head)
    return said["name"], Part(content, said.get("filename", ""), type_[1] if type_ else "")


def form_values(form: Form) -> dict[str, Any]:
    """The form's fields, with numbers and booleans as in JSON."""
    values: dict[str, Any] = dict(form.fields)
    for name in ("n", "output_compression", "partial_images"):
        if name in values and str(values[name]).isdigit():
            values[name] = int(values[name])
    if "stream" in values:
        values["stream"] = values["stream"] == "true"
    return values


def open_parts(form: Form) -> tuple[Image.Image, Image.Image | None]:
    """The first image and the mask (RGBA), decoded and checked."""
    if not form.images:
        raise refuse(400, "Missing required parameter: 'image'.", "missing_required_parameter", "image")
    for part in form.images:
        if part.type not in ("image/png", "image/jpeg", "image/webp"):
            message = f"Invalid file 'image': unsupported mimetype ('{part.type}')."
            raise refuse(400, message, "unsupported_file_mimetype", "image")
    if len(form.images) > 16 or any(len(part.content) >= 50 * 1024 * 1024 for part in form.images):
        raise refuse(413, "Images are too many or too large.", "image_file_too_large", "image")
    image = open_image(form.images[0].content)
    if form.mask is None:
        return image, None
    mask = open_image(form.mask.content)
    if form.mask.type != "image/png" or mask.format != "PNG" or len(form.mask.content) >= 4 * 1024 * 1024:
        raise refuse(400, "The mask must be a PNG of less than 4MB.", "invalid_mask_image_format", "mask")
    if mask.size != image.size:
        message = "Invalid mask image format - mask size does not match image size"
        raise refuse(400, message, "invalid_mask_image_format", "mask")
    if mask.mode not in ("RGBA", "LA"):
        message = "Invalid mask image format - mask image missing alpha channel"
        raise refuse(400, message, "invalid_mask_image_format", "mask")
    return image, mask.convert("RGBA")


def open_image(content: bytes) -> Image.Image:
    """The image, fully decoded."""
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except OSError as broken:
        raise refuse(
            400, "Invalid image file or mode for image 1.", "invalid_image_file", "image"
        ) from broken
    return image


def check_response(body: Mapping[str, Any], known: tuple[str, ...]) -> tuple[str, list[Image.Image]]:
    """A request to /responses: its text and its images."""
    for name in body:
        if name not in _RESPONSE_FIELDS:
            raise refuse(400, f"Unknown parameter: '{name}'.", "unknown_parameter", name)
    check_model(body.get("model"), known)
    form = body.get("text", {}).get("format", {"type": "text"})
    if form["type"] == "json_schema":
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", form.get("name", "")):
            raise refuse(400, "Invalid 'text.format.name'.", "invalid_value", "text.format.name")
        _check_schema(form["schema"], form["name"])
    texts: list[str] = []
    images: list[Image.Image] = []
    for part in [part for message in body.get("input", []) for part in message["content"]]:
        if part["type"] == "input_text":
            texts.append(part["text"])
        elif part["type"] == "input_image" and part.get("detail") in ("low", "high", "auto", "original"):
            images.append(_open_url(part["image_url"]))
        else:
            raise refuse(400, f"Invalid value: '{part['type']}'.", "invalid_value", "input[0].content")
    return "\n".join(texts), images


def _open_url(url: str) -> Image.Image:
    found = re.fullmatch(r"data:image/(png|jpeg|webp);base64,(.+)", url, re.DOTALL)
    if not found:
        raise refuse(400, "Invalid 'input[0].content[1].image_url'.", "invalid_image_url")
    try:
        image = open_image(base64.b64decode(found[2], validate=True))
    except binascii.Error as broken:
        raise refuse(400, "Invalid base64.", "invalid_base64_image") from broken
    if str(image.format).lower() != found[1]:
        raise refuse(400, "The image is not of its type.", "invalid_image_format")
    return image


def _check_schema(schema: Mapping[str, Any], name: str) -> None:
    """Checks a strict schema: objects allow no other fields and require all of theirs."""
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(
            properties
        ):
            message = f"Invalid schema for response_format '{name}': 'additionalProperties' is required to be"
            message += " supplied and to be false, and 'required' to name every key in properties."
            raise refuse(400, message, "invalid_json_schema", "text.format.schema")
        for inner in properties.values():
            _check_schema(inner, name)
    elif kind == "array":
        _check_schema(schema["items"], name)
