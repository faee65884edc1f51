"""The contract of text models, which word things anew or choose among what they are shown, and its registry.

Called in worker threads and views, outside transactions. What a model answers is data, never an
instruction: whoever asks validates it as if a stranger had typed it, and has a way to go on without.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.conf import settings

from dali.lib.calls.answers.usage import Usage
from dali.lib.cleaning import clean_facts
from dali.lib.clock import Deadline
from dali.lib.errors import DaliError
from dali.lib.registry import Configurable, Registry

# Of all texts of an answer; tokens are asked for by the thousand.
_MOST_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class TextRequest:
    """What a model is asked: `instructions` are ours, `text` is what users or templates say.

    `schema`: JSON Schema of the answer, an object with every property required and no others allowed; `name` is
    what the schema is called, a word.
    """

    model: str
    instructions: str
    text: str
    name: str
    schema: Mapping[str, object]
    deadline: Deadline
    max_tokens: int = 2000
    images: tuple[bytes, ...] = ()

    def estimate(self, service: str) -> Usage:
        """About what one exchange uses, for the books where no answer is seen."""
        characters = len(self.instructions) + len(self.text)
        # An answer is seldom much longer than what it is about.
        tokens = min(self.max_tokens, 200 + len(self.text) // 4)
        return Usage.estimated(service, self.model, characters=characters, answer_tokens=tokens)


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """The JSON object a model answered, cleaned, not checked against the schema, and what the call used."""

    data: dict[str, Any]
    usage: Usage

    def __post_init__(self) -> None:
        """Whoever reads it may store and show its texts."""
        object.__setattr__(self, "data", clean_facts(self.data, _MOST_CHARACTERS, _MOST_CHARACTERS))


class TextModel(Configurable, ABC):
    """One service of text models."""

    name: ClassVar[str]  # openai, gemini, workers: as in DEFAULT_MODEL_REASONING=openai:gpt-5.4-mini
    prefixes: ClassVar[tuple[str, ...]]  # how names of its models begin, as in ("gpt-",)

    @abstractmethod
    def answer(self, request: TextRequest) -> TextAnswer:
        """One exchange, within `request.deadline`. Raises VendorError; an answer that is no JSON object is a
        `provider_error` with its usage."""


text_models: Registry[TextModel] = Registry(
    TextModel, "progressions.vendors", "text_model", group="progressions.text_models"
)


class NoTextModelError(DaliError):
    """DEFAULT_MODEL_REASONING names no text model that can be asked; the message says why, and the cure."""


def text_model_in_use() -> tuple[TextModel, str] | None:
    """The service and the model that DEFAULT_MODEL_REASONING names; None where it is empty.

    `service:model`, or a model alone whose name begins as a service's names do (the longest of the prefixes that
    fit). Raises NoTextModelError where the service is unknown or not configured.
    """
    named = settings.DEFAULT_MODEL_REASONING.strip()
    if not named:
        return None
    service, model = _split(named)
    if not model:
        raise NoTextModelError(
            f"DEFAULT_MODEL_REASONING={named!r} names no model; set it as {service.name}:MODEL"
        )
    if missing := service.missing():
        raise NoTextModelError(
            f"DEFAULT_MODEL_REASONING={named!r}: {service.name} is not configured; set {', '.join(missing)}"
        )
    return service, model


def _split(named: str) -> tuple[TextModel, str]:
    before, colon, after = named.partition(":")
    # A model's own name may hold a colon, as in `llama3:8b` of a server of one's own.
    if colon and before.strip() in text_models.names():
        return text_models.get(before.strip()), after.strip()
    fitting = [
        (len(prefix), service)
        for service in text_models.all()
        for prefix in service.prefixes
        if named.startswith(prefix)
    ]
    if not fitting:
        known = ", ".join(f"{name}:MODEL" for name in text_models.names())
        raise NoTextModelError(
            f"DEFAULT_MODEL_REASONING={named!r} tells no service; set it as one of: {known}"
        )
    return max(fitting, key=lambda fit: fit[0])[1], named
