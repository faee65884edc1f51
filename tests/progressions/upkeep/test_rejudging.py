"""`manage.py judge`: images judged again, by the judge in use or by another."""

import io
import os
import signal
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from dali.lib.calls.failures import VendorError
from dali.lib.objects.storage import originals
from dali.lib.pictures.images import Picture
from knowledgebase.models import Price
from progressions.judge import Judge, JudgeRequest, Verdict, judges
from progressions.models import Charge, ImageProgression
from progressions.money.spending import spending_of
from tests.factories import JobFactory, ProgressionFactory, ProjectFactory
from tests.progressions.conftest import told
from tests.progressions.fake_models import SEEN, ScriptedJudge
from tests.progressions.fakes import FakeJudge
from tests.progressions.pictures import landscape, png

pytestmark = pytest.mark.django_db

FAIL = '{"notes": ["It is a barn."], "judgment": "fail", "tags": ["barn"], "retry_suggestion": "Ask for a tower."}'
DAY = datetime(2026, 11, 3, 12, tzinfo=UTC)


@pytest.fixture
def scripted() -> Iterator[ScriptedJudge]:
    """A judge called `scripted`, which is not the one in use."""
    with judges.register_temporarily(ScriptedJudge()) as judge:
        assert isinstance(judge, ScriptedJudge)
        yield judge


def image(made: datetime = DAY, **fields: Any) -> ImageProgression:
    job = fields.pop("job", None) or JobFactory(session_id="s-1")
    key = f"project/p/jobs/{uuid.uuid4()}/orig/0"
    originals().put_once(key, png(landscape((64, 48))), media_type="image/png")
    row = ProgressionFactory(project=job.project, job=job, generated_image_r2_key=key, **fields)
    ImageProgression.objects.filter(id=row.id).update(created_at=made)
    return row


