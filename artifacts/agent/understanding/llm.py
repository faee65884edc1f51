"""Asks the text model what a message means, and checks its answer as if a stranger had typed it."""

import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import structlog
from django.conf import settings
from django.template.loader import render_to_string

from artifacts.agent.understanding.image_rules import address_in, project_named
from artifacts.agent.understanding.intent import Action, Intent, Situation, Slot
from artifacts.agent.understanding.matching import has_words, words_of
from dali.lib.calls.answers.usage import Usage
from dali.lib.calls.deadlines import call_within
from dali.lib.calls.failures import VendorError
from dali.lib.clock import Deadline
from dali.lib.errors import DaliError
from dali.lib.logs import mask_secrets
from dali.lib.texts import comparable
from progressions.text_model import TextAnswer, TextModel, TextRequest, text_model_in_use

log = structlog.get_logger(__name__)

MOST_INTENTS = 20
MOST_CHARACTERS = 4_000
# Limits of what the model is shown: characters of each text, and recent messages.
_MOST_SHOWN = 300
_MOST_TURNS = 6
_MOST_SLOTS = 200
# Only the user's own words may start over, publish or agree.
ACTIONS: tuple[Action, ...] = tuple(
    one for one in get_args(Action) if one not in ("start_over", "done", "yes")
)
_OF_IMAGES = ("latest", "find", "image")
_SCHEMA: Mapping[str, object] = {
    "type": "object",
    "properties": {
        "actions": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "action": {"type": "string", "enum": list(ACTIONS)},
                    "placeholder": {"type": "string"},
                    "number": {"type": "integer"},
                    "text": {"type": "string"},
                },
                "required": ["action", "placeholder", "number", "text"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["actions"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Understood:
    """At least one intent. `model`: the service:model that read it; `dropped`: actions not taken, and why."""

    intents: tuple[Intent, ...]
    usage: Usage
    model: str
    dropped: tuple[str, ...] = ()


class NotUnderstoodError(DaliError):
    """The text model gave nothing usable; the message says why, for the record.

    `usage`: what the call used. `model`: the model asked, empty if none was.
    `is_possibly_billed`: it was asked, and no answer tells whether it was billed.
    """

    def __init__(
        self, reason: str, *, usage: Usage | None = None, model: str = "", is_possibly_billed: bool = False
    ) -> None:
        super().__init__(mask_secrets(reason)[:300])
        self.usage = usage
        self.model = model
        self.is_possibly_billed = is_possibly_billed


class _InvalidError(DaliError):
    """One action of an answer is not valid; the message says why."""


def name_in_use() -> str:
    """The text model that can be asked, as service:model; empty if there is none."""
    try:
        found = text_model_in_use()
    except DaliError:
        return ""
    return f"{found[0].name}:{found[1]}" if found else ""


def estimate(message: str, situation: Situation, history: Sequence[tuple[str, str]] = ()) -> Usage | None:
    """An estimate of what asking would use, for calls whose answer is lost."""
    try:
        found = text_model_in_use()
    except DaliError:
        return None
    return _request(found[1], message, situation, history).estimate(found[0].name) if found else None


def ask(message: str, situation: Situation, history: Sequence[tuple[str, str]] = ()) -> Understood:
    """The intents that the text model reads from a message, within DALI_AGENT_TIMEOUT_S. Does not use the database.

    `history`: earlier turns as (message, reply), latest last. Raises NotUnderstoodError.
    """
    try:
        found = text_model_in_use()
    except DaliError as error:
        raise NotUnderstoodError(f"{error}.") from error
    if found is None:
        raise NotUnderstoodError("No text model is configured.")
    service, model = found
    name = f"{service.name}:{model}"
    answer = _answer(service, _request(model, message, situation, history), name)
    intents, dropped = read(answer.data, message, situation)
    if dropped:
        log.info("model_intents_dropped", model=name, reasons=list(dropped))
    if not intents:
        reason = "; ".join(dropped) or "it found no request in the message"
        raise NotUnderstoodError(f"{name}: {reason}.", usage=answer.usage, model=name)
    return Understood(intents, answer.usage, name, dropped)


def read(
    data: Mapping[str, object], message: str, situation: Situation
) -> tuple[tuple[Intent, ...], tuple[str, ...]]:
    """The valid intents of an answer, and a reason for each action that is not valid."""
    actions = data.get("actions")
    if not isinstance(actions, list):
        return (), ("the answer has no list of actions",)
    if len(actions) > MOST_INTENTS:
        return (), (f"the answer has {len(actions)} actions",)
    intents: list[Intent] = []
    dropped: list[str] = []
    for action in actions:
        try:
            intents.append(_checked(action, message, situation))
        except _InvalidError as error:
            dropped.append(str(error))
    return tuple(intents), tuple(dropped)


def _request(
    model: str, message: str, situation: Situation, history: Sequence[tuple[str, str]]
) -> TextRequest:
    return TextRequest(
        model=model,
        instructions=render_to_string("agent/understand.txt").strip(),
        text=json.dumps(_shown(message, situation, history), ensure_ascii=False, indent=1),
        name="intents",
        schema=_SCHEMA,
        deadline=Deadline.after(settings.AGENT_TIMEOUT_S),
        max_tokens=3_000,
    )


def _shown(message: str, situation: Situation, history: Sequence[tuple[str, str]]) -> dict[str, object]:
    return {
        "placeholders": [_placeholder(slot) for slot in situation.slots[:_MOST_SLOTS]],
        "asked": situation.asked or "",
        "choices": [
            {"number": offer.n, "label": _cut(offer.label), "about": _cut(offer.words)}
            for offer in situation.offers
        ],
        "projects": [_cut(name) for name in situation.projects],
        "is_yes_or_no_asked": situation.is_confirming,
        "before": [{"user": _cut(said), "agent": _cut(reply)} for said, reply in history[-_MOST_TURNS:]],
        "message": message,
    }


def _placeholder(slot: Slot) -> dict[str, object]:
    kind = "image" if slot.is_image else "text"
    filled = "not filled" if slot.value is None else _cut(slot.value)
    return {"name": slot.name, "kind": kind, "value": filled}


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _MOST_SHOWN else f"{flat[: _MOST_SHOWN - 1]}\u2026"


def _answer(service: TextModel, request: TextRequest, name: str) -> TextAnswer:
    try:
        return call_within(request.deadline.left_s(), lambda: service.answer(request))
    except VendorError as error:
        raise NotUnderstoodError(
            str(error), usage=error.usage, model=name, is_possibly_billed=error.is_possibly_billed
        ) from error
    except TimeoutError as error:
        reason = f"{service.name} gave no answer within {settings.AGENT_TIMEOUT_S:g} s."
        raise NotUnderstoodError(reason, model=name, is_possibly_billed=True) from error
    except Exception as error:  # noqa: BLE001 - a plug-in's bug costs this one reading, not the chat
        log.exception("text_model_broke", service=service.name)
        raise NotUnderstoodError(f"{service.name} broke ({type(error).__name__}).", model=name) from error


def _checked(said: object, message: str, situation: Situation) -> Intent:
    """One action as an intent, if the user could have typed it here."""
    if not isinstance(said, dict):
        raise _InvalidError("an action is not an object")
    action = next((one for one in ACTIONS if one == said.get("action")), None)
    if action is None:
        raise _InvalidError(f"'{str(said.get('action'))[:40]}' is not an action")
    if action == "no":
        if not situation.is_confirming:
            raise _InvalidError("no: there is no open question")
        return Intent("no")
    placeholder = _slot_of(said.get("placeholder"), situation)
    if situation.is_confirming and placeholder is None and action not in ("show", "help", "back"):
        raise _InvalidError(f"{action}: only the user can answer the open question")
    if action in _OF_IMAGES and not (meant := _meant(placeholder, situation)).is_image:
        raise _InvalidError(f"{action}: {meant.name} takes text")
    check = _CHECKS.get(action)
    return Intent(action) if check is None else check(said, placeholder, message, situation)


def _slot_of(said: object, situation: Situation) -> Slot | None:
    if said is None or said == "":
        return None
    slot = situation.slot(said.strip("{} ")) if isinstance(said, str) else None
    if slot is None:
        raise _InvalidError(f"'{str(said)[:60]}' is not a placeholder")
    return slot


def _text_of(said: Mapping[str, object], *, most: int = MOST_CHARACTERS) -> str:
    text = said.get("text")
    if not isinstance(text, str):
        raise _InvalidError(f"{said['action']}: the text is not a string")
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > most:
        raise _InvalidError(f"{said['action']}: the text is longer than {most} characters")
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t" for char in text):
        raise _InvalidError(f"{said['action']}: the text contains control characters")
    return text


def _name(slot: Slot | None) -> str | None:
    return None if slot is None else slot.name


def _meant(slot: Slot | None, situation: Situation) -> Slot:
    meant = slot or situation.slot(situation.asked)
    if meant is None:
        raise _InvalidError("no placeholder is named or asked for")
    return meant


def _set(said: Mapping[str, object], slot: Slot | None, message: str, situation: Situation) -> Intent:
    meant, text = _meant(slot, situation), _text_of(said)
    if meant.is_image:
        raise _InvalidError(f"set: {meant.name} takes an image")
    if not text:
        raise _InvalidError("set: the text is empty")
    return Intent("set", _name(slot), text)


def _pick(said: Mapping[str, object], slot: Slot | None, message: str, situation: Situation) -> Intent:
    number = said.get("number")
    if situation.is_confirming:
        raise _InvalidError("pick: only the user can answer the open question")
    if isinstance(number, bool) or not isinstance(number, int) or number not in situation.numbers():
        raise _InvalidError(f"pick: {str(number)[:20]} is not one of the choices")
    _meant(slot, situation)
    return Intent("pick", _name(slot), number=number)


def _latest(said: Mapping[str, object], slot: Slot | None, message: str, situation: Situation) -> Intent:
    return Intent("latest", _name(slot))


def _find(said: Mapping[str, object], slot: Slot | None, message: str, situation: Situation) -> Intent:
    text = _text_of(said, most=_MOST_SHOWN)
    if not has_words(text):
        raise _InvalidError("find: no words to search for")
    return Intent("find", _name(slot), text)


def _image(said: Mapping[str, object], slot: Slot | None, message: str, situation: Situation) -> Intent:
    text = _text_of(said, most=2_000)
    # A URL that the user did not write came from somewhere else.
    if address_in(text) != text or comparable(text) not in comparable(message):
        raise _InvalidError("image: the message does not contain this id or URL")
    return Intent("image", _name(slot), text)


def _fill(said: Mapping[str, object], slot: Slot | None, message: str, situation: Situation) -> Intent:
    text = _text_of(said, most=_MOST_SHOWN)
    project = project_named(text, situation) if text else ""
    if project is None:
        raise _InvalidError(f"fill: '{text[:60]}' is not one of the page's projects")
    return Intent("fill", _name(slot), project)


def _skip(said: Mapping[str, object], slot: Slot | None, message: str, situation: Situation) -> Intent:
    """Only the placeholder asked for, or one the message names: the model must not empty the page and publish it."""
    meant = _meant(slot, situation)
    named = {word for word in words_of(meant.name.replace("_", " ")) if not word.isdigit()}
    if meant.name != situation.asked and not named & set(words_of(message)):
        raise _InvalidError(f"skip: the message does not mention {meant.name}")
    return Intent("skip", _name(slot))


def _change(said: Mapping[str, object], slot: Slot | None, message: str, situation: Situation) -> Intent:
    if slot is None:
        raise _InvalidError("change: no placeholder is named")
    return Intent("change", slot.name)


_CHECKS: Mapping[Action, Callable[[Mapping[str, object], Slot | None, str, Situation], Intent]] = {
    "set": _set,
    "pick": _pick,
    "latest": _latest,
    "find": _find,
    "image": _image,
    "fill": _fill,
    "skip": _skip,
    "change": _change,
}
