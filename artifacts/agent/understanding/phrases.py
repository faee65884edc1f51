"""The agent's sentences about placeholders, values and images. Pure."""

from collections.abc import Mapping, Sequence

from artifacts.filling.placeholders import Placeholder

_MOST_QUOTED = 120
_MOST_NAMES = 40

HELP = (
    "I ask for one thing at a time and add it to the page. "
    "For text, type it; put it in quotation marks if it looks like a command. "
    "For images, say a number (“2”, “the second”), “latest”, “more”, "
    "words that describe one (“the one with the boat”), an image's id or URL, "
    "or “all from project X in order” to fill all that are empty. "
    "“skip” leaves one empty, “back” returns to the one before, “show” lists everything, "
    "“change NAME to ...” changes one, “start over” clears everything, “done” makes the page."
)
UNSURE = "I'm not sure what you mean, so I changed nothing. Say “help” to see what I understand."


def quoted(text: str) -> str:
    """A text of the user, shortened, in quotation marks."""
    flat = " ".join(text.split())
    return f"“{flat if len(flat) <= _MOST_QUOTED else flat[: _MOST_QUOTED - 1] + '…'}”"


def listed(names: Sequence[str], joint: str = "and") -> str:
    """`A, B and C`; long lists are cut."""
    shown = list(names[:_MOST_NAMES])
    if len(names) > len(shown):
        shown.append(f"{len(names) - len(shown)} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {joint} {shown[-1]}"


def valued(slot: Placeholder, value: str) -> str:
    """The value of a placeholder, in a few words."""
    if not value:
        return "empty"
    return f"the image {value}" if slot.is_image else quoted(value)


def set_to(slot: Placeholder, value: str, label: str = "") -> str:
    """Says that a placeholder was filled."""
    if not value:
        return f"{slot.name} stays empty."
    shown = f"the image {quoted(label)}" if slot.is_image and label else valued(slot, value)
    return f"{slot.name} is now {shown}."


def needs(slots: Sequence[Placeholder]) -> str:
    """Lists what a template needs."""
    kinds = {
        "text": [slot.name for slot in slots if not slot.is_image and not slot.is_link],
        "images": [slot.name for slot in slots if slot.is_image],
        "URLs": [slot.name for slot in slots if slot.is_link],
    }
    single = {"images": "an image", "URLs": "a URL"}
    parts = [
        f"{single.get(kind, kind) if len(names) == 1 else kind} for {listed(names)}"
        for kind, names in kinds.items()
        if names
    ]
    return f"It needs {'; '.join(parts)}."


def overview(slots: Sequence[Placeholder], filled: Mapping[str, str]) -> str:
    """All placeholders and values, one per line."""
    lines = []
    for slot in slots[:_MOST_NAMES]:
        stands = valued(slot, filled[slot.name]) if slot.name in filled else "not filled yet"
        lines.append(f"{slot.name}: {stands}")
    if len(slots) > _MOST_NAMES:
        lines.append(f"and {len(slots) - _MOST_NAMES} more")
    return "\n".join(lines)


def question_of(slot: Placeholder, current: str | None, heading: str) -> str:
    """The question for a placeholder."""
    now = "" if current is None else f" Now: {valued(slot, current)}."
    if slot.is_image:
        now = " It already has one." if current else now
        return f"Which image for {slot.name}?{now} {heading}".strip()
    asked = f"What URL should {slot.name} point to?" if slot.is_link else f"What should {slot.name} say?"
    return f"{asked}{now} {heading}".strip()
