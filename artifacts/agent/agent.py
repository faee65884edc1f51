"""The Artifact Agent: what it answers to a message. It decides; every effect is one of the tools'."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NotRequired, TypedDict

import structlog

from artifacts.agent import actions
from artifacts.agent import question as posing
from artifacts.agent.chat_state import standing_of
from artifacts.agent.talk import Talk
from artifacts.agent.tools import PASSING, ChangedError, Tools, filled_of
from artifacts.agent.understanding import phrases
from artifacts.agent.understanding.understanding import Understanding
from artifacts.filling.placeholders import TemplatePage
from artifacts.models import Artifact
from dali.lib.web.addresses import absolute_url

log = structlog.get_logger(__name__)


class ChoiceJson(TypedDict):
    """A numbered choice on show."""

    n: int
    label: str
    value: str
    thumbnailUrl: NotRequired[str]


class AnswerJson(TypedDict):
    """The answer to a message."""

    reply: str
    sessionId: str
    artifactId: str
    filled: dict[str, str]
    remaining: list[str]
    choices: list[ChoiceJson]
    done: bool
    public_slug: NotRequired[str]


@dataclass(frozen=True, slots=True)
class TurnOutcome:
    """What a turn ends with: the answer, the chat's new state, and what the message was taken for."""

    answer: AnswerJson
    state: dict[str, Any]
    understood: list[dict[str, Any]]


def answer(
    *,
    artifact: Artifact,
    page: TemplatePage,
    session_id: str,
    state: dict[str, Any],
    message: str,
    tools: Tools,
    understanding: Understanding,
) -> TurnOutcome:
    """One turn. The first only greets; a message without text has the open question repeated."""
    beginning = tools.get_projects_for_artifact()
    names = frozenset(slot.name for slot in page.placeholders)
    talk = Talk(
        artifact=artifact,
        page=page,
        standing=standing_of(state, names),
        tools=tools,
        projects=beginning.projects,
        filled={name: value for name, value in beginning.filled.items() if name in names},
    )
    understood: list[dict[str, Any]] = []
    if not talk.standing.is_greeted:
        _greet(talk)
    elif message:
        understood = _do(talk, message, understanding)
    talk.filled = {name: value for name, value in filled_of(artifact).items() if name in names}
    _finish(talk)
    posing.pose_next(talk)
    return TurnOutcome(_answer(talk, session_id), talk.standing.as_json(), understood)


def _greet(talk: Talk) -> None:
    """Once for each chat; whoever comes later hears what is there already."""
    talk.standing.is_greeted = True
    talk.say(f"Hello! Let us fill the page {phrases.quoted(talk.artifact.title)} together.")
    talk.say(phrases.needs(talk.page.placeholders))
    if talk.page.problems:
        talk.say(f"Some of it I leave as it stands: {'; '.join(talk.page.problems[:3])}.")
    filled = [slot for slot in talk.page.placeholders if slot.name in talk.filled]
    if filled:
        talk.say(f"So far:\n{phrases.overview(filled, talk.pictured())}\n")
    talk.say("Say “help” at any time.")


def _do(talk: Talk, message: str, understanding: Understanding) -> list[dict[str, Any]]:
    wishes, by = understanding.of(message, talk.situation(), talk.projects)
    for wish in wishes:
        actions.perform(talk, wish)
    if not wishes:
        talk.say(phrases.UNSURE)
    return [{"by": by, **asdict(wish)} for wish in wishes]


def _finish(talk: Talk) -> None:
    """Makes the page where everything is filled and something changed, or the user asked for it."""
    if talk.remaining or not (talk.has_changed or talk.wants_page):
        return
    if not talk.has_changed and is_current(talk):
        return
    had_content = bool(talk.artifact.content_r2_key)
    try:
        problems = talk.tools.render_artifact()
    except ChangedError:
        talk.filled = filled_of(talk.artifact)
        talk.say("Somebody else has just changed this page too, so it was not made: have a look with “show”.")
        return
    except PASSING as error:
        log.warning("page_not_rendered", error=str(error)[:300])
        talk.tools.tell_failure("The page could not be stored.")
        talk.say("Everything is kept, but the page could not be made just now. Say “done” to try again.")
        return
    _say_made(talk, problems, is_new=not had_content)


def _say_made(talk: Talk, problems: Sequence[str], *, is_new: bool) -> None:
    address = absolute_url(talk.artifact.public_path)
    if talk.artifact.status == Artifact.Status.UNPUBLISHED:
        talk.say(f"The page is made anew; it is taken back, and once published again it is at {address}")
    elif is_new:
        talk.say(f"Everything is filled, and the page is published: {address}")
    else:
        talk.say(f"The page is made anew: {address}")
    if problems:
        talk.say(f"\nLeft as it stands: {'; '.join(problems[:3])}.")


def is_current(talk: Talk) -> bool:
    """Whether the page shows what is filled."""
    return bool(talk.artifact.content_r2_key) and talk.artifact.manifest.get("values") == talk.filled


def _answer(talk: Talk, session_id: str) -> AnswerJson:
    choices: list[ChoiceJson] = []
    for choice in talk.standing.choices:
        shown: ChoiceJson = {"n": choice.n, "label": choice.label, "value": choice.value}
        if choice.thumbnail:
            shown["thumbnailUrl"] = choice.thumbnail
        choices.append(shown)
    answer: AnswerJson = {
        "reply": _reply(talk),
        "sessionId": session_id,
        "artifactId": str(talk.artifact.pk),
        "filled": {
            slot.name: talk.filled[slot.name] for slot in talk.page.placeholders if slot.name in talk.filled
        },
        "remaining": talk.remaining,
        "choices": choices,
        "done": not talk.remaining and is_current(talk),
    }
    if talk.artifact.content_r2_key and talk.artifact.public_slug:
        answer["public_slug"] = talk.artifact.public_slug
    return answer


def _reply(talk: Talk) -> str:
    said = " ".join(talk.said).replace(" \n", "\n").replace("\n ", "\n")
    question = posing.wording(talk) or _closing(talk)
    return "\n".join(part for part in (said, question) if part)


def _closing(talk: Talk) -> str:
    """The last words where nothing is asked."""
    if not is_current(talk):
        return "Everything is filled; say “done” to make the page."
    if talk.has_changed or (talk.wants_page and talk.said):
        return "Say “change NAME to ...” for anything that shall be different."
    address = absolute_url(talk.artifact.public_path)
    return f"Everything is filled, and the page is at {address}\nSay “change NAME to ...” for anything else."
