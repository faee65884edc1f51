"""A server that speaks the Gemini Developer API's `generateContent`, and refuses the same requests."""

import base64
import binascii
import hashlib
import io
import json
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from tests.vendors.server import Answer, Received, VendorServer

_PATH = re.compile(r"^/(?:v1|v1beta)/models/([^/:]+):generateContent$")
_MOST_BYTES = 20 * 1024 * 1024
_KEY = "AIza-test-gemini-0123456789abcdef"
_TEN = {
    "1:1": (1024, 1024), "2:3": (848, 1264), "3:2": (1264, 848), "3:4": (896, 1200), "4:3": (1200, 896),
    "4:5": (928, 1152), "5:4": (1152, 928), "9:16": (768, 1376), "16:9": (1376, 768), "21:9": (1584, 672),
}  # fmt: skip
_FOURTEEN = {**_TEN, "1:4": (512, 2048), "4:1": (2048, 512), "1:8": (384, 3072), "8:1": (3072, 384)}
_SCALES = {"512": 0.5, "1K": 1.0, "2K": 2.0, "4K": 4.0}
# Image models: aspect ratios, output tokens by image size (None: the request may give no size), thinking levels.
_IMAGE_MODELS: dict[str, tuple[dict[str, tuple[int, int]], dict[str, int], bool, tuple[str, ...]]] = {
    "gemini-3.1-flash-image": (
        _FOURTEEN, {"512": 747, "1K": 1120, "2K": 1680, "4K": 2520}, True, ("MINIMAL", "HIGH"),
    ),
    "gemini-nano-banana-2.1": (
        _FOURTEEN, {"1K": 1120, "2K": 1680, "4K": 2520}, True, ("MINIMAL", "LOW", "MEDIUM", "HIGH"),
    ),
    "gemini-3-pro-image": (_TEN, {"1K": 1120, "2K": 1120, "4K": 2000}, True, ()),
    "gemini-3.1-flash-lite-image": (_FOURTEEN, {"1K": 1120}, True, ("MINIMAL", "HIGH")),
    "gemini-2.5-flash-image": (_TEN, {"1K": 1290}, False, ()),
}  # fmt: skip
_TEXT_MODELS = ("gemini-3.8-flash", "gemini-3.5-flash-lite")

# Fields by path, camel case; snake case is accepted too, as in the JSON of protocol buffers.
_FIELDS: dict[str, frozenset[str]] = {
    "": frozenset({"contents", "systemInstruction", "generationConfig", "safetySettings", "tools", "store"}),
    "contents": frozenset({"role", "parts"}),
    "systemInstruction": frozenset({"role", "parts"}),
    "parts": frozenset({"text", "inlineData", "thought"}),
    "inlineData": frozenset({"mimeType", "data"}),
    "generationConfig": frozenset({
        "temperature", "topP", "topK", "candidateCount", "maxOutputTokens", "stopSequences", "seed",
        "responseMimeType", "responseSchema", "responseJsonSchema", "responseModalities", "imageConfig",
        "thinkingConfig",
    }),
    "imageConfig": frozenset({"aspectRatio", "imageSize"}),
    "thinkingConfig": frozenset({"thinkingLevel", "thinkingBudget", "includeThoughts"}),
}  # fmt: skip
_OPAQUE = frozenset({"responseSchema", "responseJsonSchema", "safetySettings", "tools"})


class Refused(Exception):  # noqa: N818 - a response, not an error of the tests
    """The request gets this response."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def error(code: int, status: str, message: str, details: list[Any] | None = None, **headers: str) -> Answer:
    """An error in the format of Google's APIs."""
    body: dict[str, object] = {"code": code, "message": message, "status": status}
    if details is not None:
        body["details"] = details
    return Answer.of_json({"error": body}, code, **headers)


def retry_info(delay: str) -> dict[str, object]:
    """The detail that asks for a pause, as "17s"."""
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota_failure(*quota_ids: str) -> dict[str, object]:
    """The detail that lists the exhausted quotas."""
    return {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [
            {"quotaMetric": "generativelanguage.googleapis.com/x", "quotaId": id} for id in quota_ids
        ],
    }


