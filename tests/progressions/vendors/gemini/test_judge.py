"""What the judge `gemini` sends and how it reads answers, through Google's SDK and an equally strict fake server."""

import base64
import io
import json

import pytest
from PIL import Image
from pytest_django.fixtures import Settings

from dali.lib.calls.answers.usage import Unit
from dali.lib.calls.failures import VendorError
from dali.lib.clock import Deadline
from progressions.vendors.gemini import api
from progressions.vendors.gemini.judge import GeminiJudge
from progressions.verdicts.rubric import Question
from tests.vendors.gemini_server import GeminiServer, error, retry_info
from tests.vendors.server import Fault, halved, html

SCHEMA = {
    "type": "object",
    "properties": {
        "passes": {"type": "boolean"},
        "notes": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["passes", "notes"],
    "additionalProperties": False,
}


def jpeg(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(buffer, "JPEG")
    return buffer.getvalue()


def question(text: str = "Is there a lighthouse?", *colours: str, seconds: float = 30) -> Question:
    images = tuple(jpeg(colour) for colour in colours or ("navy",))
    return Question(text, images, SCHEMA, Deadline.after(seconds))


def test_a_question_goes_out_with_its_images_in_order_and_its_schema(gemini_server: GeminiServer) -> None:
    reply = GeminiJudge().ask(question("Is there a lighthouse?", "navy", "red"))
    assert len(gemini_server.received) == 1
    request = gemini_server.received[0]
    assert request.path == "/v1/models/gemini-3.8-flash:generateContent"
    images = [
        {"inlineData": {"data": base64.urlsafe_b64encode(jpeg(colour)).decode(), "mime_type": "image/jpeg"}}
        for colour in ("navy", "red")
    ]
    assert request.json() == {
        "contents": [{"parts": [{"text": "Is there a lighthouse?"}, *images], "role": "user"}],
        "generationConfig": {
            "temperature": 0,
            "responseMimeType": "application/json",
            "responseJsonSchema": SCHEMA,
        },
    }
    assert json.loads(reply.text) == {"passes": True, "notes": ["lighthouse"]}
    assert reply.usage.service == "gemini"
    assert reply.usage.model == "gemini-3.8-flash"
    assert reply.usage.units == {
        Unit.TEXT_INPUT: 5,
        Unit.IMAGE_INPUT: 1120,
        Unit.TEXT_OUTPUT: 60 + len(reply.text) // 4,
    }


def test_the_model_comes_from_the_setting(gemini_server: GeminiServer, settings: Settings) -> None:
    settings.GEMINI_JUDGE_MODEL = "gemini-3.5-flash-lite"
    assert GeminiJudge().ask(question()).usage.model == "gemini-3.5-flash-lite"


@pytest.mark.parametrize("text", ['```json\n{"passes": true}\n```', '{"passes": tr', "I see no lighthouse."])
def test_the_answer_is_passed_on_unchanged(gemini_server: GeminiServer, text: str) -> None:
    gemini_server.texts = [text]
    assert GeminiJudge().ask(question()).text == text


@pytest.mark.parametrize(
    ("words", "said"), [("forbidden", "PROHIBITED_CONTENT"), ("outlawed", "answered|SAFETY")]
)
def test_a_model_that_does_not_answer_counts_as_a_refusal(
    gemini_server: GeminiServer, words: str, said: str
) -> None:
    with pytest.raises(VendorError, match=said) as caught:
        GeminiJudge().ask(question(f"A lighthouse, {words}?"))
    assert (caught.value.outcome, caught.value.is_retryable) == ("refused", False)
    assert caught.value.usage is not None
    assert len(gemini_server.received) == 1


def test_an_empty_answer_is_an_error_that_was_billed(gemini_server: GeminiServer) -> None:
    gemini_server.texts = [""]
    with pytest.raises(VendorError) as caught:
        GeminiJudge().ask(question())
    assert caught.value.outcome == "provider_error"
    assert caught.value.usage is not None
    assert caught.value.usage.units[Unit.TEXT_OUTPUT] == 60


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault(answer=error(429, "RESOURCE_EXHAUSTED", "Slow down.", [retry_info("3s")])), "rate_limited"),
        (Fault(answer=error(503, "UNAVAILABLE", "Overloaded.")), "provider_error"),
        (Fault(answer=html()), "provider_error"),
        (Fault(edit=halved), "provider_error"),
        (Fault(way="reset"), "provider_error"),
        (Fault(way="hang"), "timeout"),
    ],
)
def test_a_failing_service_is_called_once(gemini_server: GeminiServer, fault: Fault, outcome: str) -> None:
    gemini_server.faults = [fault]
    api.client(api.MOST_ASIDE)  # created before the time counts
    with pytest.raises(VendorError) as caught:
        GeminiJudge().ask(question(seconds=2 if outcome == "timeout" else 30))
    assert caught.value.outcome == outcome
    assert len(gemini_server.received) == 1


def test_without_a_key_it_names_the_setting(settings: Settings) -> None:
    settings.GEMINI_API_KEY = ""
    assert GeminiJudge().missing() == ["GEMINI_API_KEY"]
