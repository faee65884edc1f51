"""Every failure of Gemini becomes one of the few outcomes, and never causes a second request."""

import base64
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from pytest_django.fixtures import Settings

from dali.lib.calls.answers.usage import Unit
from dali.lib.calls.failures import VendorError
from dali.lib.clock import Deadline
from dali.lib.pictures.images import InvalidImageError, decode, sniff
from progressions.enums import Kind
from progressions.errors import ProviderError
from progressions.provider import ProviderRequest
from progressions.vendors.gemini import api
from progressions.vendors.gemini.provider import GeminiProvider
from tests.progressions.pictures import png
from tests.progressions.vendors.gemini.test_provider import request_for
from tests.vendors.gemini_server import GeminiServer, error, quota_failure, retry_info
from tests.vendors.server import Answer, Fault, halved, html

KEY = "AIza-test-gemini-0123456789abcdef"


def fails(server: GeminiServer, *faults: Fault, request: ProviderRequest | None = None) -> VendorError:
    """The failure of one call, which has sent one request and shows no key."""
    server.faults = list(faults)
    with pytest.raises(VendorError) as caught:
        GeminiProvider().call(request or request_for())
    assert len(server.received) == 1
    failure = caught.value
    assert KEY not in f"{failure} {failure.excerpt}"
    assert ProviderError.of(failure).code == failure.outcome
    assert len(str(failure)) < 500
    return failure


def body(edit: Callable[[dict[str, Any]], object]) -> Fault:
    """The correct answer, with its JSON edited in place or replaced by what `edit` returns."""

    def change(answer: Answer) -> Answer:
        value = json.loads(answer.body)
        made = edit(value)
        return Answer.of_json(value if made is None else made)

    return Fault(edit=change)


def rate(*details: object, message: str = "You exceeded your current quota.", **headers: str) -> Fault:
    return Fault(answer=error(429, "RESOURCE_EXHAUSTED", message, list(details), **headers))


def test_a_rate_limit_is_waited_for_as_retry_info_says(gemini_server: GeminiServer) -> None:
    minute = quota_failure("GenerateRequestsPerMinutePerProjectPerModel")
    failure = fails(gemini_server, rate(minute, retry_info("17s"), Retry_After="99"))
    assert (failure.outcome, failure.is_retryable, failure.retry_after_s) == ("rate_limited", True, 17.0)
    assert failure.status == 429
    assert not failure.is_possibly_billed
    assert "PerMinute" in failure.excerpt


def test_a_rate_limit_with_a_fraction_of_a_second_is_understood(gemini_server: GeminiServer) -> None:
    assert fails(gemini_server, rate(retry_info("0.812345s"))).retry_after_s == 0.812345


def test_a_rate_limit_is_waited_for_as_the_header_says(gemini_server: GeminiServer) -> None:
    failure = fails(gemini_server, rate(Retry_After="9"))
    assert (failure.outcome, failure.retry_after_s) == ("rate_limited", 9.0)


@pytest.mark.parametrize("details", [[], [retry_info("soon")], ["odd"], [{"@type": 5}], [quota_failure()]])
def test_a_rate_limit_without_a_pause_is_still_one(
    gemini_server: GeminiServer, details: list[object]
) -> None:
    failure = fails(gemini_server, rate(*details))
    assert (failure.outcome, failure.retry_after_s) == ("rate_limited", None)


