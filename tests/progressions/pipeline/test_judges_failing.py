"""A failing judge service delays no image, whatever the failure; tested through the fake server of each service."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from progressions.judge import judges
from progressions.models import Charge, ImageProgression, Job, Step
from progressions.pipeline import late_judging
from tests.progressions.conftest import told, work_all
from tests.vendors.configured import KEYS, STAND_INS, configure
from tests.vendors.server import Answer, Fault

Submit = Callable[..., Job]
ASKED = [name for name in judges.names() if name in STAND_INS]
FAULTS = {
    "hang": Fault(way="hang"),
    "drip": Fault(way="drip", pause_s=0.1),
    "reset": Fault(way="reset"),
    "cut": Fault(way="cut"),
    "busy": Fault(
        answer=Answer.of_json({"error": {"message": "slow down", "code": 429}}, 429, Retry_After="7")
    ),
    "broken": Fault(answer=Answer.of_json({"error": {"message": "oops " + KEYS[0]}}, 500)),
    "HTML": Fault(answer=Answer(200, b"<html>hello</html>", {"Content-Type": "text/html"})),
    "nothing": Fault(answer=Answer.of_json({})),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ASKED)
def test_an_image_is_complete_without_its_verdict_and_judged_later(
    name: str, fault: str, submit: Submit, request: pytest.FixtureRequest, settings: Settings
) -> None:
    server = configure(request, name)
    assert server is not None
    settings.JUDGE, settings.JUDGE_TIMEOUT_S = name, 3.0
    server.faults = [FAULTS[fault]] * 2  # also when an answer counts as unreadable
    job = submit()
    work_all()  # a service that hangs or drips does so until its timeout, however long that is
    row = ImageProgression.objects.get()
    assert (job.variants.get().status, row.judgment, len(row.ai_notes)) == ("complete", None, 1)
    assert told()[-1]["type"] == "complete"
    everything = json.dumps([*told(), *Step.objects.values_list("result", "error")], default=str)
    assert not [key for key in KEYS if key in everything]
    if fault in ("hang", "drip", "reset", "cut"):
        assert {charge.model for charge in Charge.objects.filter(purpose="judge", is_possible=True)} == {
            judges.get(name).model()  # type: ignore[attr-defined]  # each asks a model
        }
    settings.JUDGE_TIMEOUT_S, server.faults = 30, []
    ImageProgression.objects.update(judge_due_at=timezone.now() - timedelta(seconds=1))
    assert late_judging.judge_late(row.id)
    row.refresh_from_db()
    assert row.judgment in ("pass", "fail")
    assert told()[-1]["late"] is True
