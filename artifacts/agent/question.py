"""Asks the user questions: which placeholder is next, which choices to offer, how to word it."""

import re
from collections.abc import Sequence

from artifacts.agent.chat_state import Choice, ListPosition
from artifacts.agent.pictures import PAGE, ImagePage, Shown
from artifacts.agent.turn_context import TurnContext
from artifacts.agent.understanding import phrases
from artifacts.filling.placeholders import Placeholder

_CAPTION = re.compile(r"(?:^|_)(?:CAPTION|ALT)(?:_|$)")
KEEP, TITLE = "Keep", "TITLE"
_HOW = "Say a number, “latest”, words that describe it, or “skip”."
_HOW_MORE = "Say a number, “more”, “latest”, words that describe it, or “skip”."


def ask_next(turn: TurnContext) -> None:
    """Prepares the question that ends the reply: the open one, or the first empty placeholder."""
    if turn.state.asked is None and turn.remaining:
        turn.ask(turn.remaining[0])
    slot = turn.asked
    if slot is None:
        if turn.state.question == "value":
            turn.state.clear()
    elif not turn.is_asked:
        turn.state.clear()
        if slot.is_image:
            _ask_image(turn, slot)
        else:
            _ask_text(turn, slot)


def open_question(turn: TurnContext) -> str:
    """The text of the open question; empty if there is none."""
    state = turn.state
    if state.question != "value":
        return state.heading
    slot = turn.asked
    if slot is None:
        return ""
    return phrases.question_of(slot, turn.filled.get(slot.name), state.heading)


def show_more(turn: TurnContext) -> None:
    """Shows the next page of images; after the last page it starts again."""
    slot, place = turn.asked, turn.state.place
    if slot is None or not slot.is_image:
        turn.say("There is nothing more to show.")
        return
    if place is not None:
        found = turn.tools.get_images_for_project(turn.project_ids, words=place.words, after=place.after)
        if found.images:
            _show(turn, found, place)
            return
    turn.say("Those were all of them. Starting again from the first.")
    turn.clear()


def show_found(turn: TurnContext, slot: Placeholder, found: ImagePage, words: str) -> None:
    """Offers the images that match the words."""
    if turn.state.asked != slot.name:
        turn.ask(slot.name)
    _show(turn, found, ListPosition("", 0, words))


def show_again(turn: TurnContext, slot: Placeholder, choices: Sequence[Choice], heading: str) -> None:
    """Offers some of the images again, with new numbers."""
    if turn.state.asked != slot.name:
        turn.ask(slot.name)
    renumbered = [
        Choice(n, one.label, one.value, one.words, one.thumbnail) for n, one in enumerate(choices, start=1)
    ]
    turn.show_choices("value", heading, renumbered)


def _ask_text(turn: TurnContext, slot: Placeholder) -> None:
    choices: list[tuple[str, str]] = []
    current = turn.filled.get(slot.name)
    if current is not None:
        choices.append((f"{KEEP} {phrases.valued(slot, current)}", current))
    if slot.name == TITLE and turn.artifact.title != current:
        choices.append((turn.artifact.title, turn.artifact.title))
    if (prompt := _prompt_beside(turn, slot)) and prompt != current:
        choices.append((prompt, prompt))
    numbered = [Choice(n, label, value) for n, (label, value) in enumerate(choices, start=1)]
    heading = "Type the text, or say “skip” to leave it empty."
    if slot.is_link:
        heading = "Start it with https://, http://, mailto: or tel:, or say “skip” to leave it empty."
    if numbered:
        offered = phrases.listed(
            [f"{choice.n} for {_as_said(choice.label)}" for choice in numbered], joint="or"
        )
        heading = f"Type the text, or say {offered}. “skip” leaves it empty."
    turn.show_choices("value", heading, numbered)


def _prompt_beside(turn: TurnContext, slot: Placeholder) -> str:
    """The prompt of a caption's image: the image with the same number, or the last one before the caption."""
    if not _CAPTION.search(slot.name):
        return ""
    names = [one.name for one in turn.page.placeholders]
    before = [one.name for one in turn.page.placeholders[: names.index(slot.name)] if one.is_image]
    numbered = [name for name in before if name.rpartition("_")[2] == slot.name.rpartition("_")[2]]
    beside = (numbered or before)[-1:]
    address = turn.filled.get(beside[0], "") if beside else ""
    if not address:
        return ""
    found = turn.tools.get_images_for_project(turn.project_ids, placed=[address])
    return found.images[0].prompt if found.images else ""


def _as_said(label: str) -> str:
    return label.replace(KEEP, "keeping") if label.startswith(KEEP) else phrases.quoted(label)


def _ask_image(turn: TurnContext, slot: Placeholder) -> None:
    current = turn.filled.get(slot.name)
    kept = turn.tools.get_images_for_project(turn.project_ids, named=current).images if current else ()
    found = turn.tools.get_images_for_project(turn.project_ids, most=PAGE - len(kept))
    others = tuple(image for image in found.images if image.url not in {one.url for one in kept})
    if not found.images:
        heading = f"{_whose(turn)} no images yet. Say “skip”, or come back later."
        turn.show_choices("value", heading, [])
        return
    labelled = [*[(f"{KEEP} this: {one.label}", one) for one in kept], *_labelled(turn, others)]
    _show(turn, found, ListPosition("", 0), labelled)


def _labelled(turn: TurnContext, images: Sequence[Shown]) -> list[tuple[str, Shown]]:
    """Adds the project's name to each label if there are several projects."""
    has_several = len(turn.projects) > 1
    return [(f"{image.label} · {image.project}" if has_several else image.label, image) for image in images]


def _show(
    turn: TurnContext, found: ImagePage, place: ListPosition, labelled: Sequence[tuple[str, Shown]] = ()
) -> None:
    """Offers a page of images, numbered from 1."""
    labelled = labelled or _labelled(turn, found.images)
    choices = [
        Choice(n, label, image.url, image.words, image.url)
        for n, (label, image) in enumerate(labelled, start=1)
    ]
    last = place.shown + len(found.images)
    has_more = last < found.total
    turn.show_choices("value", f"{_heading(found, place, last)} {_HOW_MORE if has_more else _HOW}", choices)
    turn.state.place = ListPosition(found.images[-1].id, last, place.words)


def _heading(found: ImagePage, place: ListPosition, last: int) -> str:
    of = f"matching {phrases.quoted(place.words)}" if place.words else ""
    noun = "image" if found.total == 1 else "images"
    if place.shown:
        several = last > place.shown + 1
        span = f"are {place.shown + 1} to {last}" if several else f"is number {last}"
        return f"Here {span} of the {found.total} {noun} {of}".strip() + "."
    if last < found.total:
        return f"Here are the newest {last} of {found.total} {noun} {of}".strip() + "."
    if found.total == 1:
        return f"Here is the only image {of}".strip() + "."
    return f"Here are all {found.total} {noun} {of}".strip() + "."


def _whose(turn: TurnContext) -> str:
    if len(turn.projects) == 1:
        return f"The project {phrases.quoted(turn.projects[0].name)} has"
    return "The projects have"
