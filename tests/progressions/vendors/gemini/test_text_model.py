"""What the text models `gemini` send and answer, through Google's SDK and an equally strict fake server."""

import pytest
from pytest_django.fixtures import Settings

from dali.lib.calls.answers.usage import Unit
from dali.lib.calls.failures import VendorError
from dali.lib.clock import Deadline
from progressions.text_model import TextRequest
from progressions.vendors.gemini.text_model import GeminiTextModel
from tests.vendors.gemini_server import GeminiServer, error
from tests.vendors.server import Fault, html

SCHEMA = {
    "type": "object",
    "properties": {"prompt": {"type": "string"}},
    "required": ["prompt"],
    "additionalProperties": False,
}


def request_for(text: str = "a lighthouse", model: str = "gemini-3.5-flash-lite") -> TextRequest:
    return TextRequest(
        model=model,
        instructions="Rewrite the prompt.",
        text=text,
        name="rewritten",
        schema=SCHEMA,
        deadline=Deadline.after(30),
        max_tokens=500,
    )


def test_instructions_and_text_are_sent_separately(gemini_server: GeminiServer) -> None:
    answer = GeminiTextModel().answer(request_for())
    assert len(gemini_server.received) == 1
    request = gemini_server.received[0]
    assert request.path == "/v1/models/gemini-3.5-flash-lite:generateContent"
    assert request.json() == {
        "systemInstruction": {"parts": [{"text": "Rewrite the prompt."}], "role": "user"},
        "contents": [{"parts": [{"text": "a lighthouse"}], "role": "user"}],
        "generationConfig": {
            "maxOutputTokens": 4500,
            "responseMimeType": "application/json",
            "responseJsonSchema": SCHEMA,
        },
    }
    assert answer.data == {"prompt": "lighthouse"}
    assert (answer.usage.service, answer.usage.model) == ("gemini", "gemini-3.5-flash-lite")
    assert answer.usage.units[Unit.TEXT_INPUT] == 8


@pytest.mark.parametrize("text", ["no JSON", '{"prompt": "a ligh', "[1, 2]", '"a lighthouse"', ""])
def test_an_answer_that_is_not_an_object_is_an_error_that_was_billed(
    gemini_server: GeminiServer, text: str
) -> None:
    gemini_server.texts = [text]
    with pytest.raises(VendorError) as caught:
        GeminiTextModel().answer(request_for())
    assert caught.value.outcome == "provider_error"
    assert caught.value.usage is not None
    assert caught.value.usage.units[Unit.TEXT_OUTPUT] >= 60


def test_a_text_they_block_is_refused(gemini_server: GeminiServer) -> None:
    with pytest.raises(VendorError) as caught:
        GeminiTextModel().answer(request_for("something forbidden"))
    assert caught.value.outcome == "refused"


@pytest.mark.parametrize(
    "fault", [Fault(answer=error(500, "INTERNAL", "Oh.")), Fault(answer=html()), Fault(way="cut")]
)
def test_a_failing_service_is_called_once(gemini_server: GeminiServer, fault: Fault) -> None:
    gemini_server.faults = [fault]
    with pytest.raises(VendorError) as caught:
        GeminiTextModel().answer(request_for())
    assert caught.value.outcome == "provider_error"
    assert len(gemini_server.received) == 1


def test_a_model_of_another_service_is_reported(gemini_server: GeminiServer) -> None:
    with pytest.raises(VendorError, match="gemini-0-none is not found") as caught:
        GeminiTextModel().answer(request_for(model="gemini-0-none"))
    assert not caught.value.is_retryable


def test_its_models_are_recognised_by_name(settings: Settings) -> None:
    settings.GEMINI_API_KEY = ""
    assert GeminiTextModel.prefixes == ("gemini-",)
    assert GeminiTextModel().missing() == ["GEMINI_API_KEY"]
