"""The judge `openai` through its SDK: what the model is sent, and how every kind of answer is read."""

import json

import pytest
from pytest_django.fixtures import Settings

from dali.lib.calls.answers.usage import Unit
from dali.lib.calls.failures import VendorError
from dali.lib.clock import Deadline
from progressions.enums import Judgment, Kind
from progressions.errors import JudgeError
from progressions.judge import JudgeRequest
from progressions.vendors.openai.judge import OpenAIJudge
from progressions.verdicts.rubric import Question
from tests.progressions.pictures import landscape, picture
from tests.vendors.openai_checks import error
from tests.vendors.openai_server import OpenAIServer
from tests.vendors.server import Answer, Fault, halved, html

JUDGE = OpenAIJudge()
VERDICT = {
    "notes": ["A lighthouse is seen."],
    "judgment": "pass",
    "tags": ["lighthouse"],
    "retry_suggestion": "",
}
SCHEMA = {
    "type": "object",
    "properties": {"judgment": {"type": "string"}},
    "required": ["judgment"],
    "additionalProperties": False,
}


def asked(prompt: str = "a lighthouse", *, within_s: float = 30) -> JudgeRequest:
    image = picture(landscape((900, 600)))
    return JudgeRequest(Kind.EDIT, prompt, image, Deadline.after(within_s), start_image=picture(landscape()))


def question(text: str = "What is it?", *, within_s: float = 30) -> Question:
    jpeg = picture(landscape()).jpeg(512)
    return Question(text, (jpeg,), SCHEMA, Deadline.after(within_s))


def test_the_model_is_sent_small_images_and_a_strict_schema(openai_server: OpenAIServer) -> None:
    openai_server.answer_json = lambda schema, text: VERDICT
    verdict = JUDGE.judge(asked())
    assert (verdict.judgment, verdict.notes, verdict.tags) == (
        Judgment.PASS,
        ["A lighthouse is seen."],
        ["lighthouse"],
    )
    assert verdict.model == "gpt-5.4-mini"
    [received] = openai_server.received
    body = received.json()
    assert (received.path, body["model"], body["store"]) == ("/v1/responses", "gpt-5.4-mini", False)
    assert body["text"]["format"]["strict"] is True
    assert [part["type"] for part in body["input"][0]["content"]] == [
        "input_text",
        "input_image",
        "input_image",
    ]
    assert {part["detail"] for part in body["input"][0]["content"][1:]} == {"low"}
    [images] = openai_server.seen
    assert [(image.format, max(image.size) <= 512) for image in images] == [("JPEG", True)] * 2


def test_a_verdict_reports_its_usage(openai_server: OpenAIServer) -> None:
    reply = JUDGE.ask(question())
    assert (reply.usage.service, reply.usage.model) == ("openai", "gpt-5.4-mini")
    assert reply.usage.units == {Unit.TEXT_INPUT: 87, Unit.TEXT_OUTPUT: len(reply.text) // 4 + 1}


def test_cached_tokens_are_counted_separately(openai_server: OpenAIServer) -> None:
    def cached(answer: Answer) -> Answer:
        body = json.loads(answer.body)
        body["usage"]["input_tokens_details"]["cached_tokens"] = 80
        return Answer.of_json(body)

    openai_server.faults = [Fault(edit=cached)]
    units = JUDGE.ask(question()).usage.units
    assert (units[Unit.TEXT_INPUT], units[Unit.CACHED_INPUT]) == (7, 80)


def test_model_and_key_are_settings(openai_server: OpenAIServer, settings: Settings) -> None:
    settings.OPENAI_JUDGE_MODEL = "gpt-5.6-luna"
    assert JUDGE.ask(question()).usage.model == "gpt-5.6-luna"
    assert JUDGE.missing() == []
    settings.OPENAI_API_KEY = ""
    assert JUDGE.missing() == ["OPENAI_API_KEY"]


def test_a_refusal_leaves_the_verdict_open(openai_server: OpenAIServer) -> None:
    with pytest.raises(VendorError) as caught:
        JUDGE.ask(question("Is this forbidden?"))
    assert (caught.value.outcome, caught.value.is_retryable) == ("refused", False)
    assert caught.value.usage is not None
    verdict = JUDGE.judge(asked("something forbidden"))
    assert verdict.judgment is None
    assert verdict.notes[0].startswith("The judge openai refused to judge")


def test_a_filter_that_stops_the_answer_is_a_refusal(openai_server: OpenAIServer) -> None:
    def filtered(answer: Answer) -> Answer:
        stopped = {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}, "output": []}
        return Answer.of_json({**json.loads(answer.body), **stopped})

    openai_server.faults = [Fault(edit=filtered)]
    with pytest.raises(VendorError) as caught:
        JUDGE.ask(question())
    assert caught.value.outcome == "refused"


