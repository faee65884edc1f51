"""The Artifact Agent: answers one message. It decides what to do; the tools do it."""

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
    """One numbered choice."""

    n: int
    label: str
    value: str
    thumbnailUrl: NotRequired[str]


class AnswerJson(TypedDict):
    """The answer to one message."""

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
    """The result of a turn: the answer, the chat's new state and the intents read from the message."""

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
    """Runs one turn. The first turn only greets; an empty message repeats the open question."""
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
    """Greets once per chat, and lists what earlier chats have filled."""
    talk.standing.is_greeted = True
    talk.say(f"Hello! Let's fill the page {phrases.quoted(talk.artifact.title)}.")
    talk.say(phrases.needs(talk.page.placeholders))
    if talk.page.problems:
        talk.say(f"I can't fill some parts of the template: {'; '.join(talk.page.problems[:3])}.")
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
    """Renders the page if everything is filled and something changed, or if the user asked for it."""
    if talk.remaining or not (talk.has_changed or talk.wants_page):
        return
    if not talk.has_changed and is_current(talk):
        return
    had_content = bool(talk.artifact.content_r2_key)
    try:
        problems = talk.tools.render_artifact()
    except ChangedError:
        talk.filled = filled_of(talk.artifact)
        talk.say("Someone else changed this page at the same time, so I did not publish it. Say “show” to see what changed.")
        return
    except PASSING as error:
        log.warning("page_not_rendered", error=str(error)[:300])
        talk.tools.tell_failure("The page could not be stored.")
        talk.say("Your choices are saved, but I could not make the page. Say “done” to try again.")
        return
    _say_made(talk, problems, is_new=not had_content)


def _say_made(talk: Talk, problems: Sequence[str], *, is_new: bool) -> None:
    address = absolute_url(talk.artifact.public_path)
    if talk.artifact.status == Artifact.Status.UNPUBLISHED:
        talk.say(f"The page is rebuilt but still unpublished. Once published, it is at {address}")
    elif is_new:
        talk.say(f"Everything is filled. The page is published: {address}")
    else:
        talk.say(f"The page is rebuilt: {address}")
    if problems:
        talk.say(f"\nNot filled: {'; '.join(problems[:3])}.")


def is_current(talk: Talk) -> bool:
    """Whether the page shows the current choices."""
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
    """The end of a reply when no question is open."""
    if not is_current(talk):
        return "Everything is filled. Say “done” to make the page."
    if talk.has_changed or (talk.wants_page and talk.said):
        return "Say “change NAME to ...” to change anything."
    address = absolute_url(talk.artifact.public_path)
    return f"Everything is filled. The page is at {address}\nSay “change NAME to ...” to change anything."
