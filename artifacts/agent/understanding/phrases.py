"""The agent's sentences: plain words about placeholders, values and images. Pure."""

from collections.abc import Mapping, Sequence

from artifacts.filling.placeholders import Placeholder

_MOST_QUOTED = 120
_MOST_NAMES = 40

HELP = (
    "I ask for one thing at a time and put it on the page. "
    "For words, write them as they shall stand; in quotation marks if they look like a command. "
    "For images, say a number (“2”, “the second”), “latest”, “more”, "
    "words that describe one (“the one with the boat”), the id or address of an image, "
    "or “all from project X in order” to fill all that are open. "
    "“skip” leaves one empty, “back” returns to the one before, “show” lists everything, "
    "“change NAME to ...” changes one, “start over” takes everything back, “done” makes the page."
)
UNSURE = "I am not sure what you mean by that, so nothing was changed. Say “help” for what I understand."


def quoted(text: str) -> str:
    """A text of the user's, cut, in quotation marks."""
    flat = " ".join(text.split())
    return f"“{flat if len(flat) <= _MOST_QUOTED else flat[: _MOST_QUOTED - 1] + '…'}”"


def listed(names: Sequence[str], joint: str = "and") -> str:
    """`A, B and C`; of many the first."""
    shown = list(names[:_MOST_NAMES])
    if len(names) > len(shown):
        shown.append(f"{len(names) - len(shown)} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {joint} {shown[-1]}"


def valued(slot: Placeholder, value: str) -> str:
    """What stands in a placeholder, in a few words."""
    if not value:
        return "empty"
    return f"the image {value}" if slot.is_image else quoted(value)


def set_to(slot: Placeholder, value: str, label: str = "") -> str:
    """That a placeholder was filled."""
    if not value:
        return f"{slot.name} stays {'without an image' if slot.is_image else 'empty'}."
    shown = f"the image {quoted(label)}" if slot.is_image and label else valued(slot, value)
    return f"{slot.name} is now {shown}."


def needs(slots: Sequence[Placeholder]) -> str:
    """What a template is made of."""
    kinds = {
        "words": [slot.name for slot in slots if not slot.is_image and not slot.is_link],
        "images": [slot.name for slot in slots if slot.is_image],
        "addresses": [slot.name for slot in slots if slot.is_link],
    }
    single = {"images": "an image", "addresses": "an address"}
    parts = [
        f"{single.get(kind, kind) if len(names) == 1 else kind} for {listed(names)}"
        for kind, names in kinds.items()
        if names
    ]
    return f"It needs {'; '.join(parts)}."


def overview(slots: Sequence[Placeholder], filled: Mapping[str, str]) -> str:
    """Everything, line by line."""
    lines = []
    for slot in slots[:_MOST_NAMES]:
        stands = valued(slot, filled[slot.name]) if slot.name in filled else "not filled yet"
        lines.append(f"{slot.name}: {stands}")
    if len(slots) > _MOST_NAMES:
        lines.append(f"and {len(slots) - _MOST_NAMES} more")
    return "\n".join(lines)


def question_of(slot: Placeholder, current: str | None, heading: str) -> str:
    """What is asked of the user."""
    now = "" if current is None else f" It is {valued(slot, current)} now."
    if slot.is_image:
        now = " There is one now." if current else now
        return f"Which image for {slot.name}?{now} {heading}".strip()
    asked = f"Which address should {slot.name} lead to?" if slot.is_link else f"What should {slot.name} say?"
    return f"{asked}{now} {heading}".strip()
