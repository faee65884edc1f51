"""Previews that a provider sends during a call."""

import base64
import io
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F
from PIL import Image

from dali.lib.objects.storage import originals
from progressions.models import Job, Variant
from progressions.pipeline import orchestrator, tools
from progressions.pipeline.run import Run
from progressions.pipeline.steps import generate_step
from progressions.work import claims
from tests.progressions.conftest import told, work_all
from tests.progressions.fakes import FakeProvider, picture_bytes
from tests.waiting import PATIENCE_S

Submit = Callable[..., Job]


def preview_of(event: dict[str, Any]) -> Image.Image:
    head, _, text = event["previewUrl"].partition(",")
    assert head == "data:image/webp;base64"
    content = base64.b64decode(text)
    assert len(content) <= 16 * 1024
    return Image.open(io.BytesIO(content))


def test_a_small_preview_is_published_during_the_call(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, show = threading.Event(), generate_step._show

    def show_and_say(run: Run, content: bytes) -> None:
        show(run, content)
        shown.set()

    monkeypatch.setattr(generate_step, "_show", show_and_say)
    fake_provider.partials = [picture_bytes(3, (1024, 768))]
    # The call continues until its preview has been published.
    fake_provider.before_answer = lambda request: wait_for(shown)
    submit()
    work_all()
    progress = [event for event in told() if event["type"] == "progress" and event["step"] == "generate"]
    assert [event["progress"] for event in progress] == [0.1, 0.35, 0.6]
    assert ["previewUrl" in event for event in progress] == [False, True, False]
    assert preview_of(progress[1]).size == (256, 192)
    assert progress[1]["attempt"] == 1


def wait_for(event: threading.Event) -> None:
    assert event.wait(PATIENCE_S)


def test_a_preview_that_does_not_decode_is_dropped(submit: Submit, fake_provider: FakeProvider) -> None:
    fake_provider.partials = [b"no picture"]
    job = submit()
    work_all()
    assert job.variants.get().status == "complete"
    assert not [event for event in told() if "previewUrl" in event]


def test_a_preview_under_a_lost_lease_publishes_nothing_and_the_answer_is_kept(
    submit: Submit, fake_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(seed=5)
    monkeypatch.setattr(tools, "call_listening", lose_the_lease)
    lease = claims.claim_next()
    assert lease is not None
    orchestrator.run_lease(lease)
    assert not [event for event in told() if "previewUrl" in event]
    assert originals().read(tools.original_key(job.variants.get())) == picture_bytes(5)


def lose_the_lease(seconds: float, call: Any, hear: Any) -> Any:
    """Replaces a call whose lease is lost before its preview is published."""
    Variant.objects.update(lease_token=F("lease_token") + 1)
    hear(picture_bytes(3))
    return call(lambda content: None)
