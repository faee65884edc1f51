"""Workers AI's text models: what they are sent and how their answers are read."""

import pytest
from pytest_django.fixtures import Settings

from dali.lib.calls.answers.usage import Unit, Usage
from dali.lib.calls.failures import VendorError
from dali.lib.clock import Deadline
from progressions.text_model import TextRequest, text_models
from progressions.vendors.cloudflare.text_model import WorkersTextModel
from tests.vendors.cloudflare_models import UNMET
from tests.vendors.cloudflare_server import CloudflareServer, failure
from tests.vendors.server import Fault, html

MODEL = WorkersTextModel()
LLAMA = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
SCOUT = "@cf/meta/llama-4-scout-17b-16e-instruct"
GEMMA = "@cf/google/gemma-4-26b-a4b-it"
SCHEMA = {
    "type": "object",
    "properties": {"prompt": {"type": "string"}},
    "required": ["prompt"],
    "additionalProperties": False,
}
USED = {Unit.TEXT_INPUT: 900, Unit.TEXT_OUTPUT: 60}


def request_for(model: str = LLAMA, within_s: float = 20) -> TextRequest:
    return TextRequest(
        model=model,
        instructions="Rewrite the prompt.",
        text="a pier",
        name="rewritten",
        schema=SCHEMA,
        deadline=Deadline.after(within_s),
        max_tokens=500,
    )


def failing(within_s: float = 20) -> VendorError:
    with pytest.raises(VendorError) as caught:
        MODEL.answer(request_for(within_s=within_s))
    return caught.value


@pytest.mark.parametrize("model", [LLAMA, SCOUT, GEMMA])
@pytest.mark.parametrize(
    "said",
    [
        {"prompt": "a long pier"},
        '{"prompt": "a long pier"}',
        'Sure:\n```json\n{"prompt": "a long pier"}\n```',
    ],
)
def test_an_object_is_read_from_every_shape_of_answer(
    cloudflare_server: CloudflareServer, model: str, said: object
) -> None:
    cloudflare_server.text = said
    answer = MODEL.answer(request_for(model))
    assert answer.data == {"prompt": "a long pier"}
    assert answer.usage == Usage("workers", model, USED)


def test_instructions_and_text_are_kept_apart(cloudflare_server: CloudflareServer) -> None:
    cloudflare_server.text = {"prompt": "x"}
    MODEL.answer(request_for())
    fields = cloudflare_server.ran[0].fields
    assert fields["messages"] == [
        {"role": "system", "content": "Rewrite the prompt."},
        {"role": "user", "content": "a pier"},
    ]
    assert fields["response_format"] == {"type": "json_schema", "json_schema": SCHEMA}
    assert fields["max_tokens"] == 500


@pytest.mark.parametrize("said", ["a long pier", "[1]", '{"prompt": "a lo', ["a pier"]])
def test_an_answer_that_is_not_an_object_is_an_error_with_its_usage(
    cloudflare_server: CloudflareServer, said: object
) -> None:
    cloudflare_server.text = said
    error = failing()
    assert (error.outcome, error.usage) == ("provider_error", Usage("workers", LLAMA, USED))
    assert "JSON object" in str(error)


def test_an_answer_that_violates_the_schema_is_an_error(cloudflare_server: CloudflareServer) -> None:
    cloudflare_server.text = UNMET
    assert failing().outcome == "provider_error"


def test_a_failure_of_the_service_keeps_its_outcome(cloudflare_server: CloudflareServer) -> None:
    cloudflare_server.faults = [Fault(failure(429, 3036, "AiError: Account limited"))]
    assert failing().outcome == "quota"
    cloudflare_server.faults = [Fault(html())]
    assert failing().outcome == "provider_error"
    cloudflare_server.faults = [Fault(way="hang")]
    assert failing(within_s=0.4).outcome == "timeout"


def test_its_models_are_recognised_by_name(settings: Settings) -> None:
    assert LLAMA.startswith(text_models.get("workers").prefixes)
    settings.CLOUDFLARE_API_TOKEN = ""
    assert "CLOUDFLARE_API_TOKEN" in MODEL.missing()
