"""The Artifact Agent: answers one message. It decides what to do; the tools do it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NotRequired, TypedDict

import structlog

from artifacts.agent import actions, question
from artifacts.agent.chat_state import read_chat_state
from artifacts.agent.tools import PASSING, ChangedError, Tools, filled_of
from artifacts.agent.turn_context import TurnContext
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
    projects, filled = tools.get_projects_for_artifact()
    names = frozenset(slot.name for slot in page.placeholders)
    turn = TurnContext(
        artifact=artifact,
        page=page,
        state=read_chat_state(state, names),
        tools=tools,
        projects=projects,
        filled={name: value for name, value in filled.items() if name in names},
    )
    understood: list[dict[str, Any]] = []
    if not turn.state.is_greeted:
        _greet(turn)
    elif message:
        understood = _do(turn, message, understanding)
    turn.filled = {name: value for name, value in filled_of(artifact).items() if name in names}
    _finish(turn)
    question.ask_next(turn)
    return TurnOutcome(_answer(turn, session_id), asdict(turn.state), understood)


def _greet(turn: TurnContext) -> None:
    """Greets once per chat, and lists what earlier chats have filled."""
    turn.state.is_greeted = True
    turn.say(f"Hello! Let's fill the page {phrases.quoted(turn.artifact.title)}.")
    turn.say(phrases.needs(turn.page.placeholders))
    if turn.page.problems:
        turn.say(f"I can't fill some parts of the template: {'; '.join(turn.page.problems[:3])}.")
    filled = [slot for slot in turn.page.placeholders if slot.name in turn.filled]
    if filled:
        turn.say(f"So far:\n{phrases.overview(filled, turn.display_values())}\n")
    turn.say("Say “help” at any time.")


def _do(turn: TurnContext, message: str, understanding: Understanding) -> list[dict[str, Any]]:
    intents, by = understanding.of(message, turn.situation(), turn.projects)
    for intent in intents:
        actions.perform(turn, intent)
    if not intents:
        turn.say(phrases.UNSURE)
    return [{"by": by, **asdict(intent)} for intent in intents]


def _finish(turn: TurnContext) -> None:
    """Renders the page if everything is filled and something changed, or if the user asked for it."""
    if turn.remaining or not (turn.has_changed or turn.wants_page):
        return
    if not turn.has_changed and is_current(turn):
        return
    had_content = bool(turn.artifact.content_r2_key)
    try:
        problems = turn.tools.render_artifact()
    except ChangedError:
        turn.filled = filled_of(turn.artifact)
        turn.say(
            "Someone else changed this page at the same time, so I did not publish it. Say “show” to see what changed."
        )
        return
    except PASSING as error:
        log.warning("page_not_rendered", error=str(error)[:300])
        turn.tools.report_failure("The page could not be stored.")
        turn.say("Your choices are saved, but I could not make the page. Say “done” to try again.")
        return
    _say_made(turn, problems, is_new=not had_content)


def _say_made(turn: TurnContext, problems: Sequence[str], *, is_new: bool) -> None:
    address = absolute_url(turn.artifact.public_path)
    if turn.artifact.status == Artifact.Status.UNPUBLISHED:
        turn.say(f"The page is rebuilt but still unpublished. Once published, it is at {address}")
    elif is_new:
        turn.say(f"Everything is filled. The page is published: {address}")
    else:
        turn.say(f"The page is rebuilt: {address}")
    if problems:
        turn.say(f"\nNot filled: {'; '.join(problems[:3])}.")


def is_current(turn: TurnContext) -> bool:
    """Whether the page shows the current choices."""
    return bool(turn.artifact.content_r2_key) and turn.artifact.manifest.get("values") == turn.filled


def _answer(turn: TurnContext, session_id: str) -> AnswerJson:
    choices: list[ChoiceJson] = []
    for choice in turn.state.choices:
        shown: ChoiceJson = {"n": choice.n, "label": choice.label, "value": choice.value}
        if choice.thumbnail:
            shown["thumbnailUrl"] = choice.thumbnail
        choices.append(shown)
    answer: AnswerJson = {
        "reply": _reply(turn),
        "sessionId": session_id,
        "artifactId": str(turn.artifact.pk),
        "filled": {
            slot.name: turn.filled[slot.name] for slot in turn.page.placeholders if slot.name in turn.filled
        },
        "remaining": turn.remaining,
        "choices": choices,
        "done": not turn.remaining and is_current(turn),
    }
    if turn.artifact.content_r2_key and turn.artifact.public_slug:
        answer["public_slug"] = turn.artifact.public_slug
    return answer


def _reply(turn: TurnContext) -> str:
    said = " ".join(turn.said).replace(" \n", "\n").replace("\n ", "\n")
    closing = question.open_question(turn) or _closing(turn)
    return "\n".join(part for part in (said, closing) if part)


def _closing(turn: TurnContext) -> str:
    """The end of a reply when no question is open."""
    if not is_current(turn):
        return "Everything is filled. Say “done” to make the page."
    if turn.has_changed or (turn.wants_page and turn.said):
        return "Say “change NAME to ...” to change anything."
    address = absolute_url(turn.artifact.public_path)
    return f"Everything is filled. The page is at {address}\nSay “change NAME to ...” to change anything."
