"""Every known failure of Workers AI becomes one of the contract's outcomes, with its details."""

import socket

import pytest
from pytest_django.fixtures import Settings

from dali.lib.clock import Deadline
from progressions.enums import Code, Kind
from progressions.errors import ProviderError
from progressions.provider import ProviderRequest
from progressions.vendors.cloudflare.failures import CloudflareError
from progressions.vendors.cloudflare.provider import WorkersProvider
from tests.vendors.cloudflare_server import CloudflareServer, failure, success
from tests.vendors.configured import CLOUDFLARE_TOKEN
from tests.vendors.server import Answer, Fault, halved, html

WORKERS = WorkersProvider()
PHOENIX = "@cf/leonardo/phoenix-1.0"
FLUX_2 = "@cf/black-forest-labs/flux-2-dev"
BUSY = "AiError: Capacity temporarily exceeded, please try again."
BAD_INPUT = "AiError: Bad input: Error: Additional or unevaluated properties '/width' at '/' not allowed"
FLAGGED = (
    "AiError: AiError: Your output has been flagged. Please choose another prompt / input image combination"
)
USED_UP = "you have used up your daily free allocation of 10,000 neurons, please upgrade to a paid plan"
MUST_AGREE = "AiError: Model Agreement: Prior to using this model, you must submit the prompt 'agree'."

# Answers and their meaning: outcome, whether a retry may help, and a word of the message.
ANSWERS = [
    (failure(400, 3030, "AiError: AiError: Input prompt contains NSFW content"), Code.REFUSED, False, "NSFW"),
    (failure(400, 3030, FLAGGED), Code.REFUSED, False, "flagged"),
    (failure(200, 3030, FLAGGED), Code.REFUSED, False, "flagged"),
    (failure(400, 8007, FLAGGED), Code.REFUSED, False, "flagged"),
    (failure(429, 3036, "AiError: Account limited"), Code.QUOTA, False, "00:00 UTC"),
    (failure(200, 3036, "AiError: Account limited"), Code.QUOTA, False, "00:00 UTC"),
    (failure(429, 4006, USED_UP), Code.QUOTA, False, "00:00 UTC"),
    (failure(500, 4006, USED_UP), Code.QUOTA, False, "00:00 UTC"),
    (failure(500, 5000, USED_UP), Code.QUOTA, False, "used up"),
    (Answer.of_json({"error": USED_UP}, 500), Code.QUOTA, False, "00:00 UTC"),
    (failure(500, 5000, FLAGGED), Code.REFUSED, False, "flagged"),
    (failure(429, 3040, BUSY), Code.RATE_LIMITED, True, "no capacity"),
    (
        failure(429, 971, "Please wait and consider throttling your request speed"),
        Code.RATE_LIMITED,
        True,
        "wait",
    ),
    (html(429), Code.RATE_LIMITED, True, "429"),
    (failure(408, 3007, "AiError: Inference timed out"), Code.TIMEOUT, True, "timed out"),
    (failure(408, 3008, "AiError: Request aborted"), Code.TIMEOUT, True, "aborted"),
    (html(408), Code.TIMEOUT, True, "408"),
    (failure(500, 3043, "AiError: Internal server error"), Code.PROVIDER_ERROR, True, "Internal"),
    (html(500), Code.PROVIDER_ERROR, True, "500"),
    (html(502), Code.PROVIDER_ERROR, True, "502"),
    (html(503), Code.PROVIDER_ERROR, True, "503"),
    (Answer(503), Code.PROVIDER_ERROR, True, "503"),
    (failure(200, 1234, "AiError: something else"), Code.PROVIDER_ERROR, True, "something else"),
    (Answer.of_json({"success": False}), Code.PROVIDER_ERROR, True, "no reason given"),
    (Answer.of_json({"success": False, "errors": ["odd"]}), Code.PROVIDER_ERROR, True, "odd"),
    (failure(403, 5016, MUST_AGREE), Code.PROVIDER_ERROR, False, "manage.py agree_llama_licence"),
    (failure(403, 5035, "AiError: not on your plan"), Code.PROVIDER_ERROR, False, "Workers Paid"),
    (failure(401, 10000, "Authentication error"), Code.PROVIDER_ERROR, False, "CLOUDFLARE_API_TOKEN"),
    (failure(403, 10000, "Authentication error"), Code.PROVIDER_ERROR, False, "CLOUDFLARE_API_TOKEN"),
    (html(403), Code.PROVIDER_ERROR, False, "403"),
    (failure(403, 3023, "AiError: model not allowed"), Code.PROVIDER_ERROR, False, "not allowed"),
    (failure(400, 5006, BAD_INPUT), Code.PROVIDER_ERROR, False, "unevaluated"),
    (failure(400, 5004, "AiError: Invalid base64 data"), Code.PROVIDER_ERROR, False, "base64"),
    (failure(400, 3003, "AiError: missing headers or body"), Code.PROVIDER_ERROR, False, "missing"),
    (failure(400, 5007, "No such model @cf/x or task"), Code.PROVIDER_ERROR, False, "No such model"),
    (failure(404, 3042, "AiError: not found"), Code.PROVIDER_ERROR, False, "not found"),
    (failure(405, 5019, "AiError: method not allowed"), Code.PROVIDER_ERROR, False, "method"),
    (failure(413, 3006, "AiError: Request is too large"), Code.PROVIDER_ERROR, False, "too large"),
    (Answer(302, b"", {"Location": "https://elsewhere.example.com/"}), Code.PROVIDER_ERROR, False, "302"),
]
# 200 without a usable result: it may have been billed.
UNUSABLE = [
    (html(), "neither JSON nor an image"),
    (Answer(200, b""), "empty"),
    (Answer(200, b"   \n"), "empty"),
    (Answer(200, b"[1, 2]"), "broken JSON"),
    (success(None), "no image"),
    (success({}), "no image"),
    (success({"image": ""}), "no image"),
    (success({"image": None}), "no image"),
    (success({"image": [1, 2]}), "no image"),
]
# There is something in place of the picture: billed, and a retry would give the same.
UNREADABLE = ["no*base64", "abc", "data:image/png", "https://127.0.0.1/inside.png"]


