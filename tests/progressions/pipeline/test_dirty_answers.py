"""Malformed data next to the picture, from services and plug-ins: it loses no paid image and hides no outcome.

Also on PostgreSQL, whose text and jsonb refuse NUL and unpaired surrogates.
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from dali.lib.calls.answers.usage import Unit, Usage
from dali.lib.calls.failures import VendorError
from knowledgebase.models import Price
from progressions.delivery import Delivery, deliveries
from progressions.enums import Code, Judgment
from progressions.errors import DeliveryError, JudgeError, ProviderError
from progressions.judge import Verdict
from progressions.models import Charge, ImageProgression, Job, Step, Variant
from progressions.pipeline import tools
from progressions.pipeline.ingest import find_stored
from progressions.pipeline.intake.submit import JobDraft, submit_job
from progressions.provider import ProviderImage, ProviderRequest
from progressions.text_model import TextAnswer
from projects.models import Project
from tests.progressions.conftest import told, work_all
from tests.progressions.fakes import FakeJudge, FakeProvider, picture_bytes
from tests.vendors.server import Answer, Fault, VendorServer

pytestmark = pytest.mark.django_db(transaction=True)

NUL, HALF = "nul \x00 end", "half \ud83d end"
DIRTY: dict[str, Any] = {
    "revised_prompt": NUL,
    "text": HALF,
    "request_id": "\x1b[31mred\x7f",
    "size": {"wide": [10**30, float("nan"), float("inf"), -(10**30)], "deep\x00": {"text": HALF}},
    "object": object(),
    "bytes": b"\x00",
    "long": "x" * 100_000,
    "number": 7,
}
Submit = Callable[..., Job]


class DirtyProvider(FakeProvider):
    """Answers with a picture and malformed facts."""

    def __init__(self, **facts: Any) -> None:
        super().__init__()
        self.facts = facts

    def call(self, request: ProviderRequest) -> ProviderImage:
        """See Provider."""
        self.requests.append(request)
        return ProviderImage(
            picture_bytes(request.seed), **{"model": "fake-1", "cost_usd": Decimal("0.01"), **self.facts}
        )


def made(job: Job) -> ImageProgression:
    """The image of a job of one variant, which is complete."""
    variant = job.variants.get()
    assert (variant.status, variant.error) == ("complete", "")
    assert variant.progression is not None
    return variant.progression


def failed(job: Job) -> Variant:
    variant = job.variants.get()
    assert variant.status == "failed"
    return variant


@pytest.mark.parametrize(
    ("facts", "cost"),
    [
        ({"meta": DIRTY}, "0.01"),
        ({"meta": {NUL: {HALF: [NUL]}}}, "0.01"),
        ({"meta": [1]}, "0.01"),
        ({"model": f"m {NUL}{HALF}" + "m" * 500}, "0.01"),
        ({"seed": 10**30}, "0.01"),
        ({"seed": -1}, "0.01"),
        ({"seed": True}, "0.01"),
        ({"cost_usd": Decimal("NaN")}, None),
        ({"cost_usd": Decimal("1e40")}, None),
        ({"cost_usd": Decimal(-1)}, None),
        ({"cost_usd": None, "usage": Usage("fake", "fake-1", {Unit.IMAGE: 10**30})}, None),
        ({"cost_usd": None, "usage": Usage(NUL, HALF, {Unit.IMAGE: Decimal("Infinity")})}, None),
        ({"cost_usd": None, "usage": Usage("mock", "dear", {Unit.IMAGE: 10**9})}, None),
        ({"usage": "many"}, "0.01"),
    ],
)
def test_a_paid_image_is_kept_and_booked_whatever_comes_with_it(
    submit: Submit, fake_provider: FakeProvider, facts: dict[str, Any], cost: str | None
) -> None:
    Price.objects.create(
        service="mock",
        model="dear",
        unit=Unit.IMAGE,
        usd=1,
        per=1,
        source="a test",
        read_on=date(2026, 11, 30),
    )
    dirty = DirtyProvider(**facts)
    fake_provider.call = dirty.call  # type: ignore[method-assign] # the registered fake
    job = submit()
    work_all()
    image = made(job)
    assert image.cost_usd == (None if cost is None else Decimal(cost))
    assert len(dirty.requests) == 1
    charge = Charge.objects.get()
    assert charge.usd == (None if cost is None else Decimal(cost))


def test_facts_are_kept_as_far_as_possible(submit: Submit, fake_provider: FakeProvider) -> None:
    fake_provider.meta = DIRTY
    job = submit()
    work_all()
    meta = made(job).provider_meta
    assert (meta["revised_prompt"], meta["text"], meta["number"]) == ("nul \ufffd end", "half \ufffd end", 7)
    assert meta["size"]["wide"] == [None, None, None, None]
    assert meta["size"]["deep\ufffd"] == {"text": "half \ufffd end"}
    assert len(meta["long"]) == 8_000


@pytest.mark.parametrize("error", [ProviderError, VendorError], ids=["plug-in", "service"])
def test_a_failure_keeps_its_outcome_whatever_its_message(
    submit: Submit, fake_provider: FakeProvider, error: Any
) -> None:
    outcome: Any = Code.REFUSED if error is ProviderError else "refused"
    fake_provider.script = [
        error(outcome, f"{NUL}{HALF}" * 900, request_id=NUL * 200, excerpt=HALF * 900, status=10**30)
    ]
    job = submit()
    work_all()
    variant = failed(job)
    assert variant.code == "refused"
    assert variant.error.startswith("nul \ufffd end")
    assert told()[-2]["error"] == variant.error
    assert Step.objects.get(owner_id=variant.id, name="generate").result["status"] is None


@pytest.mark.parametrize("pause", [1e300, float("inf"), 10**30])
def test_an_absurdly_long_pause_is_not_waited_for(
    submit: Submit, fake_provider: FakeProvider, pause: float
) -> None:
    fake_provider.script = [ProviderError(Code.RATE_LIMITED, "Later.", retry_after_s=pause)]
    job = submit()
    work_all()
    assert failed(job).code == "rate_limited"


@pytest.mark.parametrize("pause", [float("nan"), -5, "soon", True])
def test_an_invalid_pause_is_replaced_by_the_default(
    submit: Submit, fake_provider: FakeProvider, pause: Any
) -> None:
    fake_provider.script = [ProviderError(Code.RATE_LIMITED, "Later.", retry_after_s=pause)]
    submit()
    work_all()
    assert told()[-1]["retryInMs"] < 1500


def test_a_verdict_is_kept_whatever_its_text(submit: Submit, fake_judge: FakeJudge) -> None:
    fake_judge.verdict = Verdict(Judgment.FAIL, [NUL, HALF, "x" * 9000], [NUL, "y" * 99], HALF)
    job = submit()
    work_all()
    image = made(job)
    assert (image.judgment, image.ai_notes[:2]) == ("fail", ["nul \ufffd end", "half \ufffd end"])
    assert (image.ai_tags, image.retry_suggestion) == (["nul \ufffd end", "y" * 40], "half \ufffd end")
    assert len(image.ai_notes[2]) == 2000


@pytest.mark.parametrize(("said", "judgment"), [("pass", "pass"), ("maybe", None), (True, None), (NUL, None)])
def test_a_plug_ins_judgment_is_pass_fail_or_none(
    submit: Submit, fake_judge: FakeJudge, said: Any, judgment: str | None
) -> None:
    fake_judge.verdict = Verdict(said, ["Seen."])
    job = submit()
    work_all()
    assert made(job).judgment == judgment


def test_a_judge_that_fails_with_a_malformed_message_leaves_a_note(
    submit: Submit, fake_judge: FakeJudge
) -> None:
    fake_judge.verdict = JudgeError(f"{NUL}{HALF}")
    job = submit()
    work_all()
    assert made(job).judgment is None


def test_a_text_models_answer_is_clean() -> None:
    answer = TextAnswer({"prompt": NUL, "n\x00": [HALF, {"a": 10**30}]}, Usage("fake", "fake-1"))
    assert answer.data == {"prompt": "nul \ufffd end", "n\ufffd": ["half \ufffd end", {"a": None}]}
    assert len(TextAnswer({"prompt": "x" * 50_000}, Usage("fake", "fake-1")).data["prompt"]) == 50_000


# --- through the adapters of the services


@pytest.fixture
def asked(project: Project, fake_judge: FakeJudge) -> Callable[[str], Job]:
    """A function that submits a job for one provider."""

    def submit_to(provider: str) -> Job:
        draft = JobDraft(prompt="a lighthouse", providers=(provider,), session_id="s-1")
        return submit_job(project=project, draft=draft)

    return submit_to


PICTURE = base64.b64encode(picture_bytes(3)).decode()
ANSWERS = {
    "openai": {
        "data": [{"b64_json": PICTURE, "revised_prompt": NUL}],
        "size": HALF,
        "quality": NUL,
        "usage": {"input_tokens": 10**30, "output_tokens": 10**30},
    },
    "gemini": {
        "candidates": [{"content": {"parts": [{"text": HALF}, {"inlineData": {"data": PICTURE}}]}}],
        "responseId": NUL,
        "modelVersion": HALF,
        "usageMetadata": {"promptTokenCount": 10**30, "candidatesTokenCount": -5},
    },
    "workers": {"result": {"image": PICTURE, "note": NUL}, "success": True, "errors": [], "messages": [HALF]},
}
SERVERS = {"openai": "openai_server", "gemini": "gemini_server", "workers": "cloudflare_server"}


@pytest.mark.parametrize("provider", ANSWERS)
def test_a_services_malformed_answer_is_a_complete_image(
    provider: str, asked: Callable[[str], Job], request: pytest.FixtureRequest
) -> None:
    server: VendorServer = request.getfixturevalue(SERVERS[provider])
    answer = Answer.of_json(ANSWERS[provider])
    server.faults = [Fault(answer=replace(answer, headers={**answer.headers, "x-request-id": "a\x01b\x7f"}))]
    job = asked(provider)
    work_all()
    image = made(job)
    assert len(server.received) == 1
    assert Charge.objects.filter(variant_id=job.variants.get().id).count() == 1
    if provider != "workers":  # its answers name no usage: it is known in advance
        assert image.cost_usd is None


@pytest.mark.parametrize("provider", ANSWERS)
def test_a_services_malformed_refusal_is_refused(
    provider: str, asked: Callable[[str], Job], request: pytest.FixtureRequest
) -> None:
    server: VendorServer = request.getfixturevalue(SERVERS[provider])
    said = {"message": f"{NUL}{HALF} rejected by the safety system", "code": NUL}
    server.faults = [Fault(answer=Answer.of_json({"error": said, "errors": [said], "success": False}, 400))]
    job = asked(provider)
    work_all()
    variant = failed(job)
    assert (variant.code, variant.attempts, len(server.received)) == ("refused", 1, 1)


@pytest.mark.parametrize("provider", ANSWERS)
def test_an_unreadable_answer_is_paid_once(
    provider: str, asked: Callable[[str], Job], request: pytest.FixtureRequest
) -> None:
    server: VendorServer = request.getfixturevalue(SERVERS[provider])
    body = Answer.of_json(ANSWERS[provider]).body.replace(PICTURE.encode(), b"Sorry, no picture today!")
    server.faults = [Fault(answer=Answer(200, body))]
    job = asked(provider)
    work_all()
    variant = failed(job)
    assert (variant.code, variant.attempts, len(server.received)) == ("invalid_image", 1, 1)
    assert Charge.objects.filter(variant_id=variant.id).count() == 1


# --- deliveries


class FailingDelivery(Delivery):
    """Raises each error of the test once."""

    name = "fake"

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.calls = 0

    def place(self, content: bytes, sha256: str) -> str:
        """See Delivery."""
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return f"https://images.example.com/{sha256}?\x00\ud83d"


@pytest.fixture
def delivery(settings: Settings) -> Iterator[FailingDelivery]:
    settings.DELIVERY = "fake"
    with deliveries.register_temporarily(FailingDelivery()) as found:
        assert isinstance(found, FailingDelivery)
        yield found


def test_a_delivery_with_a_malformed_message_waits_like_any_other(
    submit: Submit, delivery: FailingDelivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "retry", lambda effect, *_: effect())
    delivery.errors = [DeliveryError(f"{NUL}{HALF}")]
    job = submit()
    work_all()
    assert job.variants.get().status == "running"
    assert told()[-1]["step"] == "deliver"


def test_a_malformed_url_is_cleaned(submit: Submit, delivery: FailingDelivery) -> None:
    job = submit()
    work_all()
    assert "\x00" not in made(job).generated_image_url


@pytest.mark.parametrize(
    ("code", "said"), [(Code.QUOTA, "Raise the plan."), (Code.PROVIDER_ERROR, "Fix the key.")]
)
def test_a_permanent_delivery_error_ends_the_variant_at_once_and_says_what_to_do(
    submit: Submit, fake_provider: FakeProvider, delivery: FailingDelivery, code: Code, said: str
) -> None:
    delivery.errors = [DeliveryError("a secret place", code=code, public_message=said)]
    job = submit()
    work_all()
    variant = failed(job)
    assert (variant.code, variant.error) == (code, f"The image is made and its original kept. {said}")
    assert (delivery.calls, len(fake_provider.requests)) == (1, 1)
    assert find_stored(tools.original_key(variant)) is not None
    assert variant.cost_usd == Decimal("0.01")


def test_a_permanent_delivery_error_of_a_start_image_ends_the_job_before_it_costs_anything(
    submit: Submit, fake_provider: FakeProvider, delivery: FailingDelivery
) -> None:
    submit()
    work_all()
    parent = ImageProgression.objects.get()
    delivery.errors = [DeliveryError("a secret place", code=Code.QUOTA, public_message="Raise the plan.")]
    job = submit(parent_progression_id=parent.id, session_id="s-2")
    work_all()
    variant = failed(job)
    assert (variant.code, variant.error, variant.attempts) == ("quota", "Raise the plan.", 0)
    assert len(fake_provider.requests) == 1


def test_a_start_image_waits_for_a_busy_delivery_as_requested(
    submit: Submit, delivery: FailingDelivery
) -> None:
    submit()
    work_all()
    parent = ImageProgression.objects.get()
    delivery.errors = [DeliveryError("busy", 100, is_busy=True)]
    job = submit(parent_progression_id=parent.id, session_id="s-2")
    work_all()
    job.refresh_from_db()
    assert 95 < (job.not_before - timezone.now()).total_seconds() <= 100


def test_a_busy_delivery_is_not_called_until_its_pause_is_over(
    submit: Submit, delivery: FailingDelivery
) -> None:
    delivery.errors = [DeliveryError("busy", 23, is_busy=True)]
    job = submit()
    work_all()
    assert (delivery.calls, told()[-1]["retryInMs"]) == (1, 23_000)
    assert job.variants.get().status == "running"