class GeminiServer(VendorServer):
    """Paints for image models; answers JSON by the schema for others.

    A prompt with "forbidden" is blocked; with "outlawed" its result is. Pictures depend only on prompt, seed and the
    images sent, so that a repeated request gives the same picture.
    `answer_json` makes the object that a text or vision model answers, from the schema and the text of the request;
    `texts` are answered first, unchanged.
    """

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.key = _KEY
        self.answer_json: Callable[[Mapping[str, Any], str], object] = lambda schema, _: example_of(schema)
        self.texts: list[str] = []
        self._painting = threading.Lock()

    def _answer(self, request: Received) -> Answer:
        try:
            return self._generate(request)
        except Refused as refused:
            return refused.answer

    def _generate(self, request: Received) -> Answer:
        found = _PATH.match(request.path)
        if request.method != "POST" or found is None:
            raise Refused(Answer(404, b"Not Found", {"Content-Type": "text/html"}))
        key = request.headers.get("x-goog-api-key", "")
        if not key:
            raise Refused(error(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers."))
        if key != self.key:
            info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
            message = "API key not valid. Please pass a valid API key."
            raise Refused(error(400, "INVALID_ARGUMENT", message, [info]))
        if len(request.body) > _MOST_BYTES:
            raise Refused(_invalid("Request payload size exceeds the limit: 20971520 bytes."))
        body = _checked(_parsed(request), "", "")
        model = found[1]
        if model not in _IMAGE_MODELS and model not in _TEXT_MODELS:
            raise Refused(error(404, "NOT_FOUND", f"models/{model} is not found for API version v1."))
        text, images = _contents(body)
        config = body.get("generationConfig", {})
        _check_config(model, config)
        if "forbidden" in text:
            return _blocked_prompt(model, text, images)
        if "outlawed" in text:
            reason = "IMAGE_SAFETY" if model in _IMAGE_MODELS else "SAFETY"
            return _blocked_output(model, text, images, reason)
        if model in _IMAGE_MODELS:
            return self._paint(model, config, text, images)
        return self._write(model, config, text, images)

    def _paint(self, model: str, config: Mapping[str, Any], text: str, images: list[Image.Image]) -> Answer:
        ratios, tokens, _, _ = _IMAGE_MODELS[model]
        shape = config.get("imageConfig", {})
        image_size = shape.get("imageSize", "1K")
        width, height = ratios[shape.get("aspectRatio", "1:1")]
        scale = _SCALES[image_size]
        size = int(width * scale), int(height * scale)
        with self._painting:
            picture = picture_of(text, config.get("seed", 0), size, images[0] if images else None)
            content = _png(picture)
            draft = _png(Image.new("RGB", (64, 64), "red"))
        parts: list[dict[str, Any]] = [
            {"text": "A first draft.", "thought": True},
            {"inlineData": {"mimeType": "image/png", "data": _base64(draft)}, "thought": True},
            {"text": "Here is your image."},
            {"inlineData": {"mimeType": "image/png", "data": _base64(content)}},
        ]
        if config.get("responseModalities") == ["IMAGE"]:
            del parts[2]
        out = [{"modality": "IMAGE", "tokenCount": tokens[image_size]}]
        return _said(model, parts, _usage(text, images, out, thoughts=180))

    def _write(self, model: str, config: Mapping[str, Any], text: str, images: list[Image.Image]) -> Answer:
        if self.texts:
            said = self.texts.pop(0)
        elif config.get("responseMimeType") == "application/json":
            schema = config.get("responseJsonSchema") or config.get("responseSchema") or {}
            said = json.dumps(self.answer_json(schema, text))
        else:
            said = "Certainly."
        parts: list[dict[str, Any]] = (
            [{"text": "Let me see.", "thought": True}, {"text": said}] if said else []
        )
        out = [{"modality": "TEXT", "tokenCount": len(said) // 4}]
        return _said(model, parts, _usage(text, images, out, thoughts=60))


def picture_of(text: str, seed: int, size: tuple[int, int], start: Image.Image | None = None) -> Image.Image:
    """The painted picture: shapes from words and seed, blended with the sent image, if any."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(f"{seed}/{text}".encode()).digest()))
    coarse = Image.fromarray(rng.integers(0, 256, (7, 7, 3), dtype=np.uint8))
    painted = coarse.resize(size, Image.Resampling.BICUBIC)
    if start is None:
        return painted
    shown = start.convert("RGB").resize(size, Image.Resampling.BICUBIC).filter(ImageFilter.DETAIL)
    return Image.blend(shown, painted, 0.15)


def example_of(schema: Mapping[str, Any]) -> Any:
    """A value that fits a JSON Schema."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    kind = next(name for name in kind if name != "null") if isinstance(kind, list) else str(kind).lower()
    if kind == "object":
        return {name: example_of(part) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [example_of(schema.get("items", {}))]
    return {"string": "lighthouse", "integer": 1, "number": 0.9, "boolean": True}.get(str(kind))


def _parsed(request: Received) -> dict[str, Any]:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise Refused(_invalid("Invalid content type."))
    try:
        body = request.json()
    except ValueError as broken:
        raise Refused(_invalid("Invalid JSON payload received.")) from broken
    if not isinstance(body, dict):
        raise Refused(_invalid("Invalid JSON payload received."))
    return body


def _checked(value: Mapping[str, Any], where: str, path: str) -> dict[str, Any]:
    """The fields in camel case; refuses unknown ones."""
    checked: dict[str, Any] = {}
    for raw, inner in value.items():
        name = re.sub(r"_([a-z])", lambda found: found[1].upper(), raw)
        at = f"{path}.{raw}".lstrip(".")
        if name not in _FIELDS[where]:
            said = f'Invalid JSON payload received. Unknown name "{raw}"'
            said += f" at '{path}': Cannot find field." if path else ": Cannot find field."
            bad = {"@type": "type.googleapis.com/google.rpc.BadRequest"}
            violations = [{"field": path, "description": said}]
            raise Refused(_invalid(said, [{**bad, "fieldViolations": violations}]))
        if name in _FIELDS and name not in _OPAQUE:
            several = isinstance(inner, list)
            made = [
                _checked(each, name, f"{at}[{n}]" if several else at)
                for n, each in enumerate(inner if several else [inner])
            ]
            checked[name] = made if several else made[0]
        else:
            checked[name] = inner
    return checked


def _contents(body: Mapping[str, Any]) -> tuple[str, list[Image.Image]]:
    """All text, and the images, which must be of their declared type."""
    if not body.get("contents"):
        raise Refused(_invalid("* GenerateContentRequest.contents: contents is not specified"))
    texts: list[str] = []
    images: list[Image.Image] = []
    system = [body["systemInstruction"]] if "systemInstruction" in body else []
    for content in [*system, *body["contents"]]:
        for part in content.get("parts", []):
            if ("text" in part) == ("inlineData" in part):
                raise Refused(_invalid("* GenerateContentRequest.contents.parts: data must have one field"))
            if "text" in part:
                texts.append(part["text"])
            else:
                images.append(_image(part["inlineData"]))
    return "\n".join(texts), images


def _image(blob: Mapping[str, Any]) -> Image.Image:
    if blob.get("mimeType") not in ("image/png", "image/jpeg", "image/webp"):
        raise Refused(_invalid(f"Unsupported MIME type: {blob.get('mimeType')}"))
    try:
        content = base64.b64decode(blob["data"].translate(str.maketrans("-_", "+/")), validate=True)
    except (KeyError, binascii.Error) as broken:
        raise Refused(
            _invalid("Invalid value at 'contents' (TYPE_BYTES), Base64 decoding failed")
        ) from broken
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except OSError as broken:
        raise Refused(_invalid("Unable to process input image.")) from broken
    if f"image/{str(image.format).lower()}" != blob["mimeType"]:
        raise Refused(_invalid("Provided image is not valid."))
    return image


def _check_config(model: str, config: Mapping[str, Any]) -> None:
    if not isinstance(config.get("seed", 0), int) or abs(config.get("seed", 0)) >= 2**31:
        raise Refused(_invalid("Invalid value at 'generation_config.seed' (TYPE_INT32)"))
    if not 0 <= config.get("temperature", 1) <= 2 or not 0 <= config.get("topP", 1) <= 1:
        raise Refused(_invalid("* GenerateContentRequest.generation_config: out of range"))
    if model in _TEXT_MODELS:
        if "imageConfig" in config or "IMAGE" in config.get("responseModalities", []):
            raise Refused(_invalid("Model does not support the requested response modalities: image"))
        if "responseJsonSchema" in config and config.get("responseMimeType") != "application/json":
            raise Refused(_invalid("response_json_schema needs response_mime_type application/json"))
        return
    ratios, tokens, takes_size, levels = _IMAGE_MODELS[model]
    shape = config.get("imageConfig", {})
    if config.get("candidateCount", 1) != 1:
        raise Refused(_invalid("Multiple candidates is not enabled for this model"))
    if "responseMimeType" in config:
        raise Refused(_invalid("JSON mode is not enabled for this model"))
    if not set(config.get("responseModalities", ["TEXT", "IMAGE"])) <= {"TEXT", "IMAGE"}:
        raise Refused(_invalid("Invalid value at 'generation_config.response_modalities'"))
    if "aspectRatio" in shape and shape["aspectRatio"] not in ratios:
        raise Refused(_invalid(f"aspect_ratio must be one of {', '.join(ratios)}"))
    if "imageSize" in shape and (not takes_size or shape["imageSize"] not in tokens):
        raise Refused(_invalid("image_size is not supported by this model"))
    if "thinkingConfig" in config and config["thinkingConfig"].get("thinkingLevel") not in levels:
        raise Refused(_invalid("Thinking level is not supported for this model."))


def _invalid(message: str, details: list[Any] | None = None) -> Answer:
    return error(400, "INVALID_ARGUMENT", message, details)


def _said(model: str, parts: list[dict[str, Any]], usage: Mapping[str, Any], reason: str = "STOP") -> Answer:
    candidate: dict[str, Any] = {"finishReason": reason, "index": 0}
    if parts:
        candidate["content"] = {"parts": parts, "role": "model"}
    return _answered(model, {"candidates": [candidate], "usageMetadata": usage})


def _answered(model: str, body: Mapping[str, Any]) -> Answer:
    return Answer.of_json({**body, "modelVersion": model, "responseId": "resp-0123"})


def _blocked_prompt(model: str, text: str, images: list[Image.Image]) -> Answer:
    usage = _usage(text, images, [], thoughts=0)
    return _answered(model, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage})


def _blocked_output(model: str, text: str, images: list[Image.Image], reason: str) -> Answer:
    candidate = {"finishReason": reason, "finishMessage": "Unable to show the generated image.", "index": 0}
    usage = _usage(text, images, [], thoughts=180)
    return _answered(model, {"candidates": [candidate], "usageMetadata": usage})


def _usage(
    text: str, images: list[Image.Image], out: list[dict[str, Any]], *, thoughts: int
) -> dict[str, Any]:
    prompt = [{"modality": "TEXT", "tokenCount": max(1, len(text) // 4)}]
    if images:
        prompt.append({"modality": "IMAGE", "tokenCount": 560 * len(images)})
    usage: dict[str, Any] = {
        "promptTokenCount": sum(detail["tokenCount"] for detail in prompt),
        "promptTokensDetails": prompt,
    }
    if out:
        usage["candidatesTokenCount"] = sum(detail["tokenCount"] for detail in out)
        usage["candidatesTokensDetails"] = out
    if thoughts:
        usage["thoughtsTokenCount"] = thoughts
    usage["totalTokenCount"] = usage["promptTokenCount"] + usage.get("candidatesTokenCount", 0) + thoughts
    return usage


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
