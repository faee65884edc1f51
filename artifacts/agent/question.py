"""Asks the user questions: which placeholder is next, which choices to offer, how to word it."""

import re
from collections.abc import Sequence

from artifacts.agent.chat_state import Choice, ListPosition
from artifacts.agent.pictures import PAGE, ImagePage, Shown
from artifacts.agent.talk import Talk
from artifacts.agent.understanding import phrases
from artifacts.filling.placeholders import Placeholder

_CAPTION = re.compile(r"(?:^|_)(?:CAPTION|ALT)(?:_|$)")
KEEP, TITLE = "Keep", "TITLE"
_HOW = "Say a number, “latest”, words that describe it, or “skip”."
_HOW_MORE = "Say a number, “more”, “latest”, words that describe it, or “skip”."


def pose_next(talk: Talk) -> None:
    """Prepares the question that ends the reply: the open one, or the first empty placeholder."""
    if talk.standing.asked is None and talk.remaining:
        talk.ask(talk.remaining[0])
    slot = talk.asked
    if slot is None:
        if talk.standing.question == "value":
            talk.standing.clear()
    elif not talk.is_posed:
        talk.standing.clear()
        if slot.is_image:
            _pose_images(talk, slot)
        else:
            _pose_words(talk, slot)


def wording(talk: Talk) -> str:
    """The text of the open question; empty if there is none."""
    standing = talk.standing
    if standing.question != "value":
        return standing.heading
    slot = talk.asked
    if slot is None:
        return ""
    return phrases.question_of(slot, talk.filled.get(slot.name), standing.heading)


def show_more(talk: Talk) -> None:
    """Shows the next page of images; after the last page it starts again."""
    slot, place = talk.asked, talk.standing.place
    if slot is None or not slot.is_image:
        talk.say("There is nothing more to show.")
        return
    if place is not None:
        found = talk.tools.get_images_for_project(talk.project_ids, words=place.words, after=place.after)
        if found.images:
            _show(talk, found, place)
            return
    talk.say("Those were all of them. Starting again from the first.")
    talk.clear()


def show_found(talk: Talk, slot: Placeholder, found: ImagePage, words: str) -> None:
    """Offers the images that match the words."""
    if talk.standing.asked != slot.name:
        talk.ask(slot.name)
    _show(talk, found, ListPosition("", 0, words))


def show_again(talk: Talk, slot: Placeholder, choices: Sequence[Choice], heading: str) -> None:
    """Offers some of the images again, with new numbers."""
    if talk.standing.asked != slot.name:
        talk.ask(slot.name)
    renumbered = [
        Choice(n, one.label, one.value, one.words, one.thumbnail) for n, one in enumerate(choices, start=1)
    ]
    talk.put("value", heading, renumbered)


def _pose_words(talk: Talk, slot: Placeholder) -> None:
    choices: list[tuple[str, str]] = []
    current = talk.filled.get(slot.name)
    if current is not None:
        choices.append((f"{KEEP} {phrases.valued(slot, current)}", current))
    if slot.name == TITLE and talk.artifact.title != current:
        choices.append((talk.artifact.title, talk.artifact.title))
    if (prompt := _prompt_beside(talk, slot)) and prompt != current:
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
    talk.put("value", heading, numbered)


def _prompt_beside(talk: Talk, slot: Placeholder) -> str:
    """The prompt of a caption's image: the image with the same number, or the last one before the caption."""
    if not _CAPTION.search(slot.name):
        return ""
    names = [one.name for one in talk.page.placeholders]
    before = [one.name for one in talk.page.placeholders[: names.index(slot.name)] if one.is_image]
    numbered = [name for name in before if name.rpartition("_")[2] == slot.name.rpartition("_")[2]]
    beside = (numbered or before)[-1:]
    address = talk.filled.get(beside[0], "") if beside else ""
    if not address:
        return ""
    found = talk.tools.get_images_for_project(talk.project_ids, placed=[address])
    return found.images[0].prompt if found.images else ""


def _as_said(label: str) -> str:
    return label.replace(KEEP, "keeping") if label.startswith(KEEP) else phrases.quoted(label)


def _pose_images(talk: Talk, slot: Placeholder) -> None:
    current = talk.filled.get(slot.name)
    kept: tuple[Shown, ...] = ()
    if current:
        kept = talk.tools.get_images_for_project(talk.project_ids, named=current).images
    found = talk.tools.get_images_for_project(talk.project_ids, most=PAGE - len(kept))
    others = tuple(image for image in found.images if image.url not in {one.url for one in kept})
    if not found.images:
        heading = f"{_whose(talk)} no images yet. Say “skip”, or come back later."
        talk.put("value", heading, [])
        return
    _show(
        talk,
        found,
        ListPosition("", 0),
        [*[(f"{KEEP} this: {one.label}", one) for one in kept], *_labelled(talk, others)],
    )


def _labelled(talk: Talk, images: Sequence[Shown]) -> list[tuple[str, Shown]]:
    """Adds the project's name to each label if there are several projects."""
    has_several = len(talk.projects) > 1
    return [(f"{image.label} · {image.project}" if has_several else image.label, image) for image in images]


def _show(
    talk: Talk, found: ImagePage, place: ListPosition, labelled: Sequence[tuple[str, Shown]] = ()
) -> None:
    """Offers a page of images, numbered from 1."""
    labelled = labelled or _labelled(talk, found.images)
    choices = [
        Choice(n, label, image.url, image.words, image.url)
        for n, (label, image) in enumerate(labelled, start=1)
    ]
    last = place.shown + len(found.images)
    has_more = last < found.total
    talk.put("value", f"{_heading(found, place, last)} {_HOW_MORE if has_more else _HOW}", choices)
    talk.standing.place = ListPosition(found.images[-1].id, last, place.words)


def _heading(found: ImagePage, place: ListPosition, last: int) -> str:
    of = _of(place.words)
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


def _of(words: str) -> str:
    return f"matching {phrases.quoted(words)}" if words else ""


def _whose(talk: Talk) -> str:
    if len(talk.projects) == 1:
        return f"The project {phrases.quoted(talk.projects[0].name)} has"
    return "The projects have"
