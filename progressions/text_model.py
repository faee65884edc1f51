"""The contract of text models, which rewrite prompts and interpret messages, and their registry.

The refiner and the agent call them in worker threads and views, outside transactions. A text model makes one call; it
must not retry, or touch rows, storage or other plug-ins. Its answer is untrusted input: the caller validates it, never
follows it as an instruction, and works without it if the call fails.
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

# Limit for all texts of an answer together; requests ask for a few thousand tokens.
_MOST_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class TextRequest:
    """One question to a model.

    `instructions`: Dali's own text. `text`: text of users or templates, untrusted. `schema`: JSON Schema of the answer,
    an object that requires every property and allows no others; `name`: the schema's name, a word. `max_tokens`: limit
    for the answer, without reasoning; 0: the service's own. `images`: JPEG files, only from judges. `deadline` applies
    to the whole call.
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
        """The approximate usage of one call, recorded if it gets no answer."""
        characters = len(self.instructions) + len(self.text)
        # An answer is rarely much longer than the text.
        tokens = min(self.max_tokens, 200 + len(self.text) // 4)
        return Usage.estimated(service, self.model, characters=characters, answer_tokens=tokens)


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """A model's answer: a JSON object, cleaned but not checked against the schema, and the usage of the call."""

    data: dict[str, Any]
    usage: Usage

    def __post_init__(self) -> None:
        """Cleans the texts, so that they can be stored and shown."""
        object.__setattr__(self, "data", clean_facts(self.data, _MOST_CHARACTERS, _MOST_CHARACTERS))


class TextModel(Configurable, ABC):
    """One service of text models."""

    name: ClassVar[str]  # lower case, as in DEFAULT_MODEL_REASONING=name:model
    # A model without a service belongs to the service with the longest prefix that matches the model's name.
    prefixes: ClassVar[tuple[str, ...]]

    @abstractmethod
    def answer(self, request: TextRequest) -> TextAnswer:
        """One call, within `request.deadline`.

        Raises VendorError; for an answer that is not a JSON object, `provider_error` with the usage.
        """


text_models: Registry[TextModel] = Registry(
    TextModel, "progressions.vendors", "text_model", group="progressions.text_models"
)


class NoTextModelError(DaliError):
    """DEFAULT_MODEL_REASONING names no usable text model. The message says why and what to do."""


def text_model_in_use() -> tuple[TextModel, str] | None:
    """The service and the model that DEFAULT_MODEL_REASONING names; None if it is empty.

    It is `service:model`, or a model alone that starts with one of a service's prefixes; the longest prefix decides.
    Raises NoTextModelError if the service is unknown or not configured.
    """
    named = settings.DEFAULT_MODEL_REASONING.strip()
    if not named:
        return None
    service, model = _split(named)
    if not model:
        raise NoTextModelError(
            f"DEFAULT_MODEL_REASONING={named!r} does not name a model; set it to {service.name}:MODEL"
        )
    if missing := service.missing():
        raise NoTextModelError(
            f"DEFAULT_MODEL_REASONING={named!r}: {service.name} is not configured; set {', '.join(missing)}"
        )
    return service, model


def _split(named: str) -> tuple[TextModel, str]:
    before, colon, after = named.partition(":")
    # A model's own name may contain a colon, such as `llama3:8b`.
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
            f"DEFAULT_MODEL_REASONING={named!r} does not name a known service; set it to one of: {known}"
        )
    return max(fitting, key=lambda fit: fit[0])[1], named
