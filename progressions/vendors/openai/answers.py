"""Answers of OpenAI's images API and compatible servers: complete or as a stream, JSON or the image itself."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx2
from django.conf import settings

from dali.lib.calls.answers.images import UnreadableImageError, begins_like_image, image_bytes_of
from dali.lib.calls.answers.json_reading import NotJsonError, read_json, text_at
from dali.lib.calls.answers.usage import Usage
from dali.lib.calls.failures import VendorError
from dali.lib.calls.outcomes import told_in_success
from dali.lib.clock import Deadline
from progressions.vendors.openai.failures import of_body


@dataclass(frozen=True, slots=True)
class ImageAnswer:
    """An answer with a success status. `body`: parsed JSON, or the bytes of the image itself."""

    body: Any
    request_id: str

    def image(self, deadline: Deadline, usage: Usage | None) -> bytes:
        """The image. Raises VendorError if the answer reports a failure or has no image."""
        unreadable: UnreadableImageError | None = None
        try:
            content = image_bytes_of(self.body, deadline=deadline, base_url=settings.OPENAI_BASE_URL)
            if content:
                return content
        except UnreadableImageError as error:
            unreadable = error
        told = told_in_success(self.body)
        if not told.is_empty:
            raise of_body(self.body, told=told, request_id=self.request_id, usage=usage)
        message = "OpenAI's answer has no image."
        if unreadable is not None:
            message = f"OpenAI's answer has no readable image: {unreadable}."
        raise VendorError.unusable(
            message,
            request_id=self.request_id,
            usage=usage,
            excerpt=self.body,
            is_unreadable=unreadable is not None,
        ) from unreadable


def whole_of(response: httpx2.Response) -> ImageAnswer:
    """The complete answer. Raises VendorError if it is neither an image nor JSON."""
    content, request_id = response.read(), response.headers.get("x-request-id", "")
    if begins_like_image(content):
        return ImageAnswer(content, request_id)
    try:
        return ImageAnswer(read_json(content), request_id)
    except NotJsonError as error:
        message = "OpenAI's answer is not JSON."
        raise VendorError.unusable(message, request_id=request_id, excerpt=response.text) from error


def last_of(
    response: httpx2.Response, deadline: Deadline, on_partial: Callable[[bytes], None] | None
) -> ImageAnswer:
    """The final event, after passing on every preview; there may be fewer than requested. Raises VendorError."""
    request_id = response.headers.get("x-request-id", "")
    for event in _events_of(response):
        type_ = text_at(event, "type")
        if type_.endswith(".partial_image") and on_partial is not None:
            with suppress(UnreadableImageError):  # a broken preview does no harm
                on_partial(image_bytes_of(text_at(event, "b64_json"), deadline=deadline))
        elif type_.endswith(".completed") or event.get("data") or event.get("b64_json"):
            return ImageAnswer(event, request_id)
        elif event.get("error"):
            raise of_body(event, request_id=request_id)
    raise VendorError.unusable("OpenAI's stream ended without the image.", request_id=request_id)


def _events_of(response: httpx2.Response) -> Iterator[dict[str, Any]]:
    """The events of a stream as they arrive, each with its `type`; anything but a JSON object is skipped."""
    named, data = "", bytearray()
    for line in _lines_of(response):
        name, _, value = line.partition(b":")
        if name == b"event":
            named = value.decode("utf-8", "replace").strip()
        elif name == b"data":
            data += value + b"\n"
        elif not line:
            if event := _event(data):
                yield {"type": named, **event}
            named, data = "", bytearray()
    if event := _event(data):
        yield {"type": named, **event}


def _lines_of(response: httpx2.Response) -> Iterator[bytes]:
    """The lines of the event stream. httpx2's own would also split at characters such as U+2028 in texts."""
    rest = bytearray()
    for chunk in response.iter_bytes():
        rest += chunk
        if b"\n" in chunk:
            *lines, rest = rest.split(b"\n")
            yield from (bytes(line.rstrip(b"\r")) for line in lines)
    yield bytes(rest)


def _event(data: bytearray) -> dict[str, Any]:
    try:
        event = read_json(bytes(data)) if data else {}
    except NotJsonError:
        return {}
    return event if isinstance(event, dict) else {}
