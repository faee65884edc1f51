"""Mutated answers of judges and text models, streams and deliveries: always an outcome, never an exception."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from dali.lib.calls.failures import VendorError
from dali.lib.clock import Deadline
from dali.lib.pictures.images import encode_delivery
from progressions.enums import Judgment, Kind
from progressions.errors import DeliveryError, JudgeError
from progressions.judge import JudgeRequest, judges
from progressions.provider import ProviderRequest
from progressions.text_model import text_models
from progressions.vendors.cloudflare.delivery import CloudflareImagesDelivery
from progressions.vendors.openai.provider import OpenAIProvider
from tests.progressions.pictures import landscape, picture
from tests.progressions.test_text_model_contract import asking
from tests.progressions.vendors.test_mutated_answers import OPENAI, PICTURE, TEXT, assert_storable
from tests.vendors.cloudflare_images_server import ACCOUNT_HASH, CloudflareImagesServer
from tests.vendors.configured import configure
from tests.vendors.mutations import mutations
from tests.vendors.server import Answer, Fault, VendorServer

VERDICT = {
    "notes": ["A lighthouse."],
    "judgment": "pass",
    "tags": ["sea"],
    "retry_suggestion": "",
    "prompt": "a pier",
}
SAID = json.dumps(VERDICT)
RIGHT: dict[str, dict[str, Any]] = {
    "openai": {
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "output": [
            {"type": "reasoning", "summary": []},
            {"type": "message", "content": [{"type": "output_text", "text": SAID, "annotations": []}]},
        ],
        "usage": {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 9},
    },
    "gemini": {
        "candidates": [{"content": {"parts": [{"text": SAID}], "role": "model"}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 9, "thoughtsTokenCount": 5},
        "responseId": "resp-1",
    },
    "workers": {
        "result": {"response": VERDICT, "usage": {"prompt_tokens": 9, "completion_tokens": 9}},
        "success": True,
        "errors": [],
        "messages": [],
    },
}
Serve = Callable[[str], VendorServer]


@pytest.fixture
def serve(request: pytest.FixtureRequest) -> Serve:
    """Starts the fake server of a service."""

    def configured(name: str) -> VendorServer:
        found = configure(request, name)
        assert found is not None
        return found

    return configured


@pytest.mark.parametrize("name", RIGHT)
def test_a_text_models_answer_is_an_object_or_a_failure_of_the_service(name: str, serve: Serve) -> None:
    server, model = serve(name), text_models.get(name)
    server.faults = [Fault(answer=Answer.of_json(RIGHT[name]))]
    assert model.answer(asking(name)).data["prompt"] == "a pier"
    for mutation in mutations(RIGHT[name]):
        where = f"{mutation.path} {mutation.name}"
        server.faults = [Fault(answer=mutation.answer)]
        try:
            answer = model.answer(asking(name))
        except VendorError as error:
            assert error.outcome in ("provider_error", "refused"), where
            assert_storable([str(error), error.excerpt])
        except Exception as error:
            raise AssertionError(where) from error
        else:
            assert_storable([answer.data, answer.usage.as_json()])


@pytest.mark.parametrize("name", RIGHT)
def test_a_judges_answer_is_a_verdict_or_a_failure_of_the_service(name: str, serve: Serve) -> None:
    server = serve(name)
    request = JudgeRequest(Kind.GENERATE, "x", picture(landscape((64, 64))), Deadline.after(300))
    for mutation in mutations(RIGHT[name]):
        where = f"{mutation.path} {mutation.name}"
        server.faults = [Fault(answer=mutation.answer), Fault(answer=mutation.answer)]
        try:
            verdict = judges.get(name).judge(request)
        except JudgeError as error:
            assert_storable(str(error))
        except Exception as error:
            raise AssertionError(where) from error
        else:
            assert_storable([verdict.notes, verdict.tags, [usage.as_json() for usage in verdict.usage]])
            if mutation.path[0] in ("usage", "usageMetadata", "messages", "responseId"):
                assert verdict.judgment == Judgment.PASS, where


def test_a_stream_gives_its_image_whatever_comes_with_it(openai_server: VendorServer) -> None:
    partial = {"type": "image_generation.partial_image", "b64_json": TEXT, "partial_image_index": 0}
    completed = {**OPENAI, "type": "image_generation.completed", "b64_json": TEXT, "data": None}
    previews: list[bytes] = []

    def streamed(*events: str) -> Answer:
        chunks = tuple(f"data: {event}\n\n".encode() for event in events)
        return Answer(200, headers={"Content-Type": "text/event-stream"}, chunks=chunks)

    def ask(answer: Answer) -> bytes:
        openai_server.faults = [Fault(answer=answer)]
        return (
            OpenAIProvider()
            .call(
                ProviderRequest(
                    kind=Kind.GENERATE,
                    prompt="a pier",
                    seed=1,
                    model="gpt-image-2.6-flare",
                    deadline=Deadline.after(20),
                    options={"partial_images": 1},
                    on_partial=previews.append,
                )
            )
            .content
        )

    assert ask(streamed(json.dumps(partial), json.dumps(completed))) == PICTURE
    assert previews == [PICTURE]
    for mutation in mutations(partial):
        first = mutation.answer.body.decode()
        assert ask(streamed("[DONE]", first, "5", "{", json.dumps(completed))) == PICTURE, mutation
    for mutation in mutations(completed):
        if mutation.path[0] in ("b64_json", "type"):
            continue
        assert ask(streamed(mutation.answer.body.decode())) == PICTURE, mutation
    pretty = json.dumps(completed, indent=1).replace("\n", "\ndata: ")
    assert ask(streamed(pretty)) == PICTURE
    assert ask(Answer.of_json(OPENAI)) == PICTURE  # a server that does not stream


def test_a_delivery_is_placed_or_fails_as_a_delivery(images_server: CloudflareImagesServer) -> None:
    content = encode_delivery(picture(landscape((64, 64))))
    sha256 = hashlib.sha256(content).hexdigest()
    delivery = CloudflareImagesDelivery()
    address = f"https://imagedelivery.net/{ACCOUNT_HASH}/dali/{sha256}/public"
    result: Mapping[str, object] = {"id": f"dali/{sha256}", "variants": [address], "meta": {}}
    for mutation in mutations({"result": result, "success": True, "errors": [], "messages": []}):
        images_server.faults = [Fault(answer=mutation.answer)]
        try:
            placed = delivery.place(content, sha256)
        except DeliveryError as error:
            assert_storable([str(error), error.public_message])
        except Exception as error:
            raise AssertionError(f"{mutation.path} {mutation.name}") from error
        else:
            assert placed == address
