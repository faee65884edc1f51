"""Workers AI as a judge: three forms of request, answers of several shapes."""

import base64
import io
import json

import pytest
from PIL import Image
from pytest_django.fixtures import Settings

from dali.lib.calls.answers.usage import Unit, Usage
from dali.lib.clock import Deadline
from progressions.enums import Judgment, Kind
from progressions.errors import JudgeError
from progressions.judge import JudgeRequest, Verdict
from progressions.vendors.cloudflare.failures import CloudflareError
from progressions.vendors.cloudflare.judge import WorkersJudge
from progressions.verdicts.rubric import SCHEMA, Question, Reply
from tests.progressions.pictures import landscape, picture
from tests.vendors.cloudflare_models import UNMET, VERDICT
from tests.vendors.cloudflare_server import CloudflareServer, failure, success
from tests.vendors.server import Answer, Fault

JUDGE = WorkersJudge()
SCOUT = "@cf/meta/llama-4-scout-17b-16e-instruct"
LLAMA = "@cf/meta/llama-3.2-11b-vision-instruct"
GEMMA = "@cf/google/gemma-4-26b-a4b-it"
ALL = [SCOUT, LLAMA, GEMMA]
USED = {Unit.TEXT_INPUT: 900, Unit.TEXT_OUTPUT: 60}


@pytest.fixture(params=ALL)
def model(request: pytest.FixtureRequest, settings: Settings, cloudflare_server: CloudflareServer) -> str:
    """Each of the models in turn, with its licence accepted."""
    name = str(request.param)
    settings.DEFAULT_MODEL_VISION = name
    cloudflare_server.agreed.add(name)
    return name


def jpeg(size: tuple[int, int] = (64, 48), colour: str = "navy") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


def question(*images: bytes, within_s: float = 20) -> Question:
    return Question("Is this a pier?", images or (jpeg(),), SCHEMA, Deadline.after(within_s))


def failing(within_s: float = 20) -> CloudflareError:
    with pytest.raises(CloudflareError) as caught:
        JUDGE.ask(question(within_s=within_s))
    return caught.value


def verdict() -> Verdict:
    request = JudgeRequest(
        kind=Kind.GENERATE, prompt="a pier", generated_image=picture(landscape()), deadline=Deadline.after(20)
    )
    return JUDGE.judge(request)


def test_each_model_answers_with_the_verdict_and_its_usage(
    cloudflare_server: CloudflareServer, model: str
) -> None:
    reply = JUDGE.ask(question(jpeg(), jpeg()))
    assert json.loads(reply.text) == dict(VERDICT)
    assert reply.usage == Usage("workers", model, USED)
    assert cloudflare_server.ran[0].model == model


def test_each_model_gives_a_verdict(cloudflare_server: CloudflareServer, model: str) -> None:
    said = verdict()
    assert (said.judgment, said.model) == (Judgment.PASS, model)
    assert said.tags == ["lighthouse", "dusk"]
    assert said.usage == (Usage("workers", model, USED),)


