"""A server that speaks OpenAI's images and Responses APIs, and refuses the same requests."""

import base64
import hashlib
import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from tests.vendors.gemini_server import example_of
from tests.vendors.openai_checks import (
    EDIT_FIELDS,
    GENERATE_FIELDS,
    Refused,
    check_image_fields,
    check_response,
    error,
    form_values,
    moderation_body,
    open_parts,
    parse_form,
    refuse,
)
from tests.vendors.server import Answer, Received, VendorServer

KEY = "sk-test-openai-0123456789abcdef"
TEXT_MODELS = ("gpt-5.4-mini", "gpt-5.4-nano", "gpt-5.6-luna", "gpt-6-luna")
_TOKENS = {"low": 196, "medium": 1756, "high": 7024, "xhigh": 15_800, "max": 28_100}


class OpenAIServer(VendorServer):
    """Paints for image models; answers JSON by the schema for others.

    A prompt with "forbidden" is refused, with "outlawed" its result is. The same prompt gives another picture each
    time, as there is no seed. `answer_json` makes the object that models of text or vision answer, from the schema
    and the text of the request; `texts` are answered first, unchanged. `seen`: the images of each request to
    /responses. `partials`: the maximum number of previews, if lower than requested.
    """

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.key = KEY
        self.answer_json: Callable[[Mapping[str, Any], str], object] = lambda schema, _: example_of(schema)
        self.texts: list[str] = []
        self.seen: list[list[Image.Image]] = []
        self.partials = 3
        self._made: Counter[str] = Counter()
        self._counting = threading.Lock()

    def _answer(self, request: Received) -> Answer:
        try:
            answer = self._routed(request)
        except Refused as refused:
            answer = refused.answer
        headers = {**answer.headers, "x-request-id": f"req_{len(self.received):06d}"}
        return Answer(answer.status, answer.body, headers, answer.chunks, answer.chunk_pause_s)

    def _routed(self, request: Received) -> Answer:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            # Their message repeats the key, with stars only in its middle.
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            message = f"Incorrect API key provided: {given[:8]}********{given[-4:]}."
            return error(401, message, "invalid_api_key")
        routes = {
            "/v1/images/generations": self._generate,
            "/v1/images/edits": self._edit,
            "/v1/responses": self._respond,
        }
        if request.method != "POST" or request.path not in routes:
            return error(404, f"Invalid URL ({request.method} {request.path})", None)
        return routes[request.path](request)

    def _generate(self, request: Received) -> Answer:
        values = _parsed(request)
        check_image_fields(values, GENERATE_FIELDS)
        return self._painted(values, None, None, "image_generation")

    def _edit(self, request: Received) -> Answer:
        form = parse_form(request)
        values = form_values(form)
        check_image_fields(values, EDIT_FIELDS)
        image, mask = open_parts(form)
        return self._painted(values, image, mask, "image_edit")

    def _painted(
        self, values: Mapping[str, Any], start: Image.Image | None, mask: Image.Image | None, event: str
    ) -> Answer:
        prompt = values["prompt"]
        if "forbidden" in prompt:
            return Answer.of_json({"error": moderation_body("input")}, 400)
        with self._counting:
            self._made[prompt] += 1
            number = self._made[prompt]
        size = values.get("size", "auto")
        size = "1024x1024" if size == "auto" else size
        width, height = map(int, size.split("x"))
        picture = picture_of(prompt, number, (width, height), start, mask)
        quality = "medium" if values.get("quality", "auto") == "auto" else values["quality"]
        said = {
            "background": values.get("background", "opaque").replace("auto", "opaque"),
            "output_format": values.get("output_format", "png"),
            "quality": quality,
            "size": size,
        }
        previews = min(values.get("partial_images", 0), self.partials) if values.get("stream") else 0
        tokens = round(_TOKENS[quality] * width * height / 1024**2) + 100 * previews
        usage = _usage(prompt, 1 if start else 0, tokens)
        if values.get("stream"):
            return self._streamed(event, picture, said, usage, previews, is_blocked="outlawed" in prompt)
        if "outlawed" in prompt:
            return Answer.of_json({"error": moderation_body("output")}, 400)
        details = {"output_tokens_details": {"image_tokens": tokens, "text_tokens": 0}}
        data = [{"b64_json": _base64(picture, said["output_format"])}]
        return Answer.of_json({"created": 1_790_000_000, "data": data, **said, "usage": usage | details})

    def _streamed(
        self,
        event: str,
        picture: Image.Image,
        said: Mapping[str, str],
        usage: Mapping[str, Any],
        previews: int,
        *,
        is_blocked: bool,
    ) -> Answer:
        created = {"created_at": 1_790_000_000}
        chunks = []
        for index in range(previews):
            blurred = picture.reduce(64 >> (2 * index)).resize(picture.size, Image.Resampling.BILINEAR)
            body = {"partial_image_index": index, "b64_json": _base64(blurred, said["output_format"])}
            chunks.append(_event(f"{event}.partial_image", {**body, **said, **created}))
        if is_blocked:
            chunks.append(_event("error", {"error": moderation_body("output")}))
        else:
            body = {"b64_json": _base64(picture, said["output_format"]), "usage": usage}
            chunks.append(_event(f"{event}.completed", {**body, **said, **created}))
        return Answer(200, headers={"Content-Type": "text/event-stream"}, chunks=tuple(chunks))

    def _respond(self, request: Received) -> Answer:
        body = _parsed(request)
        text, images = check_response(body, TEXT_MODELS)
        self.seen.append(images)
        if self.texts:
            said = self.texts.pop(0)
        else:
            schema = body.get("text", {}).get("format", {}).get("schema", {"type": "string"})
            said = json.dumps(self.answer_json(schema, text))
        part: dict[str, Any] = {"type": "output_text", "text": said, "annotations": []}
        if "forbidden" in text:
            part = {"type": "refusal", "refusal": "I'm sorry, I can't assist with that."}
        most = body.get("max_output_tokens", 100_000) * 4
        is_cut = len(said) > most
        if is_cut:
            part["text"] = said[:most]
        counted = len(text) // 4 + 85 * len(images), len(said) // 4 + 1
        return Answer.of_json(
            {
                "id": "resp_0123",
                "object": "response",
                "created_at": 1_790_000_000,
                "status": "incomplete" if is_cut else "completed",
                "error": None,
                "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
                "model": f"{body['model']}-2026-03-17",
                "output": [
                    {"id": "rs_1", "type": "reasoning", "summary": []},
                    {
                        "id": "msg_1",
                        "type": "message",
                        "role": "assistant",
                        "status": "completed",
                        "content": [part],
                    },
                ],
                "parallel_tool_calls": True,
                "tool_choice": "auto",
                "tools": [],
                "usage": {
                    "input_tokens": counted[0],
                    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                    "output_tokens": counted[1],
                    "output_tokens_details": {"reasoning_tokens": 0},
                    "total_tokens": sum(counted),
                },
            }
        )