def test_a_truncated_answer_is_used_as_far_as_it_goes(openai_server: OpenAIServer) -> None:
    openai_server.texts = ['{"judgment": "pass", "notes": ["It is', json.dumps(VERDICT)]
    assert JUDGE.ask(question()).text == '{"judgment": "pass", "notes": ["It is'
    openai_server.texts = ["I would rather not say.", json.dumps(VERDICT)]
    verdict = JUDGE.judge(asked())
    assert (verdict.judgment, len(verdict.usage)) == (Judgment.PASS, 2)


def test_thoughts_that_used_all_tokens_give_an_empty_answer(openai_server: OpenAIServer) -> None:
    def exhausted(answer: Answer) -> Answer:
        cut = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []}
        return Answer.of_json({**json.loads(answer.body), **cut})

    openai_server.faults = [Fault(edit=exhausted)]
    assert JUDGE.ask(question()).text == ""


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("server_error", "provider_error"),
        ("rate_limit_exceeded", "rate_limited"),
        ("image_content_policy_violation", "refused"),
        ("invalid_image", "provider_error"),
    ],
)
def test_a_failed_answer_has_the_outcome_of_its_code(
    openai_server: OpenAIServer, code: str, outcome: str
) -> None:
    def failed(answer: Answer) -> Answer:
        said = {"status": "failed", "error": {"code": code, "message": "It failed."}, "output": []}
        return Answer.of_json({**json.loads(answer.body), **said})

    openai_server.faults = [Fault(edit=failed)]
    with pytest.raises(VendorError) as caught:
        JUDGE.ask(question())
    assert caught.value.outcome == outcome


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault(answer=error(429, "Slow.", "rate_limit_exceeded", retry_after="3")), "rate_limited"),
        (Fault(answer=error(500, "Sorry.", None)), "provider_error"),
        (Fault(answer=html()), "provider_error"),
        (Fault(answer=Answer.of_json({})), "provider_error"),
        (Fault(answer=Answer.of_json({"output": "a lot"})), "provider_error"),
        (Fault(answer=Answer.of_json({"error": "no", "output": []})), "provider_error"),
        (
            Fault(answer=Answer.of_json({"output": [{"type": "message", "content": [None]}]})),
            "provider_error",
        ),
        (Fault(edit=halved), "provider_error"),
        (Fault(way="reset"), "provider_error"),
        (Fault(way="cut"), "provider_error"),
        (Fault(way="hang"), "timeout"),
        (Fault(way="drip"), "timeout"),
    ],
)
def test_a_failing_service_leaves_the_image_to_be_judged_later(
    openai_server: OpenAIServer, fault: Fault, outcome: str
) -> None:
    openai_server.faults = [fault, fault]
    within_s = 3 if outcome == "timeout" else 30
    with pytest.raises(VendorError) as caught:
        JUDGE.ask(question(within_s=within_s))
    assert caught.value.outcome == outcome
    with pytest.raises(JudgeError):
        JUDGE.judge(asked(within_s=within_s))
    assert len(openai_server.received) == 2
