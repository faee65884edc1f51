"""What failures mean, by their codes and words, in any place of the body and with any status."""

from typing import Any

import pytest

from dali.lib.calls.outcomes import judged, told_in, told_in_success

LITELLM = "litellm.BadRequestError: OpenAIException - "
REFUSED: list[tuple[int | None, Any]] = [
    (400, {"error": {"code": "moderation_blocked", "type": "image_generation_user_error", "message": "No."}}),
    (400, {"error": {"code": "400", "message": f"{LITELLM}Your request was rejected by the safety system."}}),
    (400, {"error": {"code": "400", "message": f"{LITELLM}safety_violations=[sexual]", "type": None}}),
    (
        400,
        {"error": {"code": None, "message": "Your request was rejected as a result of our safety system."}},
    ),
    (200, {"error": {"code": "moderation_blocked"}}),
    (200, {"error": {"message": "blocked", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
    (400, {"error": {"code": "contentFilter", "message": "Your task failed."}}),
    (400, {"error": {"code": "x", "innererror": {"content_filter_result": {"hate": {"filtered": True}}}}}),
    (400, {"error": {"message": "The prompt triggered Azure OpenAI's content management policy."}}),
    (500, {"error": {"message": "content_policy_violation", "type": "None", "code": "500"}}),
    (403, {"detail": "This prompt violates our usage policies"}),
    (422, {"detail": [{"msg": "NSFW content detected", "loc": ["body"]}]}),
    (400, {"success": False, "errors": [{"code": 3030, "message": "x"}]}),
    (400, {"success": False, "errors": [{"code": 8007, "message": "Your output has been flagged."}]}),
    (400, "Image blocked by our moderation system"),
    (None, {"type": "error", "error": {"code": "moderation_blocked"}}),
]
QUOTA: list[tuple[int | None, Any]] = [
    (429, {"errors": [{"code": 4006, "message": "you have used up your daily free allocation of 10,000 neurons"}]}),
    (500, {"errors": [{"code": 4006, "message": "you have used up your daily free allocation of 10,000 neurons"}]}),
    (500, {"error": "4006: you have used up your daily free allocation of 10,000 neurons"}),
    (200, {"success": False, "errors": [{"code": 3036, "message": "limited"}]}),
    (429, {"error": {"code": "insufficient_quota", "message": "You exceeded your current quota."}}),
    (429, {"error": {"code": "429", "message": "litellm.RateLimitError: You exceeded your current quota"}}),
    (400, {"error": {"code": "billing_hard_limit_reached"}}),
    (402, "Payment Required"),
    (400, {"error": {"type": "budget_exceeded", "message": "Budget has been exceeded!", "code": "400"}}),
    (403, {"errors": [{"code": 5453, "message": "You have reached the maximum"}]}),
    (400, {"error": {"message": "Insufficient credits. Add more."}}),
    (429, {"error": {"status": "RESOURCE_EXHAUSTED", "message": "Your prepayment credits are depleted."}}),
    (429, {"error": {"status": "RESOURCE_EXHAUSTED", "details": [
        {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}]}, {"retryDelay": "17s"}]}}),
]  # fmt: skip
BUSY: list[tuple[int | None, Any]] = [
    (429, None),
    (429, "<html>slow down</html>"),
    (
        429,
        {
            "error": {
                "status": "RESOURCE_EXHAUSTED",
                "message": "You exceeded your current quota, check your plan",
            }
        },
    ),
    (429, {"error": {"message": "You exceeded your current quota. Please retry in 17.2s."}}),
    (429, {"error": {"details": [{"violations": [{"quotaId": "GenerateRequestsPerMinutePerProject"}]}]}}),
    (
        429,
        {
            "error": {
                "code": "rate_limit_exceeded",
                "message": "Limit 200 per day (RPD). Please try again in 7m12s.",
            }
        },
    ),
    (503, {"error": {"code": "slow_down"}}),
    (200, {"success": False, "errors": [{"code": 3040, "message": "Capacity temporarily exceeded"}]}),
    (400, {"error": {"message": "Rate limit reached for images"}}),
]
# The outcome, and whether the call is retried.
OTHERS: list[tuple[int | None, Any, str, bool]] = [
    (401, {"error": {"message": "violates our usage policies"}}, "provider_error", False),
    (400, {"error": {"code": "invalid_api_key"}}, "provider_error", False),
    (400, {"error": {"details": [{"reason": "API_KEY_INVALID"}]}}, "provider_error", False),
    (403, {"errors": [{"code": 10000, "message": "Authentication error"}]}, "provider_error", False),
    (404, {"error": {"code": "model_not_found", "message": "No such model"}}, "provider_error", False),
    (400, {"error": {"message": "Unknown parameter: 'moderation'."}}, "provider_error", False),
    (400, {"error": {"message": "Unknown parameter: 'safety_identifier'."}}, "provider_error", False),
    (200, {"error": {"code": 400, "message": "Invalid argument"}}, "provider_error", False),
    (200, {"error": {"type": "invalid_request_error"}}, "provider_error", False),
    (200, {"error": "something"}, "provider_error", True),
    (200, {"error": {"code": 503}}, "provider_error", True),
    (413, None, "provider_error", False),
    (409, None, "provider_error", True),
    (500, {"error": {"type": "invalid_request_error"}}, "provider_error", True),
    (503, {"error": {"message": "The model is overloaded."}}, "provider_error", True),
    (529, None, "provider_error", True),
    (408, None, "timeout", True),
    (504, {"error": {"status": "DEADLINE_EXCEEDED"}}, "timeout", True),
    (524, None, "timeout", True),
    (400, {"errors": [{"code": 3008, "message": "aborted"}]}, "timeout", True),
    (307, None, "provider_error", False),
]  # fmt: skip


def meaning(status: int | None, body: Any) -> tuple[str, bool]:
    is_success = status is not None and status < 300
    return judged(told_in_success(body) if is_success else told_in(body), status)


@pytest.mark.parametrize(("status", "body"), REFUSED)
def test_a_refusal_is_recognised_by_its_code_or_words(status: int | None, body: Any) -> None:
    assert meaning(status, body) == ("refused", False)


@pytest.mark.parametrize(("status", "body"), QUOTA)
def test_an_exhausted_quota_is_not_retried(status: int | None, body: Any) -> None:
    assert meaning(status, body) == ("quota", False)


@pytest.mark.parametrize(("status", "body"), BUSY)
def test_a_rate_limit_is_waited_for(status: int | None, body: Any) -> None:
    assert meaning(status, body) == ("rate_limited", True)


@pytest.mark.parametrize(("status", "body", "outcome", "is_retryable"), OTHERS)
def test_other_failures_go_by_their_status(status: int, body: Any, outcome: str, is_retryable: bool) -> None:
    assert meaning(status, body) == (outcome, is_retryable)


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": "a forbidden NSFW thing", "error": {"message": "No.", "param": "safety system"}},
        {"error": {"message": "No.", "request": {"message": "content policy"}}},
        "<html>content policy</html>",
    ],
)
def test_echoed_input_decides_nothing(body: Any) -> None:
    assert meaning(400, body) == ("provider_error", False)


@pytest.mark.parametrize(
    "body", [None, [], {}, 5, "", {"error": None}, {"errors": []}, {"data": [{"b64_json": "x"}]}]
)
def test_an_answer_without_an_error_has_no_outcome(body: Any) -> None:
    assert told_in_success(body).is_empty


def test_any_error_body_is_parsed_without_an_exception() -> None:
    deep: Any = {"message": "no"}
    for _ in range(300):
        deep = {"error": [deep] * 3}
    assert judged(told_in(deep), 500) == ("provider_error", True)
    assert (
        judged(told_in({"error": {"code": 10**300, "message": ["x"], "type": {}}}), 400)[0]
        == "provider_error"
    )
