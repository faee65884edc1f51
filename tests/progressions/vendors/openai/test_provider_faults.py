"""Every failure of OpenAI through its SDK: the outcome, whether it may have been billed, and never a retry."""

import base64
import email.utils
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from threading import Thread

import pytest
from pytest_django.fixtures import Settings

from dali.lib.calls.failures import Outcome, VendorError
from dali.lib.clock import Deadline
from dali.lib.pictures.images import InvalidImageError, decode
from progressions.enums import Kind
from progressions.provider import ProviderRequest
from progressions.vendors.openai.provider import OpenAIProvider
from tests.conftest import free_port
from tests.progressions.pictures import landscape, png
from tests.vendors.openai_checks import error, error_body
from tests.vendors.openai_server import KEY, OpenAIServer
from tests.vendors.server import Answer, Fault, halved, html
from tests.waiting import wait_until

OPENAI = OpenAIProvider()
ASKED = ProviderRequest(
    kind=Kind.GENERATE, prompt="a lighthouse", seed=1, model="gpt-image-2.6-flare", deadline=Deadline(0)
)


def failure(
    prompt: str = "a lighthouse",
    *,
    within_s: float = 30,
    kind: Kind = Kind.GENERATE,
    options: Mapping[str, object] | None = None,
) -> VendorError:
    """The failure of a call; with `partial_images` among the options it is streamed."""
    wanted = replace(
        ASKED,
        kind=kind,
        prompt=prompt,
        deadline=Deadline.after(within_s),
        start_image=None if kind == Kind.GENERATE else png(landscape()),
        options=options or {},
        on_partial=lambda _: None,
    )
    with pytest.raises(VendorError) as caught:
        OPENAI.call(wanted)
    return caught.value


def rate_limited(message: str = "Rate limit reached.", **headers: str) -> Answer:
    return error(429, message, "rate_limit_exceeded", "requests", **headers)


def test_a_rate_limit_says_how_long_to_wait(openai_server: OpenAIServer) -> None:
    date = email.utils.formatdate(time.time() + 30, usegmt=True)
    answers = [
        rate_limited(retry_after="7"),
        rate_limited(retry_after="7", retry_after_ms="2500"),
        rate_limited(retry_after=date),
        rate_limited("Rate limit reached for images per min: Limit 5. Please try again in 12s."),
        rate_limited("Please try again in 1m2.5s."),
        rate_limited("Please try again in 250ms."),
        rate_limited(),
    ]
    openai_server.faults = [Fault(answer=answer) for answer in answers]
    found = [failure() for _ in answers]
    assert {error.outcome for error in found} == {"rate_limited"}
    assert all(error.is_retryable and not error.is_possibly_billed for error in found)
    pauses = [error.retry_after_s for error in found]
    assert pauses[:2] == [7, 2.5]
    assert pauses[2] is not None
    assert 20 < pauses[2] <= 30
    assert pauses[3:] == [12, 62.5, 0.25, None]
    assert len(openai_server.received) == len(answers)


@pytest.mark.parametrize(
    ("answer", "outcome", "is_retryable"),
    [
        (
            error(429, "You exceeded your current quota.", "insufficient_quota", "insufficient_quota"),
            "quota",
            False,
        ),
        (error(400, "Billing hard limit has been reached", "billing_hard_limit_reached"), "quota", False),
        (error(402, "Pay first.", None), "quota", False),
        (error(500, "The server had an error.", None, "server_error"), "provider_error", True),
        (error(503, "The engine is currently overloaded.", None, "server_error"), "provider_error", True),
        (error(503, "Slow down.", "slow_down", "server_error"), "rate_limited", True),
        (error(529, "Overloaded.", None), "provider_error", True),
        (html(502), "provider_error", True),
        (error(409, "Try again.", None), "provider_error", True),
        (error(403, "Your organization must be verified.", None), "provider_error", False),
        (error(404, "No such model.", "model_not_found"), "provider_error", False),
        (error(422, "No.", None), "provider_error", False),
        (Answer(307, b"", {"Location": "http://127.0.0.1:9/"}), "provider_error", False),
        (Answer.of_json({"error": "no auth"}, 403), "provider_error", False),
        (Answer.of_json(["odd"], 400), "provider_error", False),
    ],
)
def test_an_error_status_has_its_outcome_and_is_not_billed(
    openai_server: OpenAIServer, answer: Answer, outcome: Outcome, is_retryable: bool
) -> None:
    openai_server.faults = [
        Fault(answer=replace(answer, headers={**answer.headers, "x-request-id": "req_9"}))
    ]
    found = failure()
    assert (found.outcome, found.is_retryable, found.is_possibly_billed) == (outcome, is_retryable, False)
    assert (found.status, found.request_id) == (answer.status, "req_9")
    assert str(answer.status) in str(found)
    assert len(openai_server.received) == 1


