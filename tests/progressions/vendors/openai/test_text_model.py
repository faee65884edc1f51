"""The text models `openai` through their SDK: what they are sent, and how every kind of answer is read."""

import pytest

from dali.lib.calls.answers.usage import Unit
from dali.lib.calls.failures import VendorError
from dali.lib.clock import Deadline
from progressions.text_model import TextRequest
from progressions.vendors.openai.text_model import OpenAITextModel
from tests.vendors.openai_server import OpenAIServer
from tests.vendors.server import Fault, html

MODEL = OpenAITextModel()
SCHEMA = {
    "type": "object",
    "properties": {"prompt": {"type": "string"}},
    "required": ["prompt"],
    "additionalProperties": False,
}


def asked(text: str = "a boat", *, model: str = "gpt-5.4-mini", schema: object = SCHEMA) -> TextRequest:
    assert isinstance(schema, dict)
    return TextRequest(model, "Word it anew.", text, "rewriting", schema, Deadline.after(20), max_tokens=300)


def test_instructions_text_and_schema_are_sent_separately(openai_server: OpenAIServer) -> None:
    openai_server.answer_json = lambda schema, text: {"prompt": f"{text} at sea"}
    answer = MODEL.answer(asked())
    assert answer.data == {"prompt": "a boat at sea"}
    assert set(answer.usage.units) == {Unit.TEXT_INPUT, Unit.TEXT_OUTPUT}
    body = openai_server.received[0].json()
    assert body["instructions"] == "Word it anew."
    assert body["input"] == [{"role": "user", "content": [{"type": "input_text", "text": "a boat"}]}]
    assert body["text"]["format"] == {
        "type": "json_schema",
        "name": "rewriting",
        "schema": SCHEMA,
        "strict": True,
    }
    assert body["store"] is False


@pytest.mark.parametrize("said", ["Certainly!", '{"prompt": "a bo', '["a boat"]', "null"])
def test_an_answer_that_is_not_an_object_is_an_error_with_its_usage(
    openai_server: OpenAIServer, said: str
) -> None:
    openai_server.texts = [said]
    with pytest.raises(VendorError) as caught:
        MODEL.answer(asked())
    assert (caught.value.outcome, caught.value.excerpt) == ("provider_error", said)
    assert caught.value.usage is not None


def test_a_refusal_is_reported_as_one(openai_server: OpenAIServer) -> None:
    with pytest.raises(VendorError) as caught:
        MODEL.answer(asked("a forbidden boat"))
    assert caught.value.outcome == "refused"


def test_an_unknown_model_and_a_loose_schema_are_reported(openai_server: OpenAIServer) -> None:
    with pytest.raises(VendorError, match="model_not_found"):
        MODEL.answer(asked(model="o4-mini"))
    with pytest.raises(VendorError, match="invalid_json_schema"):
        MODEL.answer(asked(schema={"type": "object", "properties": {"a": {"type": "string"}}}))


def test_html_is_an_error(openai_server: OpenAIServer) -> None:
    openai_server.faults = [Fault(answer=html())]
    with pytest.raises(VendorError, match="is not JSON"):
        MODEL.answer(asked())
