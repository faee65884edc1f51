"""Rows for tests, each valid on its own."""

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import factory
from django.db.models import Model
from factory.django import DjangoModelFactory

from knowledgebase.models import Price, Tip
from progressions.models import ImageProgression, Job, Variant
from progressions.queries import search_text_for
from projects.models import Project

T = TypeVar("T", bound=Model)


class RowFactory(DjangoModelFactory[T]):
    """A factory with a typed call: it returns a row, although its class does not say so."""

    class Meta:
        abstract = True

    if TYPE_CHECKING:

        def __new__(cls, **fields: Any) -> T: ...  # type: ignore[misc]


class ProjectFactory(RowFactory[Project]):
    """A project."""

    class Meta:
        model = Project

    name = factory.Sequence(lambda n: f"Project {n}")


class JobFactory(RowFactory[Job]):
    """A queued job of one variant; its variants are created separately."""

    class Meta:
        model = Job

    project = factory.SubFactory(ProjectFactory)
    session_id = factory.Sequence(lambda n: f"s-{n}")
    prompt = "a lighthouse at dusk"
    kind = "generate"
    providers = factory.LazyFunction(lambda: ["mock"])
    remaining = 1


class VariantFactory(RowFactory[Variant]):
    """A queued variant."""

    class Meta:
        model = Variant

    job = factory.SubFactory(JobFactory)
    project = factory.SelfAttribute("job.project")
    provider = "mock"
    index = factory.LazyAttribute(lambda row: row.job.variants.count())
    number = factory.SelfAttribute("index")
    kind = "generate"
    seed = factory.Sequence(lambda n: n)


class ProgressionFactory(RowFactory[ImageProgression]):
    """A generated image without a verdict."""

    class Meta:
        model = ImageProgression

    project = factory.SubFactory(ProjectFactory)
    kind = "generate"
    ai_provider = "mock"
    model = "painter-1"
    prompt = "a lighthouse at dusk"
    generated_image_url = factory.Sequence(lambda n: f"/images/{n:064x}.webp")
    generated_image_r2_key = factory.Sequence(lambda n: f"project/p/jobs/j/orig/{n}")
    original_image_r2_key = factory.SelfAttribute("generated_image_r2_key")
    width = 64
    height = 48
    bytes = 1234

    @factory.lazy_attribute
    def search_text(self) -> str:
        """The text as the services write it."""
        row: Any = self
        return search_text_for(row.prompt, getattr(row, "ai_notes", []), getattr(row, "ai_tags", []))


class TipFactory(RowFactory[Tip]):
    """An enabled tip that fits every prompt."""

    class Meta:
        model = Tip

    key = factory.Sequence(lambda n: f"mock.tip-{n}")
    provider = "mock"
    value = factory.LazyFunction(
        lambda: {"guidance": "", "addition": "soft light", "kinds": [], "keywords": []}
    )


class PriceFactory(RowFactory[Price]):
    """A price per million units, valid since the beginning."""

    class Meta:
        model = Price

    service = "openai"
    model = "painter-1"
    unit = "images"
    usd = Decimal(1)
    per = 1_000_000
    source = "a price list"
    read_on = date(2026, 11, 22)
