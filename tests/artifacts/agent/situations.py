"""The chat states that the understanding tests use, and the shorthand in which they write intents."""

from collections.abc import Sequence

from artifacts.agent.understanding.intent import Offer, Situation, Slot, Wish

ID = "0190b1de-0000-7000-8000-0123456789ab"
PROJECTS = ("Lighthouses", "Winter Boats 2026")
SLOTS = (
    Slot("HERO_IMAGE", True),
    Slot("TITLE", False),
    Slot("SUBTITLE", False),
    Slot("IMAGE_1", True),
    Slot("CAPTION_1", False),
    Slot("IMAGE_2", True),
    Slot("CAPTION_2", False),
    Slot("IMAGE_3", True),
    Slot("CLOSING", False),
)
SUBJECTS = ("a boat at dusk", "a lighthouse in snow", "two boats in the harbour", "a red barn")
IMAGES = tuple(
    Offer(n, f"{words} \u00b7 mock", f"https://dali.example/images/{n}", words)
    for n, words in enumerate(SUBJECTS, start=1)
)
TITLE = (Offer(1, "Winter Light", "Winter Light"),)
YES_NO = (Offer(1, "Publish with those empty", "yes"), Offer(2, "Go on filling", "no"))
START_OVER = (Offer(1, "Yes, start over", "yes"), Offer(2, "No, keep everything", "no"))
BY_PROJECT = tuple(Offer(n, name, f"id-{n}") for n, name in enumerate(PROJECTS, start=1))

ASKS_IMAGE = Situation("HERO_IMAGE", SLOTS, IMAGES, PROJECTS)
ASKS_TITLE = Situation("TITLE", SLOTS, TITLE, PROJECTS)
ASKS_TEXT = Situation("SUBTITLE", SLOTS, (), PROJECTS)
ASKS_TO_PUBLISH = Situation("SUBTITLE", SLOTS, YES_NO, PROJECTS, is_confirming=True)
ASKS_TO_START_OVER = Situation("HERO_IMAGE", SLOTS, START_OVER, PROJECTS, is_confirming=True)
ASKS_PROJECT = Situation("HERO_IMAGE", SLOTS, BY_PROJECT, PROJECTS)
ASKS_NOTHING = Situation(None, SLOTS, (), PROJECTS)


def told(wishes: Sequence[Wish] | None) -> str | None:
    """Intents as one line: `pick IMAGE_1 #2; set TITLE = Winter Light`."""
    return None if wishes is None else "; ".join(_told(wish) for wish in wishes)


def _told(wish: Wish) -> str:
    parts = [wish.action, wish.placeholder or ""]
    parts += [f"#{wish.number}"] if wish.number is not None else []
    parts += [f"= {wish.text}"] if wish.text else []
    return " ".join(part for part in parts if part)
