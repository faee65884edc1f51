"""Workers AI as it answers `ai/run`, equally strict about each model's fields; other Cloudflare routes can be added.

The schemas are those of its model pages (read November 2026), the messages of refusals as its users report them.
"""

import base64
import email.parser
import email.policy
import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from tests.vendors import cloudflare_models as models
from tests.vendors.cloudflare_images_server import CloudflareImages
from tests.vendors.cloudflare_models import BadInputError
from tests.vendors.configured import CLOUDFLARE_ACCOUNT, CLOUDFLARE_TOKEN
from tests.vendors.server import Answer, Received, VendorServer

# The answer to a request with a valid token; called in order; None means another route.
Route = Callable[[Received], Answer | None]


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of a model whose request was well-formed. `images`: by field, decoded."""

    model: str
    fields: Mapping[str, Any]
    images: Mapping[str, Image.Image] = field(default_factory=dict)


class CloudflareServer(VendorServer):
    """Cloudflare's API. `ran`: the runs so far; `agreed`: models whose licence was accepted; `images`: those stored.

    `text`: the answer of text models, by default a verdict; set it to a text, an object or a function of the
    fields. A prompt with "forbidden" is refused before painting, with "outlawed" after it.
    """

    def __init__(self, account: str = CLOUDFLARE_ACCOUNT, token: str = CLOUDFLARE_TOKEN) -> None:
        super().__init__(self._answer)
        self.ran: list[Ran] = []
        self.agreed: set[str] = set()
        self.text: object = dict(models.VERDICT)
        self.usage: Mapping[str, int] | None = {
            "prompt_tokens": 900,
            "completion_tokens": 60,
            "total_tokens": 960,
        }
        self.images = CloudflareImages()
        self.routes: list[Route] = [self.images.handle]
        self._account, self._token = account, token

    def _answer(self, request: Received) -> Answer:
        found = re.fullmatch(r"/client/v4/accounts/([^/]+)/(.+)", request.path)
        if found is None or found[1] != self._account:
            return failure(
                404, 7003, f"Could not route to {request.path}, perhaps your object identifier is invalid?"
            )
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return failure(401, 10000, "Authentication error")
        for route in self.routes:
            answer = route(request)
            if answer is not None:
                return answer
        if not found[2].startswith("ai/run/"):
            return failure(404, 7000, "No route for that URI")
        if request.method != "POST":
            return failure(405, 5019, "AiError: method not allowed")
        return self._run(request, found[2].removeprefix("ai/run/"))

    def _run(self, request: Received, name: str) -> Answer:
        if name not in models.MODELS:
            return failure(400, 5007, f"No such model {name} or task")
        model = models.MODELS[name]
        try:
            fields = _form(request) if model.is_multipart else _body(request)
            model.check(fields)
            images = {
                part: models.picture_in(part, fields[part]) for part in model.pictures if part in fields
            }
        except BadInputError as error:
            return failure(400, error.code, str(error))
        self.ran.append(Ran(name, fields, images))
        if model.has_licence and name not in self.agreed:
            return self._licence(name, fields)
        words = json.dumps(fields.get("prompt") or fields.get("messages"), default=str).lower()
        if "forbidden" in words:
            return failure(400, 3030, "AiError: AiError: Input prompt contains NSFW content")
        if "outlawed" in words:
            said = "Your output has been flagged. Please choose another prompt / input image combination"
            return failure(400, 3030, f"AiError: AiError: {said}")
        if model.answers_with in ("text", "chat"):
            return self._text(model, fields)
        return _painted(model, fields)

    def _licence(self, name: str, fields: Mapping[str, Any]) -> Answer:
        if fields.get("prompt") == "agree":
            self.agreed.add(name)
            said = "Thank you for agreeing to this model's terms. You may now use the model."
            return failure(403, 5016, f"AiError: AiError: Model Agreement: {said}")
        said = "Prior to using this model, you must submit the prompt 'agree'. By submitting 'agree', you hereby agree"
        return failure(403, 5016, f"AiError: AiError: Model Agreement: {said} to the License.")

    def _text(self, model: models.Model, fields: Mapping[str, Any]) -> Answer:
        said = self.text(fields) if callable(self.text) else self.text
        used = {"usage": dict(self.usage)} if self.usage is not None else {}
        if said == models.UNMET:
            return failure(400, 5024, "AiError: JSON Mode couldn't be met")
        if model.answers_with == "chat":
            text = said if isinstance(said, str) else json.dumps(said)
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return success({"id": "chat-1", "object": "chat.completion", "choices": [choice], **used})
        has_schema = "response_format" in fields
        response = said if has_schema or isinstance(said, str) else json.dumps(said)
        return success({"response": response, "tool_calls": [], **used})


def success(result: object) -> Answer:
    """The envelope of a success."""
    body = {"result": result, "success": True, "errors": [], "messages": []}
    return Answer.of_json(body, cf_ray="8f00ba4-FRA")


def failure(status: int, code: int, message: str, **headers: str) -> Answer:
    """The envelope of a failure."""
    errors = [{"message": message, "code": code}]
    body: dict[str, object] = {
        "result": None if code >= 5000 else {},
        "success": False,
        "errors": errors,
        "messages": [],
    }
    return Answer.of_json(body, status, cf_ray="8f00bad-FRA", **headers)


def picture_of(prompt: str, seed: object, size: tuple[int, int]) -> Image.Image:
    """The painted picture: fields of colours, the same for the same prompt, seed and size."""
    digest = hashlib.sha256(f"{prompt}/{seed}".encode()).digest()
    small = Image.frombytes("RGB", (5, 2), digest[:30])
    return small.resize(size, Image.Resampling.BICUBIC)


def _painted(model: models.Model, fields: Mapping[str, Any]) -> Answer:
    size = int(fields.get("width", model.size[0])), int(fields.get("height", model.size[1]))
    image = picture_of(fields["prompt"], fields.get("seed"), size)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG" if model.is_jpeg else "PNG")
    if model.answers_with == "json":
        return success({"image": base64.b64encode(buffer.getvalue()).decode()})
    # Declared as PNG whatever it is, as the real service sometimes does.
    return Answer(200, buffer.getvalue(), {"Content-Type": "image/png", "cf-ray": "8f00ba4-FRA"})


def _body(request: Received) -> dict[str, Any]:
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise BadInputError(3003, "AiError: missing headers or body")
    try:
        parsed = request.json()
    except ValueError:
        raise BadInputError(3003, "AiError: invalid JSON body") from None
    if not isinstance(parsed, dict):
        raise BadInputError(5006, "AiError: Bad input: Error: Type mismatch of '/', 'array' not in 'object'")
    return parsed


def _form(request: Received) -> dict[str, Any]:
    """The parts of a multipart form: text, or bytes for a part with a filename."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data; boundary="):
        raise BadInputError(5006, "AiError: Bad input: Error: required properties at '/' are 'multipart'")
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request.body)
    fields: dict[str, Any] = {}
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if part.get_filename() is None:
            fields[name] = content.decode()
        elif part.get_content_type() not in ("image/png", "image/jpeg", "image/webp"):
            raise BadInputError(5006, f"AiError: Bad input: Error: '/{name}' is {part.get_content_type()}")
        else:
            fields[name] = content
    return fields