def test_a_gateway_timeout_may_have_been_billed(openai_server: OpenAIServer) -> None:
    openai_server.faults = [Fault(answer=html(504))]
    found = failure()
    assert (found.outcome, found.is_retryable, found.is_possibly_billed) == ("timeout", True, True)


@pytest.mark.parametrize("kind", [Kind.GENERATE, Kind.EDIT])
def test_moderation_refuses_permanently_before_and_after(openai_server: OpenAIServer, kind: Kind) -> None:
    before, after = failure("a forbidden thing", kind=kind), failure("an outlawed thing", kind=kind)
    assert [before.outcome, after.outcome] == ["refused", "refused"]
    assert not before.is_retryable
    assert str(before) == "OpenAI's safety system refused the prompt or image: violence."
    assert str(after) == "OpenAI's safety system refused the image that was made: violence."
    assert (before.status, before.request_id) == (400, "req_000001")


@pytest.mark.parametrize(
    "answer",
    [
        error(400, "litellm.BadRequestError: Your request was rejected by the safety system.", "400"),
        error(400, "OpenAIException - safety_violations=[violence]", "400"),
        error(400, "Your request was rejected as a result of our safety system.", None),
        error(500, "litellm.ContentPolicyViolationError: content_policy_violation", "500"),
        Answer.of_json({"error": {"code": "moderation_blocked", "message": "No."}}),
        Answer.of_json({"created": 1, "data": [], "error": {"code": "contentFilter"}}),
        Answer.of_json({"data": [{"content_filter_results": {"hate": {"filtered": True}}}]}),
        Answer.of_json({"error": {"code": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}, 400),
    ],
)
def test_a_refusal_that_comes_through_a_gateway_is_one(openai_server: OpenAIServer, answer: Answer) -> None:
    openai_server.faults = [Fault(answer=answer)]
    found = failure()
    assert (found.outcome, found.is_retryable, found.is_possibly_billed) == ("refused", False, False)
    assert "safety system" in str(found)
    assert len(openai_server.received) == 1


def test_moderation_refuses_in_a_stream_as_well(openai_server: OpenAIServer) -> None:
    found = failure("an outlawed thing", options={"partial_images": 1})
    assert (found.outcome, found.is_retryable) == ("refused", False)
    assert str(found) == "OpenAI's safety system refused the image that was made: violence."


@pytest.mark.parametrize(
    "fault",
    [
        Fault(edit=halved),
        Fault(answer=Answer(200, b"")),
        Fault(answer=Answer(200, b"\xff\xfe{}")),
        Fault(answer=html()),
        Fault(answer=Answer.of_json({"created": 1, "data": []})),
        Fault(answer=Answer.of_json({"created": 1, "data": None})),
        Fault(answer=Answer.of_json({})),
        Fault(answer=Answer.of_json([])),
        Fault(answer=Answer.of_json({"data": [None]})),
        Fault(answer=Answer.of_json({"data": [{"b64_json": ""}]})),
    ],
    ids=[
        "broken-json", "nothing", "no-utf-8", "html", "no-image", "null", "empty", "a-list", "a-null", "no-bytes",
    ],
)  # fmt: skip
def test_an_answer_without_an_image_is_an_error_that_may_be_billed(
    openai_server: OpenAIServer, fault: Fault
) -> None:
    openai_server.faults = [fault]
    found = failure()
    assert (found.outcome, found.is_retryable, found.is_possibly_billed) == ("provider_error", True, True)
    assert len(openai_server.received) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"data": "***"},
        {"data": [{"url": "https://127.0.0.1/a.png"}]},
        {"data": [{"b64_json": "a picture"}]},
        {"data": [{"b64_json": "data:image/png"}]},
    ],
    ids=["a-word", "an-inside-address", "no-base64", "no-data"],
)
def test_unreadable_data_in_place_of_the_image_is_not_requested_again(
    openai_server: OpenAIServer, body: dict[str, object]
) -> None:
    openai_server.faults = [Fault(answer=Answer.of_json(body))]
    found = failure()
    assert (found.outcome, found.is_retryable, found.is_possibly_billed) == ("invalid_image", False, True)
    assert len(openai_server.received) == 1


