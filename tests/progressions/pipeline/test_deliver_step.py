"""The `deliver` step while delivery is down: the image waits, and is neither paid again nor lost."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from dali.lib.objects.storage import originals
from progressions.delivery import Delivery, deliveries
from progressions.errors import DeliveryError
from progressions.models import ImageProgression, Job, Step, Variant
from progressions.pipeline import tools
from progressions.pipeline.writes import cancel_job
from tests.progressions.conftest import told, work_all
from tests.progressions.fakes import FakeProvider

pytestmark = pytest.mark.django_db(transaction=True)


class FakeDelivery(Delivery):
    """Fails as often as the test sets."""

    name = "fake"

    def __init__(self) -> None:
        self.failures = 0
        self.placed: list[str] = []

    def place(self, content: bytes, sha256: str) -> str:
        """The URL, or a DeliveryError."""
        if self.failures:
            self.failures -= 1
            raise DeliveryError("the service 'x-secret-host' is away", 7)
        self.placed.append(sha256)
        return f"https://images.example.com/{sha256}"


@pytest.fixture
def delivery(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDelivery]:
    settings.DELIVERY = "fake"
    monkeypatch.setattr(tools, "retry", lambda effect, *_: effect())
    with deliveries.register_temporarily(FakeDelivery()) as made:
        assert isinstance(made, FakeDelivery)
        yield made


def let_time_pass() -> None:
    Variant.objects.update(not_before=timezone.now() - timedelta(seconds=1))


def test_an_image_that_cannot_be_delivered_waits_and_is_not_requested_again(
    submit: Callable[..., Job], fake_provider: FakeProvider, delivery: FakeDelivery
) -> None:
    delivery.failures = 1
    job = submit()
    work_all()
    variant = job.variants.get()
    assert variant.status == "running"
    assert variant.lease_until is None
    assert 5 < (variant.not_before - timezone.now()).total_seconds() <= 7
    waiting = told()[-1]
    assert (waiting["type"], waiting["step"], waiting["retryInMs"]) == ("progress", "deliver", 7000)
    assert "x-secret-host" not in waiting["error"]
    assert work_all() == 0
    let_time_pass()
    work_all()
    variant.refresh_from_db()
    assert variant.status == "complete"
    image = ImageProgression.objects.get()
    assert image.generated_image_url.startswith("https://images.example.com/")
    assert originals().exists(image.generated_image_r2_key)
    assert len(fake_provider.requests) == 1
    steps = Step.objects.filter(owner_id=variant.id, name="deliver").order_by("id")
    assert [(step.status, step.attempt) for step in steps] == [("failed", 1), ("ok", 2)]


def test_a_failing_delivery_is_retried_with_growing_pauses_and_never_given_up(
    submit: Callable[..., Job], fake_provider: FakeProvider, delivery: FakeDelivery
) -> None:
    delivery.failures = 12
    job = submit()
    for _ in range(12):
        let_time_pass()
        work_all()
    assert job.variants.get().status == "running"
    pauses = [event["retryInMs"] for event in told() if event.get("step") == "deliver"]
    growing = [7_000, 7_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000]
    assert pauses == [*growing, 300_000, 300_000, 300_000, 300_000]
    let_time_pass()
    work_all()
    assert job.variants.get().status == "complete"
    assert len(fake_provider.requests) == 1


def test_a_variant_that_waits_for_its_delivery_can_be_cancelled(
    submit: Callable[..., Job], delivery: FakeDelivery
) -> None:
    delivery.failures = 1
    job = submit()
    work_all()
    cancel_job(job_id=job.id)
    assert job.variants.get().status == "cancelled"