def picture_of(
    prompt: str,
    number: int,
    size: tuple[int, int],
    start: Image.Image | None = None,
    mask: Image.Image | None = None,
) -> Image.Image:
    """The picture of call `number`: shapes from the words; a start image shows through, with every pixel changed."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(f"{number}/{prompt}".encode()).digest()))
    coarse = Image.fromarray(rng.integers(0, 256, (7, 7, 3), dtype=np.uint8))
    painted = coarse.resize(size, Image.Resampling.BICUBIC)
    if start is None:
        return painted
    shown = Image.blend(start.convert("RGB").resize(size), painted, 0.15)
    if mask is None:
        return shown
    keep = mask.getchannel("A").resize(size)
    return Image.composite(shown, painted, keep)


def _parsed(request: Received) -> dict[str, Any]:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise refuse(400, "Unsupported content type.", "unsupported_content_type")
    try:
        body = request.json()
    except ValueError as broken:
        raise refuse(400, "We could not parse the JSON body of your request.", None) from broken
    if not isinstance(body, dict):
        raise refuse(400, "The body must be an object.", None)
    return body


def _usage(prompt: str, images: int, out: int) -> dict[str, Any]:
    text, pictures = len(prompt) // 4 + 1, 1024 * images
    return {
        "input_tokens": text + pictures,
        "input_tokens_details": {"text_tokens": text, "image_tokens": pictures},
        "output_tokens": out,
        "total_tokens": text + pictures + out,
    }


def _event(type: str, body: Mapping[str, Any]) -> bytes:
    return f"event: {type}\ndata: {json.dumps({'type': type, **body})}\n\n".encode()


def _base64(image: Image.Image, format: str) -> str:
    buffer = io.BytesIO()
    if format == "png":
        image.save(buffer, "PNG", compress_level=1)
    else:
        image.save(buffer, format.upper(), quality=80, **({"method": 0} if format == "webp" else {}))
    return base64.b64encode(buffer.getvalue()).decode()
