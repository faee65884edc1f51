"""What the agent does for each intent: one function per action."""

import re
from collections.abc import Callable, Mapping

from artifacts.agent import question
from artifacts.agent.chat_state import Choice
from artifacts.agent.turn_context import TurnContext
from artifacts.agent.understanding import phrases
from artifacts.agent.understanding.intent import Intent
from artifacts.agent.understanding.matching import matches
from artifacts.filling.placeholders import Placeholder
from dali.lib.errors import DaliError
from dali.lib.texts import comparable

YES, NO = "yes", "no"
_PICTURE = re.compile(r"(?:https?://|/)\S+|[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_LINK = re.compile(r"(?:(?:https?://|mailto:|tel:)\S+|[/?#.]\S*)", re.IGNORECASE)
_BARE_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:[/?#:]\S*)?", re.IGNORECASE)


class ActionRefusedError(DaliError):
    """The action cannot be done; the message says why, in a sentence for the user."""


def perform(turn: TurnContext, intent: Intent) -> None:
    """Performs one intent and adds what was done, or why not, to the reply."""
    if turn.state.question != "value" and intent.action not in _KEEPING:
        turn.clear()  # the open question is dropped: the user asked for something else
    try:
        _ACTIONS[intent.action](turn, intent)
    except ActionRefusedError as refusal:
        turn.say(str(refusal))


def _slot(turn: TurnContext, intent: Intent, *, is_image: bool | None = None) -> Placeholder:
    slot = turn.target(intent)
    if slot is None:
        if intent.placeholder is not None:
            names = phrases.listed([slot.name for slot in turn.page.placeholders])
            raise ActionRefusedError(f"The page has no {intent.placeholder}. It has {names}.")
        raise ActionRefusedError("Which placeholder do you mean? For example: “change TITLE to ...”.")
    if is_image is not None and slot.is_image != is_image:
        takes = "an image" if slot.is_image else "text"
        raise ActionRefusedError(f"{slot.name} takes {takes}.")
    return slot


def _set(turn: TurnContext, intent: Intent) -> None:
    slot = _slot(turn, intent)
    if slot.is_image:
        (_image if _PICTURE.fullmatch(intent.text.strip()) else _find)(turn, intent)
        return
    if slot.is_link and intent.text:
        _check_link(turn, slot, intent.text)
    turn.fill(slot, intent.text)


def _check_link(turn: TurnContext, slot: Placeholder, text: str) -> None:
    if _LINK.fullmatch(text):
        return
    if _BARE_HOST.fullmatch(text):
        if turn.state.asked != slot.name:
            turn.ask(slot.name)
        address = f"https://{text}"
        turn.show_choices(
            "value", f"Say 1 for {address}, or write the full URL.", [Choice(1, address, address)]
        )
        raise ActionRefusedError(f"{phrases.quoted(text)} does not start with https://.")
    raise ActionRefusedError(
        f"I did not change {slot.name}: {phrases.quoted(text)} is not a URL. "
        "Start it with https://, http://, mailto: or tel:."
    )


def _pick(turn: TurnContext, intent: Intent) -> None:
    choice = next((one for one in turn.on_show if one.n == intent.number), None)
    if choice is None:
        raise ActionRefusedError(_no_such(turn, intent.number))
    if turn.question in ("start_over", "publish"):
        (_yes if choice.value == YES else _no)(turn, intent)
    elif turn.question == "project":
        _fill_from(turn, choice.value, choice.label)
    else:
        slot = _slot(turn, intent)
        if slot.is_image != bool(choice.thumbnail):
            takes, chosen = ("an image", "text") if slot.is_image else ("text", "an image")
            raise ActionRefusedError(f"{slot.name} takes {takes}, but choice {choice.n} is {chosen}.")
        turn.fill(slot, choice.value, _bare(choice.label))


def _bare(label: str) -> str:
    return label.removeprefix(f"{question.KEEP} this: ")


def _no_such(turn: TurnContext, number: int | None) -> str:
    if not turn.on_show:
        return "There are no numbered choices right now."
    numbers = [str(choice.n) for choice in turn.on_show]
    span = numbers[0] if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    return f"Choice {number} does not exist. Choose {span}."


def _latest(turn: TurnContext, intent: Intent) -> None:
    slot = _slot(turn, intent, is_image=True)
    found = turn.tools.get_images_for_project(turn.project_ids, most=1)
    if not found.images:
        raise ActionRefusedError("There are no images yet.")
    turn.fill(slot, found.images[0].url, found.images[0].label)


def _find(turn: TurnContext, intent: Intent) -> None:
    """Searches the choices the user sees first, then all images."""
    slot = _slot(turn, intent, is_image=True)
    seen = {choice.n: choice for choice in turn.on_show if choice.thumbnail}
    fitting = matches(intent.text, [choice.offer for choice in seen.values()])
    if len(fitting) == 1:
        choice = seen[fitting[0].n]
        turn.fill(slot, choice.value, _bare(choice.label))
        return
    if fitting:
        turn.say(f"{len(fitting)} of these match {phrases.quoted(intent.text)}.")
        question.show_again(
            turn, slot, [seen[offer.n] for offer in fitting], "Say a number, or add more words."
        )
        return
    _find_among_all(turn, slot, intent.text)


def _find_among_all(turn: TurnContext, slot: Placeholder, words: str) -> None:
    found = turn.tools.get_images_for_project(turn.project_ids, words=words)
    where = f"among the newest {found.scanned} images" if found.scanned else "among the images"
    if not found.images:
        if turn.state.asked != slot.name:
            turn.ask(slot.name)
        raise ActionRefusedError(f"I found nothing for {phrases.quoted(words)} {where}.")
    if found.total == 1:
        turn.fill(slot, found.images[0].url, found.images[0].label)
        return
    question.show_found(turn, slot, found, words)


def _image(turn: TurnContext, intent: Intent) -> None:
    slot = _slot(turn, intent, is_image=True)
    found = turn.tools.get_images_for_project(turn.project_ids, named=intent.text)
    if found.foreign:
        raise ActionRefusedError(
            f"That image belongs to the project {phrases.quoted(found.foreign)}, which is not part of this page. "
            "Use an image from one of the page's projects."
        )
    if not found.images:
        raise ActionRefusedError(
            f"{phrases.quoted(intent.text)} is not an image of this page's projects. "
            "Use the id or URL of an image in one of them."
        )
    turn.fill(slot, found.images[0].url, found.images[0].label)


def _fill(turn: TurnContext, intent: Intent) -> None:
    wanted = comparable(intent.text).strip()
    fitting = [project for project in turn.projects if comparable(project.name).strip() == wanted]
    fitting = fitting or [project for project in turn.projects if wanted in comparable(project.name)]
    if len(fitting) == 1:
        _fill_from(turn, fitting[0].id, fitting[0].name)
        return
    if not turn.projects:
        raise ActionRefusedError("This page has no project to take images from.")
    if not fitting:
        turn.say(f"This page has no project called {phrases.quoted(intent.text)}.")
    shown = fitting or list(turn.projects)
    choices = [Choice(n, project.name, project.id) for n, project in enumerate(shown, start=1)]
    turn.show_choices("project", "From which project? Say its number.", choices)


def _fill_from(turn: TurnContext, project_id: str, name: str) -> None:
    """Fills all open image placeholders with a project's images, in the order they were made."""
    is_open = set(turn.remaining) | {turn.state.asked}
    slots = [slot for slot in turn.page.placeholders if slot.is_image and slot.name in is_open]
    turn.clear()
    if not slots:
        raise ActionRefusedError("There are no empty image placeholders left.")
    found = turn.tools.get_images_for_project([project_id], most=len(slots), is_oldest_first=True)
    if not found.images:
        raise ActionRefusedError(f"The project {phrases.quoted(name)} has no images yet.")
    chosen = dict(zip([slot.name for slot in slots], [image.url for image in found.images], strict=False))
    turn.save(chosen)
    turn.say(
        f"{phrases.listed(list(chosen))} {'are' if len(chosen) > 1 else 'is'} now filled from "
        f"{phrases.quoted(name)}, oldest image first."
    )
    if found.total < len(slots):
        turn.say(f"It has only {found.total}.")
    elif found.total > len(slots):
        turn.say(f"{found.total - len(slots)} of its {found.total} images did not fit.")


def _back(turn: TurnContext, intent: Intent) -> None:
    before = [name for name in turn.state.before if name != turn.state.asked]
    if not before:
        raise ActionRefusedError("There is nothing to go back to.")
    turn.state.before = before[:-1]
    turn.state.asked = before[-1]
    turn.clear()


def _start_over(turn: TurnContext, intent: Intent) -> None:
    if not turn.filled:
        raise ActionRefusedError("Nothing is filled yet.")
    heading = "Clear all your choices? The published page stays as it is until you rebuild it."
    choices = [Choice(1, "Yes, start over", YES), Choice(2, "No, keep everything", NO)]
    turn.show_choices("start_over", f"{heading} Say 1 for yes, 2 for no.", choices)


def _done(turn: TurnContext, intent: Intent) -> None:
    if not turn.remaining:
        turn.ask(None)
        turn.wants_page = True
        return
    heading = f"Still empty: {phrases.listed(turn.remaining)}. Publish the page with those left empty?"
    choices = [Choice(1, "Publish with those empty", YES), Choice(2, "Go on filling", NO)]
    turn.show_choices("publish", f"{heading} Say 1 for yes, 2 to go on filling.", choices)


def _yes(turn: TurnContext, intent: Intent) -> None:
    turn.clear()
    if turn.question == "start_over":
        turn.save(dict.fromkeys(turn.filled))
        turn.ask(None)
        turn.state.before = []
        turn.say("I cleared all your choices.")
    elif turn.question == "publish":
        empty = turn.remaining
        turn.wants_page = True
        if empty:
            turn.save(dict.fromkeys(empty, ""))
            turn.say(f"{phrases.listed(empty)} {'stays' if len(empty) == 1 else 'stay'} empty.")
    else:
        raise ActionRefusedError("There is nothing to confirm.")


def _no(turn: TurnContext, intent: Intent) -> None:
    if turn.question == "value" and turn.asked is not None and turn.asked.name in turn.filled:
        turn.say(f"{turn.asked.name} stays unchanged.")
        turn.ask(None)
        return
    turn.clear()
    if turn.question == "value":
        raise ActionRefusedError("There is nothing to decline.")
    turn.say("Nothing was changed." if turn.question == "start_over" else "Let's continue.")


_KEEPING = frozenset({"yes", "no", "pick", "show", "help"})
_ACTIONS: Mapping[str, Callable[[TurnContext, Intent], None]] = {
    "set": _set,
    "pick": _pick,
    "latest": _latest,
    "find": _find,
    "image": _image,
    "fill": _fill,
    "skip": lambda turn, intent: turn.fill(_slot(turn, intent), ""),
    "back": _back,
    "show": lambda turn, _: turn.say(phrases.overview(turn.page.placeholders, turn.display_values())),
    "change": lambda turn, intent: turn.ask(_slot(turn, intent).name),
    "start_over": _start_over,
    "more": lambda turn, _: question.show_more(turn),
    "help": lambda turn, _: turn.say(phrases.HELP),
    "done": _done,
    "yes": _yes,
    "no": _no,
}
