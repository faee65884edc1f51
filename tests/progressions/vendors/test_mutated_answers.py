"""Each node of a correct answer replaced by something else: a paid image is kept, and nothing breaks inside Dali."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from dali.lib.calls.answers.usage import Unit, Usage
from dali.lib.calls.failures import VendorError
from dali.lib.clock import Deadline
from progressions.enums import Kind
from progressions.errors import ProviderError
from progressions.money.receipts import Receipt
from progressions.provider import Provider, ProviderImage, ProviderRequest
from progressions.vendors.cloudflare.provider import WorkersProvider
from progressions.vendors.gemini.provider import GeminiProvider
from progressions.vendors.openai.provider import OpenAIProvider
from tests.progressions.fakes import picture_bytes
from tests.vendors.mutations import Mutation, mutations
from tests.vendors.server import Answer, Fault, VendorServer

PICTURE = picture_bytes(1)
TEXT = base64.b64encode(PICTURE).decode()
# Correct answers, and the path of the image in each.
OPENAI = {
    "created": 1,
    "data": [{"b64_json": TEXT, "revised_prompt": "a lighthouse"}],
    "background": "opaque",
    "output_format": "png",
    "quality": "low",
    "size": "1024x1024",
    "usage": {
        "input_tokens": 9,
        "input_tokens_details": {"text_tokens": 9, "image_tokens": 0, "cached_tokens": 0},
        "output_tokens": 196,
        "output_tokens_details": {"image_tokens": 196, "text_tokens": 0},
        "total_tokens": 205,
    },
}
GEMINI = {
    "candidates": [
        {
            "content": {
                "parts": [{"text": "Here."}, {"inlineData": {"mimeType": "image/png", "data": TEXT}}],
                "role": "model",
            },
            "finishReason": "STOP",
            "index": 0,
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 9,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 9}],
        "candidatesTokenCount": 1120,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
        "thoughtsTokenCount": 180,
        "totalTokenCount": 1309,
    },
    "modelVersion": "gemini-3.1-flash-image",
    "responseId": "resp-0123",
}
WORKERS = {"result": {"image": TEXT}, "success": True, "errors": [], "messages": []}
SERVICES: dict[str, tuple[Provider, str, dict[str, Any], tuple[str | int, ...]]] = {
    "openai": (OpenAIProvider(), "gpt-image-2.6-flare", OPENAI, ("data", 0, "b64_json")),
    "gemini": (
        GeminiProvider(),
        "gemini-3.1-flash-image",
        GEMINI,
        ("candidates", 0, "content", "parts", 1, "inlineData", "data"),
    ),
    "workers": (WorkersProvider(), "@cf/black-forest-labs/flux-1-schnell", WORKERS, ("result", "image")),
}
FIXTURES = {"openai": "openai_server", "gemini": "gemini_server", "workers": "cloudflare_server"}


@pytest.fixture(params=list(SERVICES))
def service(request: pytest.FixtureRequest) -> str:
    """The name of a service."""
    return str(request.param)


@pytest.fixture
def server(service: str, request: pytest.FixtureRequest) -> VendorServer:
    """Its fake server."""
    found: VendorServer = request.getfixturevalue(FIXTURES[service])
    return found


def ask(service: str, server: VendorServer, answer: Answer) -> ProviderImage:
    """One call that gets that answer."""
    provider, model, _, _ = SERVICES[service]
    server.faults = [Fault(answer=answer)]
    deadline = Deadline.after(20)
    return provider.call(
        ProviderRequest(kind=Kind.GENERATE, prompt="a lighthouse", seed=1, model=model, deadline=deadline)
    )


def every(service: str) -> Iterator[Mutation]:
    return mutations(SERVICES[service][2])


def assert_storable(value: object) -> None:
    """Checks that PostgreSQL accepts it as jsonb."""
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    for text in texts_in(value):
        assert "\x00" not in text


def texts_in(value: object) -> Iterator[str]:
    """Every string and key in a JSON-able value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from texts_in(part)


def test_the_correct_answer_is_accepted(service: str, server: VendorServer) -> None:
    image = ask(service, server, Answer.of_json(SERVICES[service][2]))
    assert image.content == PICTURE
    assert image.usage is not None
    assert image.usage.units


def test_a_readable_image_is_kept_whatever_comes_with_it(service: str, server: VendorServer) -> None:
    place = SERVICES[service][3]
    for mutation in every(service):
        if not mutation.spares(place):
            continue
        where = f"{mutation.path} {mutation.name}"
        try:
            image = ask(service, server, mutation.answer)
        except Exception as error:
            raise AssertionError(where) from error
        assert image.content == PICTURE, where
        receipt = Receipt.of(image)
        assert_storable([receipt.note(1), dict(receipt.meta), receipt.model, receipt.seed])


def test_without_a_readable_image_the_failure_is_the_services(service: str, server: VendorServer) -> None:
    place = SERVICES[service][3]
    for mutation in every(service):
        if mutation.spares(place):
            continue
        where = f"{mutation.path} {mutation.name}"
        try:
            image = ask(service, server, mutation.answer)
        except VendorError as error:
            assert error.outcome in ("provider_error", "invalid_image"), where
            assert error.is_possibly_billed or error.usage is not None, where
            failure = ProviderError.of(error)
            assert_storable([str(failure), failure.excerpt, failure.request_id])
        except Exception as error:
            raise AssertionError(where) from error
        else:
            assert image.content != PICTURE, (
                where
            )  # a word may be base64: whether it decodes is checked elsewhere


@pytest.mark.parametrize("count", [-1, 10**30, True, "196", 1.5, [196], {}])
@pytest.mark.parametrize("service", ["openai", "gemini"], indirect=True)
def test_an_invalid_count_leaves_the_cost_unknown(service: str, server: VendorServer, count: object) -> None:
    body = json.loads(json.dumps(SERVICES[service][2]))
    if service == "openai":
        body["usage"]["output_tokens"] = count
    else:
        body["usageMetadata"]["candidatesTokenCount"] = count
    image = ask(service, server, Answer.of_json(body))
    assert (image.content, image.usage) == (PICTURE, None)


def test_a_usage_with_an_absurd_amount_counts_as_unknown() -> None:
    assert Usage("fake", "fake-1", {Unit.IMAGE: 10**30}).units == {}
    assert Usage("fake", "fake-1", {Unit.IMAGE: -1}).units == {}
    assert Usage("fake", "fake-1", {Unit.IMAGE: 1}).units == {Unit.IMAGE: 1}