def ask(model: str = FLUX_2, within_s: float = 20, prompt: str = "a pier") -> bytes:
    request = ProviderRequest(
        kind=Kind.GENERATE,
        prompt=prompt,
        seed=7,
        model=model,
        deadline=Deadline.after(within_s),
        size=(256, 256),
    )
    return WORKERS.call(request).content


def failing(model: str = FLUX_2, within_s: float = 20, prompt: str = "a pier") -> ProviderError:
    """The error with which the call ends, as the orchestrator sees it."""
    with pytest.raises(CloudflareError) as caught:
        ask(model, within_s, prompt)
    return ProviderError.of(caught.value)


@pytest.mark.parametrize(("answer", "code", "is_retryable", "word"), ANSWERS)
def test_an_error_response_is_one_of_the_outcomes(
    cloudflare_server: CloudflareServer, answer: Answer, code: Code, is_retryable: bool, word: str
) -> None:
    cloudflare_server.faults = [Fault(answer)]
    error = failing()
    assert (error.code, error.is_retryable, error.status) == (code, is_retryable, answer.status)
    assert word in str(error)
    assert not error.is_possibly_billed
    assert error.retry_after_s is None
    assert error.request_id == answer.headers.get("cf-ray", "")
    assert len(error.excerpt) <= 500
    assert len(cloudflare_server.received) == 1


@pytest.mark.parametrize(("answer", "word"), UNUSABLE)
def test_a_success_without_a_picture_may_be_billed_and_is_retried(
    cloudflare_server: CloudflareServer, answer: Answer, word: str
) -> None:
    cloudflare_server.faults = [Fault(answer)]
    error = failing()
    assert (error.code, error.is_retryable, error.is_possibly_billed) == (Code.PROVIDER_ERROR, True, True)
    assert word in str(error)
    assert error.status == 200


@pytest.mark.parametrize("said", UNREADABLE)
def test_an_unreadable_picture_is_not_requested_again(cloudflare_server: CloudflareServer, said: str) -> None:
    cloudflare_server.faults = [Fault(success({"image": said}))]
    error = failing()
    assert (error.code, error.is_retryable, error.is_possibly_billed) == (Code.INVALID_IMAGE, False, True)
    assert "cannot be read" in str(error)


def test_broken_json_and_a_truncated_body_may_be_billed(cloudflare_server: CloudflareServer) -> None:
    for fault in (Fault(edit=halved), Fault(way="cut")):
        cloudflare_server.faults = [fault]
        error = failing()
        assert (error.code, error.is_retryable, error.is_possibly_billed) == (Code.PROVIDER_ERROR, True, True)