def report(*arguments: str) -> str:
    out = io.StringIO()
    call_command("judge", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue().strip()


def priced() -> None:
    for unit, usd in (("text_input_tokens", "1"), ("text_output_tokens", "5")):
        Price.objects.create(
            service="fake", model="fake-eye-1", unit=unit, usd=Decimal(usd), per=1_000_000, source="x",
            read_on=DAY.date(),
        )  # fmt: skip


def test_images_are_judged_published_and_charged(scripted: ScriptedJudge) -> None:
    priced()
    row = image(judgment="pass", ai_notes=["Before."])
    scripted.script = [FAIL]
    assert report("--since", "2026-11-01", "--judge", "scripted") == (
        "1 of 1 judged by scripted: 0 pass, 1 fail, 0 could not be said, 0 failed. Cost: 0.001000 USD."
    )
    row.refresh_from_db()
    assert (row.judgment, row.ai_notes, row.retry_suggestion) == (
        "fail",
        ["It is a barn."],
        "Ask for a tower.",
    )
    (event,) = told()
    assert (event["type"], event["late"], event["judgment"]) == ("judge", True, "fail")
    charge = Charge.objects.get()
    assert (charge.purpose, charge.progression_id, charge.job_id) == ("judge", row.id, row.job_id)
    assert spending_of("project_id", [row.project_id])[row.project_id].total == Decimal("0.001")


def test_the_judge_in_use_is_the_default(fake_judge: FakeJudge) -> None:
    image()
    assert report("--since", "2026-11-01").startswith("1 of 1 judged by fake: 1 pass")
    assert len(fake_judge.requests) == 1


def test_only_the_chosen_images_are_judged(scripted: ScriptedJudge) -> None:
    project = ProjectFactory()
    job = JobFactory(project=project, session_id="s-1")
    image(DAY - timedelta(days=9))
    image(judgment="pass", ai_provider="mock", job=job)
    image(judgment="fail", ai_provider="mock")
    image(ai_provider="other")
    image(DAY + timedelta(days=1, hours=11), ai_provider="other")
    ProgressionFactory(kind="rollback", job=None)

    def count(*arguments: str) -> int:
        said = report("--since", "2026-11-01", "--judge", "scripted", "--dry-run", *arguments)
        assert said.endswith(" images would be judged by scripted; none was.")
        return int(said.split()[0])

    assert count() == 4
    assert count("--until", "2026-11-03") == 3
    assert count("--until", "2026-11-03T12:00") == 0
    assert count("--only", "none") == 2
    assert count("--only", "pass") == 1
    assert count("--only", "fail") == 1
    assert count("--provider", "mock") == 2
    assert count("--project", str(project.id)) == 1
    assert scripted.questions == []
    assert report("--since", "2026-11-01", "--judge", "scripted", "--provider", "mock").startswith("2 of 2")


def test_a_judge_that_fails_or_abstains_removes_no_verdict_and_its_usage_is_charged(
    scripted: ScriptedJudge,
) -> None:
    rows = [image(judgment="pass", ai_notes=["Before."], judge_due_at=None) for _ in range(2)]
    scripted.script = [VendorError("provider_error", "Fake: 503", usage=SEEN)]
    with pytest.raises(CommandError, match="1 could not be judged"):
        report("--since", "2026-11-01", "--judge", "scripted", "--project", str(rows[0].project_id))
    scripted.script = ["Hm.", "Hm."]
    said = report("--since", "2026-11-01", "--judge", "scripted", "--project", str(rows[1].project_id))
    assert "1 could not be said, 0 failed. Cost: 0.000000 USD, and 2 calls of unknown price." in said
    for row in rows:
        row.refresh_from_db()
        assert (row.judgment, row.ai_notes, row.judge_due_at) == ("pass", ["Before."], None)
    assert Charge.objects.count() == 3
    assert told() == []


def test_a_due_image_is_judged_and_no_longer_due(scripted: ScriptedJudge) -> None:
    row = image(judge_due_at=timezone.now() - timedelta(minutes=1))
    report("--since", "2026-11-01", "--judge", "scripted")
    row.refresh_from_db()
    assert (row.judgment, row.judge_due_at) == ("pass", None)


def test_many_images_are_judged_a_few_at_a_time(scripted: ScriptedJudge) -> None:
    job = JobFactory(session_id="s-1")
    for _ in range(30):
        image(job=job)
    assert report("--since", "2026-11-01", "--judge", "scripted").startswith(
        "30 of 30 judged by scripted: 30 pass"
    )
    assert [event["seq"] for event in told()] == list(range(1, 31))


class Interrupting(Judge):
    """Simulates Ctrl-C on its first call."""

    name = "interrupting"

    def __init__(self) -> None:
        self.seen: list[Picture] = []

    def judge(self, request: JudgeRequest) -> Verdict:
        """Passes."""
        self.seen.append(request.generated_image)
        if len(self.seen) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return Verdict(None, ["Stopped."])


def test_ctrl_c_ends_it_after_the_calls_in_progress() -> None:
    job = JobFactory(session_id="s-1")
    for _ in range(60):
        image(job=job)
    before = signal.getsignal(signal.SIGINT)
    out = io.StringIO()
    with judges.register_temporarily(Interrupting()) as judge, pytest.raises(SystemExit) as ended:
        call_command(
            "judge", "--since", "2026-11-01", "--judge", judge.name, stdout=out, stderr=io.StringIO()
        )
    assert ended.value.code == 130
    assert isinstance(judge, Interrupting)
    assert len(judge.seen) < 60
    assert out.getvalue().startswith(f"{len(judge.seen)} of 60 judged by interrupting")
    assert ImageProgression.objects.filter(ai_notes=["Stopped."]).count() == len(judge.seen)
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--since", "soon"], "'soon' is not a date or time"),
        (["--since", "2026-11-01", "--judge", "nobody"], "'nobody'"),
        (["--since", "2026-11-01", "--judge", "openai"], "set OPENAI_API_KEY"),
        (["--since", "2026-11-01", "--project", "x"], "'x' is not a project id"),
        ([], "--since"),
    ],
)
def test_invalid_arguments_are_refused_by_name(arguments: list[str], said: str, settings: Settings) -> None:
    settings.OPENAI_API_KEY = ""
    with pytest.raises(CommandError, match=said):
        report(*arguments)