def test_scout_is_sent_parts_and_the_plain_schema(
    settings: Settings, cloudflare_server: CloudflareServer
) -> None:
    settings.DEFAULT_MODEL_VISION = SCOUT
    JUDGE.ask(question(jpeg(), jpeg(colour="red")))
    fields = cloudflare_server.ran[0].fields
    assert fields["response_format"] == {"type": "json_schema", "json_schema": SCHEMA}
    parts = fields["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "image_url"]
    address = parts[2]["image_url"]["url"]
    assert base64.b64decode(address.removeprefix("data:image/jpeg;base64,")) == jpeg(colour="red")
    assert fields["max_tokens"] == 1000


def test_gemma_is_sent_a_named_schema_and_told_not_to_think(
    settings: Settings, cloudflare_server: CloudflareServer
) -> None:
    settings.DEFAULT_MODEL_VISION = GEMMA
    JUDGE.ask(question())
    fields = cloudflare_server.ran[0].fields
    named = {"name": "verdict", "schema": SCHEMA, "strict": True}
    assert fields["response_format"] == {"type": "json_schema", "json_schema": named}
    assert fields["chat_template_kwargs"] == {"enable_thinking": False}


def test_llama_vision_is_sent_text_one_picture_and_the_schema_in_words(
    settings: Settings, cloudflare_server: CloudflareServer
) -> None:
    settings.DEFAULT_MODEL_VISION = LLAMA
    cloudflare_server.agreed.add(LLAMA)
    JUDGE.ask(question(jpeg((64, 48)), jpeg((30, 96), "red")))
    seen = cloudflare_server.ran[0]
    assert seen.fields.keys() == {"messages", "image", "max_tokens", "temperature"}
    text = seen.fields["messages"][0]["content"]
    assert text.startswith("Is this a pier?")
    assert "from left to right" in text
    assert json.dumps(SCHEMA) in text
    assert seen.images["image"].size == (128 + 16 + 30, 96)
    right = seen.images["image"].getpixel((160, 48))
    assert isinstance(right, tuple)
    assert right[0] > 200


@pytest.mark.parametrize(
    "said",
    [
        "Here it is:\n```json\n" + json.dumps(dict(VERDICT)) + "\n```",
        json.dumps(dict(VERDICT)),
        dict(VERDICT),
    ],
)
def test_text_fenced_text_and_objects_are_passed_on(
    cloudflare_server: CloudflareServer, model: str, said: object
) -> None:
    cloudflare_server.text = said
    assert '"judgment": "pass"' in JUDGE.ask(question()).text
    assert verdict().judgment == Judgment.PASS


@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_that_violates_the_schema_is_requested_once_more(
    cloudflare_server: CloudflareServer, status: int
) -> None:
    unmet = Fault(failure(status, 5024, f"AiError: {UNMET}"))
    cloudflare_server.faults = [unmet]
    assert JUDGE.ask(question()) == Reply(UNMET, Usage("workers", SCOUT))
    cloudflare_server.faults = [unmet]
    assert verdict().judgment == Judgment.PASS
    assert len(cloudflare_server.received) == 3


def test_the_usage_is_unknown_when_no_tokens_are_reported(
    cloudflare_server: CloudflareServer, model: str
) -> None:
    cloudflare_server.usage = None
    assert JUDGE.ask(question()).usage == Usage("workers", model, {})


@pytest.mark.parametrize(
    "result",
    [
        None,
        {},
        {"response": ""},
        {"response": None},
        {"response": {}},
        {"choices": []},
        {"choices": [{"message": {"content": None}}]},
        {"choices": ["odd"]},
    ],
)
def test_an_answer_without_text_may_be_billed(cloudflare_server: CloudflareServer, result: object) -> None:
    cloudflare_server.faults = [Fault(success(result))]
    error = failing()
    assert (error.outcome, error.is_retryable, error.is_possibly_billed) == ("provider_error", True, True)


def test_an_answer_without_text_reports_the_tokens_it_used(cloudflare_server: CloudflareServer) -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 0}
    cloudflare_server.faults = [Fault(success({"response": "", "usage": usage}))]
    assert failing().usage == Usage("workers", SCOUT, {Unit.TEXT_INPUT: 5, Unit.TEXT_OUTPUT: 0})


def test_a_picture_in_place_of_text_is_refused(cloudflare_server: CloudflareServer) -> None:
    cloudflare_server.faults = [Fault(Answer(200, b"\x89PNG...", {"Content-Type": "image/png"}))]
    assert failing().outcome == "provider_error"


def test_a_licence_that_was_not_accepted_is_reported_with_the_fix(
    settings: Settings, cloudflare_server: CloudflareServer
) -> None:
    settings.DEFAULT_MODEL_VISION = LLAMA
    error = failing()
    assert (error.outcome, error.is_retryable, error.code) == ("provider_error", False, 5016)
    assert "manage.py agree_llama_licence" in str(error)
    with pytest.raises(JudgeError, match="agree_llama_licence"):
        verdict()


def test_a_judge_that_refuses_to_look_says_so(cloudflare_server: CloudflareServer) -> None:
    cloudflare_server.faults = [Fault(failure(400, 3030, "AiError: Input prompt contains NSFW content"))]
    said = verdict()
    assert said.judgment is None
    assert "refused to judge" in said.notes[0]


def test_the_deadline_ends_a_dripping_judge(cloudflare_server: CloudflareServer) -> None:
    cloudflare_server.faults = [Fault(way="drip")]
    assert failing(within_s=0.5).outcome == "timeout"