def test_a_truncated_refusal_is_not_billed(cloudflare_server: CloudflareServer) -> None:
    cloudflare_server.faults = [Fault(failure(500, 3043, "AiError: Internal"), way="cut")]
    error = failing()
    assert (error.code, error.status, error.is_possibly_billed) == (Code.PROVIDER_ERROR, 500, False)


def test_a_reset_after_sending_may_be_billed(cloudflare_server: CloudflareServer) -> None:
    cloudflare_server.faults = [Fault(way="reset")]
    error = failing()
    assert (error.code, error.is_retryable, error.is_possibly_billed) == (Code.PROVIDER_ERROR, True, True)
    assert "was lost" in str(error)


@pytest.mark.parametrize("way", ["hang", "drip"])
def test_the_deadline_ends_a_call_that_hangs_or_drips(cloudflare_server: CloudflareServer, way: str) -> None:
    cloudflare_server.faults = [Fault(way=way)]  # type: ignore[arg-type] # one of its values
    error = failing(within_s=3)
    assert (error.code, error.is_retryable, error.is_possibly_billed) == (Code.TIMEOUT, True, True)


def test_a_gateway_timeout_may_have_been_billed(cloudflare_server: CloudflareServer) -> None:
    for status in (504, 524):
        cloudflare_server.faults = [Fault(html(status))]
        error = failing()
        assert (error.code, error.is_retryable, error.is_possibly_billed) == (Code.TIMEOUT, True, True)


@pytest.mark.parametrize(("header", "pause_s"), [("17", 17.0), ("0", 0.0), ("soon", None)])
def test_the_requested_pause_is_passed_on(
    cloudflare_server: CloudflareServer, header: str, pause_s: float | None
) -> None:
    cloudflare_server.faults = [Fault(failure(429, 3040, BUSY, Retry_After=header))]
    assert failing().retry_after_s == pause_s


def test_without_a_connection_nothing_is_billed(
    settings: Settings, cloudflare_server: CloudflareServer
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings.CLOUDFLARE_API_BASE_URL = f"http://127.0.0.1:{free.getsockname()[1]}/client/v4"
    error = failing()
    assert (error.code, error.is_retryable, error.is_possibly_billed) == (Code.PROVIDER_ERROR, True, False)
    assert "Could not connect" in str(error)
    error = failing(within_s=0)
    assert (error.code, error.is_possibly_billed) == (Code.TIMEOUT, False)


def test_bytes_that_are_not_a_picture_are_left_to_the_caller(cloudflare_server: CloudflareServer) -> None:
    cloudflare_server.faults = [Fault(Answer(200, b"upstream connect error", {"Content-Type": "image/png"}))]
    assert ask(PHOENIX) == b"upstream connect error"


@pytest.mark.parametrize("word", ["forbidden", "outlawed"])
def test_a_prompt_is_refused_before_or_after_painting(cloudflare_server: CloudflareServer, word: str) -> None:
    error = failing(prompt=f"a {word} pier")
    assert (error.code, error.is_retryable, error.status) == (Code.REFUSED, False, 400)
    assert "safety system" in str(error)


def test_a_wrong_token_is_reported_without_being_shown(
    settings: Settings, cloudflare_server: CloudflareServer
) -> None:
    settings.CLOUDFLARE_API_TOKEN = "cf-wrong-token-0123456789"
    error = failing()
    assert (error.code, error.is_retryable, error.status) == (Code.PROVIDER_ERROR, False, 401)
    assert "CLOUDFLARE_API_TOKEN" in str(error)
    assert "cf-wrong" not in f"{error} {error.excerpt}"


def test_an_echoed_token_is_masked(cloudflare_server: CloudflareServer) -> None:
    cloudflare_server.faults = [Fault(failure(400, 6003, f"Invalid header 'Bearer {CLOUDFLARE_TOKEN}'"))]
    error = failing()
    assert CLOUDFLARE_TOKEN not in f"{error} {error.excerpt} {error.__cause__} {error.__context__}"
    assert "***" in error.excerpt


def test_a_call_after_a_failed_one_succeeds(cloudflare_server: CloudflareServer) -> None:
    faults = [Fault(way="reset"), Fault(way="cut"), Fault(html(502)), Fault(failure(429, 3040, BUSY))]
    cloudflare_server.faults = list(faults)
    for _ in faults:
        failing()
    assert ask().startswith(b"\x89PNG")