def test_the_usage_of_an_answer_without_an_image_is_known(openai_server: OpenAIServer) -> None:
    def emptied(answer: Answer) -> Answer:
        return Answer.of_json({**json.loads(answer.body), "data": []})

    openai_server.faults = [Fault(edit=emptied)]
    assert failure().usage is not None


def test_bytes_that_are_not_a_picture_are_passed_on_to_the_caller(openai_server: OpenAIServer) -> None:
    def garbled(answer: Answer) -> Answer:
        return Answer.of_json({"data": [{"b64_json": base64.b64encode(b"GIF89a, or so").decode()}]})

    openai_server.faults = [Fault(edit=garbled)]
    answer = OPENAI.call(replace(ASKED, deadline=Deadline.after(30)))
    assert answer.content == b"GIF89a, or so"
    with pytest.raises(InvalidImageError):
        decode(answer.content)


def test_json_with_another_media_type_is_read(openai_server: OpenAIServer) -> None:
    openai_server.faults = [Fault(edit=lambda answer: replace(answer, headers={"Content-Type": "text/html"}))]
    found = OPENAI.call(replace(ASKED, deadline=Deadline.after(30)))
    assert decode(found.content).image.size == (1024, 1024)


@pytest.mark.parametrize("options", [{}, {"partial_images": 2}], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", [Kind.GENERATE, Kind.EDIT])
@pytest.mark.parametrize("way", ["cut", "reset"])
def test_a_broken_connection_is_an_error_that_may_be_billed(
    openai_server: OpenAIServer, way: str, kind: Kind, options: Mapping[str, object]
) -> None:
    openai_server.faults = [Fault(way=way)]  # type: ignore[arg-type] # a literal
    found = failure(kind=kind, options=options)
    assert (found.outcome, found.is_retryable, found.is_possibly_billed) == ("provider_error", True, True)
    assert "The connection to OpenAI was cut" in str(found)
    assert len(openai_server.received) == 1


@pytest.mark.parametrize("options", [{}, {"partial_images": 2}], ids=["whole", "streamed"])
@pytest.mark.parametrize("way", ["hang", "drip"])
def test_the_deadline_ends_a_call_that_hangs_or_drips(
    openai_server: OpenAIServer, way: str, options: Mapping[str, object]
) -> None:
    openai_server.faults = [Fault(way=way)]  # type: ignore[arg-type] # a literal
    found = failure(within_s=3, options=options)
    assert (found.outcome, found.is_retryable, found.is_possibly_billed) == ("timeout", True, True)
    assert len(openai_server.received) == 1


def test_a_call_without_time_is_not_made(openai_server: OpenAIServer) -> None:
    found = failure(within_s=-1)
    assert (found.outcome, found.is_possibly_billed) == ("timeout", False)
    assert openai_server.received == []


def test_an_unreachable_server_costs_nothing(openai_server: OpenAIServer, settings: Settings) -> None:
    settings.OPENAI_BASE_URL = f"http://127.0.0.1:{free_port()}/v1"
    found = failure()
    assert (found.outcome, found.is_retryable, found.is_possibly_billed) == ("provider_error", True, False)
    assert "could not be made (ConnectError)" in str(found)


def test_a_call_that_waits_for_a_connection_ends_at_its_deadline(
    openai_server: OpenAIServer, settings: Settings
) -> None:
    settings.OPENAI_CONCURRENCY = 1
    openai_server.faults = [Fault(way="hang")]
    first = Thread(target=lambda: failure(within_s=600))
    first.start()
    wait_until(lambda: openai_server.received, "the first call holds the connection")
    second = failure(within_s=0.5)
    assert (second.outcome, second.is_possibly_billed) == ("timeout", False)
    assert first.is_alive()
    openai_server.let_go()
    first.join()
    assert openai_server.most_connections == 1


def test_a_wrong_key_is_reported_without_the_key(openai_server: OpenAIServer) -> None:
    openai_server.key = "sk-another"
    found = failure()
    assert (found.outcome, found.is_retryable, found.status) == ("provider_error", False, 401)
    assert str(found) == "OpenAI rejects the key in OPENAI_API_KEY (401, invalid_api_key)."
    assert found.excerpt == ""


def test_no_failure_shows_the_key(openai_server: OpenAIServer) -> None:
    openai_server.faults = [Fault(answer=error(400, f"Bad {KEY}", f"code-{KEY}")), Fault(answer=html())]
    for found in (failure(), failure()):
        assert KEY not in str(found) + found.excerpt


def test_a_removed_model_is_named(openai_server: OpenAIServer) -> None:
    with pytest.raises(VendorError, match="404 model_not_found: The model 'dall-e-3' does not exist"):
        OPENAI.call(replace(ASKED, model="dall-e-3", deadline=Deadline.after(30)))


def stream_of(*events: object) -> Answer:
    chunks = tuple(f"data: {json.dumps(event)}\n\n".encode() for event in events)
    return Answer(200, headers={"Content-Type": "text/event-stream"}, chunks=chunks)


def test_a_stream_that_ends_without_the_image_may_be_billed(openai_server: OpenAIServer) -> None:
    partial = {"type": "image_generation.partial_image", "partial_image_index": 0, "b64_json": "a broken one"}
    openai_server.faults = [Fault(answer=stream_of(partial)), Fault(answer=html())]
    for _ in range(2):
        found = failure(options={"partial_images": 1})
        assert (found.outcome, found.is_possibly_billed) == ("provider_error", True)
        assert "ended without the image" in str(found) or "not JSON" in str(found)


def test_an_error_in_a_stream_has_its_outcome(openai_server: OpenAIServer) -> None:
    broken = {
        "type": "error",
        "error": error_body("The server had an error.", "server_error", "server_error"),
    }
    busy = {"type": "error", "error": error_body("Slow down.", "rate_limit_exceeded", "requests")}
    openai_server.faults = [Fault(answer=stream_of(broken)), Fault(answer=stream_of(busy))]
    assert [failure(options={"partial_images": 1}).outcome for _ in range(2)] == [
        "provider_error",
        "rate_limited",
    ]


def test_connections_are_reused_after_any_failure(openai_server: OpenAIServer) -> None:
    openai_server.faults = [
        Fault(answer=rate_limited()),
        Fault(answer=html()),
        None,
        Fault(answer=html(500)),
        None,
    ]
    for is_fine in (False, False, True, False, True):
        if is_fine:
            OPENAI.call(replace(ASKED, deadline=Deadline.after(30)))
        else:
            failure()
    assert openai_server.connections == 1


def test_an_unreadable_start_image_is_refused(openai_server: OpenAIServer) -> None:
    with pytest.raises(VendorError) as caught:
        OPENAI.call(replace(ASKED, kind=Kind.EDIT, start_image=b"no picture", deadline=Deadline.after(30)))
    assert (caught.value.outcome, caught.value.is_retryable) == ("invalid_image", False)
    assert openai_server.received == []