@pytest.mark.parametrize(
    "fault",
    [
        rate(quota_failure("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), retry_info("40s")),
        rate(quota_failure("GenerateRequestsPerMinutePerProject", "GenerateRequestsPerDayPerProject")),
        rate(message="Quota exceeded for metric: generate_requests_per_model_per_day"),
        rate(message="Quota exceeded for metric: generate_content_free_tier_requests, limit: 0, model: x"),
        rate(message="Your prepayment credits are depleted."),
        Fault(answer=error(402, "FAILED_PRECONDITION", "Pay first.")),
    ],
)
def test_an_exhausted_daily_limit_is_quota(gemini_server: GeminiServer, fault: Fault) -> None:
    failure = fails(gemini_server, fault)
    assert (failure.outcome, failure.is_retryable) == ("quota", False)


@pytest.mark.parametrize(
    "answer",
    [
        error(500, "INTERNAL", "An internal error has occurred."),
        error(503, "UNAVAILABLE", "The model is overloaded."),
        html(502),
        html(529),
        Answer(500, b""),
        Answer(500, b"[1, 2]"),
        Answer(500, b'"broken"'),
        error(499, "CANCELLED", "The operation was cancelled."),
    ],
)
def test_a_server_error_is_retried(gemini_server: GeminiServer, answer: Answer) -> None:
    failure = fails(gemini_server, Fault(answer=answer))
    assert (failure.outcome, failure.is_retryable) == ("provider_error", True)
    assert failure.status == answer.status
    assert not failure.is_possibly_billed


def test_an_overload_with_a_requested_pause_gets_it(gemini_server: GeminiServer) -> None:
    answer = error(503, "UNAVAILABLE", "Overloaded.", [retry_info("5s")])
    assert fails(gemini_server, Fault(answer=answer)).retry_after_s == 5.0


def test_a_wrong_key_is_reported_by_its_setting(gemini_server: GeminiServer, settings: Settings) -> None:
    settings.GEMINI_API_KEY = "AIza-wrong"
    failure = fails(gemini_server)
    assert (failure.outcome, failure.is_retryable, failure.status) == ("provider_error", False, 400)
    assert "API key not valid" in str(failure)
    assert "GEMINI_API_KEY" in str(failure)


@pytest.mark.parametrize(
    "answer",
    [
        error(400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
        error(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
        error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
        error(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers."),
        error(404, "NOT_FOUND", "models/x is not found for API version v1."),
        error(413, "INVALID_ARGUMENT", "Too large."),
        html(404),
        Answer(302, b"", {"Location": "https://elsewhere.example/"}),
    ],
)
def test_an_invalid_request_is_not_sent_again(gemini_server: GeminiServer, answer: Answer) -> None:
    failure = fails(gemini_server, Fault(answer=answer))
    assert (failure.outcome, failure.is_retryable) == ("provider_error", False)
    assert failure.status == answer.status
    assert not failure.is_possibly_billed


def test_an_unknown_model_is_not_retried(gemini_server: GeminiServer) -> None:
    failure = fails(gemini_server, request=request_for(model="gemini-9-image"))
    assert (failure.outcome, failure.is_retryable, failure.status) == ("provider_error", False, 404)


def test_a_blocked_prompt_is_refused_with_its_usage(gemini_server: GeminiServer) -> None:
    failure = fails(gemini_server, request=request_for(prompt="a forbidden lighthouse"))
    assert (failure.outcome, failure.is_retryable) == ("refused", False)
    assert str(failure) == "Google Gemini blocked the prompt (PROHIBITED_CONTENT)."
    assert failure.request_id == "resp-0123"
    assert failure.usage is not None
    assert failure.usage.units == {Unit.TEXT_INPUT: 5}
    assert not failure.is_possibly_billed


def test_a_blocked_image_is_refused_with_its_usage(gemini_server: GeminiServer) -> None:
    failure = fails(gemini_server, request=request_for(prompt="an outlawed lighthouse"))
    assert (failure.outcome, failure.is_retryable) == ("refused", False)
    assert "IMAGE_SAFETY" in str(failure)
    assert failure.usage is not None
    assert failure.usage.units[Unit.TEXT_OUTPUT] == 180


def finished(reason: str, **candidate: object) -> Fault:
    return body(lambda _: {"candidates": [{"finishReason": reason, **candidate}], "responseId": "r-1"})


@pytest.mark.parametrize(
    "reason",
    [
        "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "ESCALATION",
    ],
)  # fmt: skip
def test_a_stop_by_a_safety_system_is_a_refusal(gemini_server: GeminiServer, reason: str) -> None:
    failure = fails(gemini_server, finished(reason))
    assert (failure.outcome, str(failure)) == (
        "refused",
        f"Google Gemini blocked the result ({reason}).",
    )


@pytest.mark.parametrize("reason", ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY"])
def test_every_block_of_a_prompt_is_a_refusal(gemini_server: GeminiServer, reason: str) -> None:
    failure = fails(
        gemini_server,
        body(lambda _: {"promptFeedback": {"blockReason": reason, "blockReasonMessage": "Not that."}}),
    )
    assert failure.outcome == "refused"
    assert str(failure) == f"Google Gemini blocked the prompt ({reason}): Not that."


@pytest.mark.parametrize("reason", ["NO_IMAGE", "IMAGE_OTHER", "OTHER", "MAX_TOKENS", "STOP", "CONTINUATION"])
def test_an_end_without_an_image_is_retried(gemini_server: GeminiServer, reason: str) -> None:
    failure = fails(gemini_server, finished(reason))
    assert (failure.outcome, failure.is_retryable) == ("provider_error", True)
    assert reason in str(failure)


def test_an_unsupported_language_is_not_retried(gemini_server: GeminiServer) -> None:
    failure = fails(gemini_server, finished("LANGUAGE"))
    assert (failure.outcome, failure.is_retryable) == ("provider_error", False)


@pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason")  # the SDK's own warning
def test_an_unknown_finish_reason_is_a_provider_error(gemini_server: GeminiServer) -> None:
    failure = fails(gemini_server, finished("SUNSPOTS"))
    assert (failure.outcome, failure.is_retryable) == ("provider_error", True)
    assert "SUNSPOTS" in str(failure)


def test_text_in_place_of_an_image_is_shown(gemini_server: GeminiServer) -> None:
    fault = finished("STOP", content={"parts": [{"text": "I can describe a lighthouse."}]})
    failure = fails(gemini_server, fault)
    assert (failure.outcome, failure.is_retryable) == ("provider_error", True)
    assert str(failure) == "Google Gemini answered with no image (STOP): I can describe a lighthouse."
    assert failure.is_possibly_billed  # no usage was reported


def only_thoughts(value: dict[str, Any]) -> None:
    content = value["candidates"][0]["content"]
    content["parts"] = [part for part in content["parts"] if part.get("thought")]


def without_candidates(value: dict[str, Any]) -> None:
    value["candidates"] = []


def with_text_in_it(value: dict[str, Any]) -> None:
    blob = value["candidates"][0]["content"]["parts"][-1]["inlineData"]
    blob |= {"mimeType": "text/plain", "data": base64.b64encode(b"a lighthouse").decode()}


@pytest.mark.parametrize("edit", [without_candidates, with_text_in_it])
def test_an_answer_without_an_image_is_an_error_that_was_billed(
    gemini_server: GeminiServer, edit: Callable[[dict[str, Any]], None]
) -> None:
    failure = fails(gemini_server, body(edit))
    assert (failure.outcome, failure.is_retryable, failure.status) == ("provider_error", True, 200)
    assert failure.usage is not None
    assert failure.usage.units[Unit.IMAGE_OUTPUT] == 1120
    assert not failure.is_possibly_billed


def spoiled(value: dict[str, Any]) -> None:
    value["candidates"][0]["content"]["parts"][-1]["inlineData"]["data"] = "***"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(edit=halved),
        Fault(answer=html()),
        Fault(answer=Answer(200, b"")),
        Fault(answer=Answer(204, b"")),
        Fault(answer=Answer(200, b"null")),
        Fault(answer=Answer(200, b"[]")),
        Fault(answer=Answer(200, b'"text"')),
        Fault(answer=Answer(200, b"{}")),
        Fault(answer=Answer(200, b'{"candidates": 5}')),
        Fault(answer=Answer(200, b'{"candidates": [5]}')),
        Fault(answer=Answer(200, b'{"candidates": [{"content": "x"}]}')),
        Fault(answer=Answer(200, b"\xff\xfe\x00")),
    ],
)
def test_a_response_that_is_not_theirs_may_have_been_billed(
    gemini_server: GeminiServer, fault: Fault
) -> None:
    failure = fails(gemini_server, fault)
    assert (failure.outcome, failure.is_retryable) == ("provider_error", True)
    assert failure.is_possibly_billed


def test_an_unreadable_image_is_not_requested_again(gemini_server: GeminiServer) -> None:
    failure = fails(gemini_server, body(spoiled))
    assert (failure.outcome, failure.is_retryable) == ("invalid_image", False)
    assert failure.usage is not None
    assert failure.usage.units[Unit.IMAGE_OUTPUT] == 1120


def test_an_image_found_only_in_the_thoughts_is_used_because_it_is_paid(
    gemini_server: GeminiServer,
) -> None:
    gemini_server.faults = [body(only_thoughts)]
    answer = GeminiProvider().call(request_for())
    assert decode(answer.content).image.size == (64, 64)


def test_their_deadline_is_a_timeout_without_a_result(gemini_server: GeminiServer) -> None:
    said = error(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.")
    failure = fails(gemini_server, Fault(answer=said))
    assert (failure.outcome, failure.is_retryable, failure.is_possibly_billed) == ("timeout", True, False)


@pytest.mark.parametrize("way", ["cut", "reset"])
def test_a_broken_connection_may_have_been_billed(gemini_server: GeminiServer, way: Any) -> None:
    failure = fails(gemini_server, Fault(way=way))
    assert (failure.outcome, failure.is_retryable, failure.is_possibly_billed) == (
        "provider_error",
        True,
        True,
    )


@pytest.mark.parametrize("fault", [Fault(way="hang"), Fault(way="drip", pause_s=0.02)])
def test_the_deadline_ends_silence_and_a_slow_drip(
    gemini_server: GeminiServer, settings: Settings, fault: Fault
) -> None:
    api.client(settings.GEMINI_CONCURRENCY)  # created before the time counts
    deadline = Deadline.after(2)
    failure = fails(gemini_server, fault, request=request_for(deadline=deadline))
    assert deadline.has_passed
    assert (failure.outcome, failure.is_retryable, failure.is_possibly_billed) == ("timeout", True, True)


def test_a_call_without_time_sends_nothing(gemini_server: GeminiServer) -> None:
    with pytest.raises(VendorError) as caught:
        GeminiProvider().call(request_for(deadline=Deadline.after(-1)))
    assert (caught.value.outcome, caught.value.is_possibly_billed) == ("timeout", False)
    assert gemini_server.received == []


def test_an_unreachable_service_was_not_paid(settings: Settings) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings.GOOGLE_GEMINI_BASE_URL = f"http://127.0.0.1:{closed.getsockname()[1]}"
        settings.GEMINI_API_KEY = KEY
        with pytest.raises(VendorError) as caught:
            GeminiProvider().call(request_for())
    failure = caught.value
    assert (failure.outcome, failure.is_retryable, failure.is_possibly_billed) == (
        "provider_error",
        True,
        False,
    )


@pytest.mark.parametrize(
    ("key", "address"),
    [(f"{KEY}\nX-Other: 1", ""), (KEY, "ftp://127.0.0.1"), (KEY, "http://[bad")],
)
def test_an_unusable_setting_is_named(
    gemini_server: GeminiServer, settings: Settings, key: str, address: str
) -> None:
    settings.GEMINI_API_KEY = key
    settings.GOOGLE_GEMINI_BASE_URL = address or gemini_server.url
    with pytest.raises(VendorError) as caught:
        GeminiProvider().call(request_for())
    failure = caught.value
    assert (failure.outcome, failure.is_retryable, failure.is_possibly_billed) == (
        "provider_error",
        False,
        False,
    )
    assert "GOOGLE_GEMINI_BASE_URL" in str(failure)
    assert KEY not in str(failure)


def test_bytes_that_are_not_a_picture_are_passed_on_to_the_caller(
    gemini_server: GeminiServer,
) -> None:
    def spoil(value: dict[str, Any]) -> None:
        blob = value["candidates"][0]["content"]["parts"][-1]["inlineData"]
        blob["data"] = base64.b64encode(b"no picture").decode()

    gemini_server.faults = [body(spoil)]
    answer = GeminiProvider().call(request_for())
    with pytest.raises(InvalidImageError):
        sniff(answer.content)


def test_a_start_image_that_is_not_an_image_is_reported(gemini_server: GeminiServer) -> None:
    request = request_for(Kind.EDIT, start_image=b"no picture")
    with pytest.raises(VendorError) as caught:
        GeminiProvider().call(request)
    assert (caught.value.outcome, caught.value.is_retryable) == ("invalid_image", False)
    assert gemini_server.received == []


def test_a_start_image_larger_than_any_answer_is_not_sent(gemini_server: GeminiServer) -> None:
    start = png(Image.new("RGB", (4100, 4100), "teal"))
    with pytest.raises(VendorError, match="at most 4096x4096 pixels of this shape") as caught:
        GeminiProvider().call(request_for(Kind.UPSCALE, start_image=start))
    assert (caught.value.outcome, caught.value.is_retryable) == ("provider_error", False)
    assert gemini_server.received == []
