"""What the agent does for each intent: one function per action."""

import re
from collections.abc import Callable, Mapping

from artifacts.agent import question
from artifacts.agent.chat_state import Choice
from artifacts.agent.talk import Talk
from artifacts.agent.understanding import phrases
from artifacts.agent.understanding.intent import Wish
from artifacts.agent.understanding.intents import matches
from artifacts.filling.placeholders import Placeholder
from dali.lib.errors import DaliError
from dali.lib.texts import comparable

YES, NO = "yes", "no"
_PICTURE = re.compile(r"(?:https?://|/)\S+|[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_LINK = re.compile(r"(?:(?:https?://|mailto:|tel:)\S+|[/?#.]\S*)", re.IGNORECASE)
_BARE_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:[/?#:]\S*)?", re.IGNORECASE)


class ActionRefusedError(DaliError):
    """The action cannot be done; the message says why, in a sentence for the user."""


def perform(talk: Talk, wish: Wish) -> None:
    """Performs one intent and adds what was done, or why not, to the reply."""
    if talk.standing.question != "value" and wish.action not in _KEEPING:
        talk.clear()  # the open question is dropped: the user asked for something else
    try:
        _DEEDS[wish.action](talk, wish)
    except ActionRefusedError as refusal:
        talk.say(str(refusal))


def _slot(talk: Talk, wish: Wish, *, is_image: bool | None = None) -> Placeholder:
    slot = talk.target(wish)
    if slot is None:
        if wish.placeholder is not None:
            names = phrases.listed([slot.name for slot in talk.page.placeholders])
            raise ActionRefusedError(f"The page has no {wish.placeholder}. It has {names}.")
        raise ActionRefusedError("Which placeholder do you mean? For example: “change TITLE to ...”.")
    if is_image is not None and slot.is_image != is_image:
        takes = "an image" if slot.is_image else "text"
        raise ActionRefusedError(f"{slot.name} takes {takes}.")
    return slot


def _set(talk: Talk, wish: Wish) -> None:
    slot = _slot(talk, wish)
    if slot.is_image:
        (_image if _PICTURE.fullmatch(wish.text.strip()) else _find)(talk, wish)
        return
    if slot.is_link and wish.text:
        _check_link(talk, slot, wish.text)
    talk.save({slot.name: wish.text})
    talk.say(phrases.set_to(slot, wish.text))


def _check_link(talk: Talk, slot: Placeholder, text: str) -> None:
    if _LINK.fullmatch(text):
        return
    if _BARE_HOST.fullmatch(text):
        if talk.standing.asked != slot.name:
            talk.ask(slot.name)
        address = f"https://{text}"
        talk.put("value", f"Say 1 for {address}, or write the full URL.", [Choice(1, address, address)])
        raise ActionRefusedError(f"{phrases.quoted(text)} does not start with https://.")
    raise ActionRefusedError(
        f"I did not change {slot.name}: {phrases.quoted(text)} is not a URL. "
        "Start it with https://, http://, mailto: or tel:."
    )


def _pick(talk: Talk, wish: Wish) -> None:
    choice = next((one for one in talk.on_show if one.n == wish.number), None)
    if choice is None:
        raise ActionRefusedError(_no_such(talk, wish.number))
    if talk.question in ("start_over", "publish"):
        (_yes if choice.value == YES else _no)(talk, wish)
    elif talk.question == "project":
        _fill_from(talk, choice.value, choice.label)
    else:
        slot = _slot(talk, wish)
        if slot.is_image != bool(choice.thumbnail):
            raise ActionRefusedError(
                f"{slot.name} takes {'an image' if slot.is_image else 'text'}, and number {choice.n} is {'text' if slot.is_image else 'an image'}."
            )
        talk.save({slot.name: choice.value})
        talk.say(phrases.set_to(slot, choice.value, _bare(choice.label)))


def _bare(label: str) -> str:
    return label.removeprefix(f"{question.KEEP} this: ")


def _no_such(talk: Talk, number: int | None) -> str:
    if not talk.on_show:
        return "There are no numbered choices right now."
    numbers = [str(choice.n) for choice in talk.on_show]
    span = numbers[0] if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    return f"There is no choice {number}. Choose {span}."


def _latest(talk: Talk, wish: Wish) -> None:
    slot = _slot(talk, wish, is_image=True)
    found = talk.tools.get_images_for_project(talk.project_ids, most=1)
    if not found.images:
        raise ActionRefusedError("There are no images yet.")
    talk.save({slot.name: found.images[0].url})
    talk.say(phrases.set_to(slot, found.images[0].url, found.images[0].label))


def _find(talk: Talk, wish: Wish) -> None:
    """Searches the choices the user sees first, then all images."""
    slot = _slot(talk, wish, is_image=True)
    seen = {choice.n: choice for choice in talk.on_show if choice.thumbnail}
    fitting = matches(wish.text, [choice.offer for choice in seen.values()])
    if len(fitting) == 1:
        choice = seen[fitting[0].n]
        talk.save({slot.name: choice.value})
        talk.say(phrases.set_to(slot, choice.value, _bare(choice.label)))
        return
    if fitting:
        talk.say(f"{len(fitting)} of these match {phrases.quoted(wish.text)}.")
        question.show_again(
            talk, slot, [seen[offer.n] for offer in fitting], "Say a number, or add more words."
        )
        return
    _find_among_all(talk, slot, wish.text)


def _find_among_all(talk: Talk, slot: Placeholder, words: str) -> None:
    found = talk.tools.get_images_for_project(talk.project_ids, words=words)
    where = f"among the newest {found.scanned} images" if found.scanned else "among the images"
    if not found.images:
        if talk.standing.asked != slot.name:
            talk.ask(slot.name)
        raise ActionRefusedError(f"I found nothing for {phrases.quoted(words)} {where}.")
    if found.total == 1:
        talk.save({slot.name: found.images[0].url})
        talk.say(phrases.set_to(slot, found.images[0].url, found.images[0].label))
        return
    question.show_found(talk, slot, found, words)


def _image(talk: Talk, wish: Wish) -> None:
    slot = _slot(talk, wish, is_image=True)
    found = talk.tools.get_images_for_project(talk.project_ids, named=wish.text)
    if found.foreign:
        raise ActionRefusedError(
            f"That image belongs to the project {phrases.quoted(found.foreign)}, which is not part of this page. "
            "Use an image from one of the page's projects."
        )
    if not found.images:
        raise ActionRefusedError(
            f"{phrases.quoted(wish.text)} is not an image of this page's projects. "
            "Use the id or URL of an image in one of them."
        )
    talk.save({slot.name: found.images[0].url})
    talk.say(phrases.set_to(slot, found.images[0].url, found.images[0].label))


def _fill(talk: Talk, wish: Wish) -> None:
    wanted = comparable(wish.text).strip()
    fitting = [project for project in talk.projects if comparable(project.name).strip() == wanted]
    fitting = fitting or [project for project in talk.projects if wanted in comparable(project.name)]
    if len(fitting) == 1:
        _fill_from(talk, fitting[0].id, fitting[0].name)
        return
    if not talk.projects:
        raise ActionRefusedError("This page has no project to take images from.")
    if not fitting:
        talk.say(f"This page has no project called {phrases.quoted(wish.text)}.")
    shown = fitting or list(talk.projects)
    choices = [Choice(n, project.name, project.id) for n, project in enumerate(shown, start=1)]
    talk.put("project", "From which project? Say its number.", choices)


def _fill_from(talk: Talk, project_id: str, name: str) -> None:
    """Fills all open image placeholders with a project's images, in the order they were made."""
    is_open = set(talk.remaining) | {talk.standing.asked}
    slots = [slot for slot in talk.page.placeholders if slot.is_image and slot.name in is_open]
    talk.clear()
    if not slots:
        raise ActionRefusedError("There are no empty image placeholders left.")
    found = talk.tools.get_images_for_project([project_id], most=len(slots), is_oldest_first=True)
    if not found.images:
        raise ActionRefusedError(f"The project {phrases.quoted(name)} has no images yet.")
    chosen = dict(zip([slot.name for slot in slots], [image.url for image in found.images], strict=False))
    talk.save(chosen)
    talk.say(
        f"{phrases.listed(list(chosen))} {'are' if len(chosen) > 1 else 'is'} now filled from "
        f"{phrases.quoted(name)}, oldest image first."
    )
    if found.total < len(slots):
        talk.say(f"It has only {found.total}.")
    elif found.total > len(slots):
        talk.say(f"{found.total - len(slots)} of its {found.total} images did not fit.")


def _skip(talk: Talk, wish: Wish) -> None:
    slot = _slot(talk, wish)
    talk.save({slot.name: ""})
    talk.say(phrases.set_to(slot, ""))


def _back(talk: Talk, wish: Wish) -> None:
    before = [name for name in talk.standing.before if name != talk.standing.asked]
    if not before:
        raise ActionRefusedError("There is nothing to go back to.")
    talk.standing.before = before[:-1]
    talk.standing.asked = before[-1]
    talk.clear()


def _show(talk: Talk, wish: Wish) -> None:
    talk.say(phrases.overview(talk.page.placeholders, talk.pictured()))


def _change(talk: Talk, wish: Wish) -> None:
    talk.ask(_slot(talk, wish).name)


def _start_over(talk: Talk, wish: Wish) -> None:
    if not talk.filled:
        raise ActionRefusedError("Nothing is filled yet.")
    heading = "Clear all your choices? The published page stays as it is until you rebuild it."
    choices = [Choice(1, "Yes, start over", YES), Choice(2, "No, keep everything", NO)]
    talk.put("start_over", f"{heading} Say 1 for yes, 2 for no.", choices)


def _more(talk: Talk, wish: Wish) -> None:
    question.show_more(talk)


def _help(talk: Talk, wish: Wish) -> None:
    talk.say(phrases.HELP)


def _done(talk: Talk, wish: Wish) -> None:
    if not talk.remaining:
        talk.ask(None)
        talk.wants_page = True
        return
    heading = f"Still empty: {phrases.listed(talk.remaining)}. Publish the page with those left empty?"
    choices = [Choice(1, "Publish with those empty", YES), Choice(2, "Go on filling", NO)]
    talk.put("publish", f"{heading} Say 1 for yes, 2 to go on filling.", choices)


def _yes(talk: Talk, wish: Wish) -> None:
    talk.clear()
    if talk.question == "start_over":
        talk.save(dict.fromkeys(talk.filled))
        talk.ask(None)
        talk.standing.before = []
        talk.say("I cleared all your choices.")
    elif talk.question == "publish":
        empty = talk.remaining
        talk.wants_page = True
        if empty:
            talk.save(dict.fromkeys(empty, ""))
            talk.say(f"{phrases.listed(empty)} {'stays' if len(empty) == 1 else 'stay'} empty.")
    else:
        raise ActionRefusedError("There is no question to say yes to.")


def _no(talk: Talk, wish: Wish) -> None:
    if talk.question == "value" and talk.asked is not None and talk.asked.name in talk.filled:
        talk.say(f"{talk.asked.name} stays unchanged.")
        talk.ask(None)
        return
    talk.clear()
    if talk.question == "value":
        raise ActionRefusedError("There is no question to say no to.")
    talk.say("Nothing was changed." if talk.question == "start_over" else "Let's continue.")


_KEEPING = frozenset({"yes", "no", "pick", "show", "help"})
_DEEDS: Mapping[str, Callable[[Talk, Wish], None]] = {
    "set": _set,
    "pick": _pick,
    "latest": _latest,
    "find": _find,
    "image": _image,
    "fill": _fill,
    "skip": _skip,
    "back": _back,
    "show": _show,
    "change": _change,
    "start_over": _start_over,
    "more": _more,
    "help": _help,
    "done": _done,
    "yes": _yes,
    "no": _no,
}
