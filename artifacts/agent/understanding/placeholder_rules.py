"""Rules for messages that name a placeholder: "change TITLE to ...", "SUBTITLE: ...", "use 3 for HERO_IMAGE". Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice

from artifacts.agent.understanding.image_rules import choose, number_in
from artifacts.agent.understanding.intent import Intent, Situation, Slot
from artifacts.agent.understanding.words import (
    COUNTS,
    ORDINALS,
    bare,
    fold,
    quoted_part,
    unquoted,
)

# More placeholders at once are not a sentence.
MOST_INTENTS = 20
_WRAP = (
    r"(?:(?:please|pls|ok|okay|so|now|then|and|but|hey|hi|oh|sorry|wait|thanks|yes|no|actually|just|also"
    r"|(?:can|could|would|will) (?:you|we|i)|let['\u2019]?s|let (?:us|me)"
    r"|i['\u2019]?d (?:like|love|prefer) (?:you )?to|i would (?:like|love|prefer) (?:you )?to"
    r"|(?:i|we) (?:want|need|intent) (?:you )?to|go ahead and)[,!.]*\s+){0,8}"
)
_ANY_CASE = re.IGNORECASE | re.DOTALL
_CHANGE = re.compile(
    rf"{_WRAP}(?P<verb>change|set|update|edit|modify|replace|switch|swap|redo|correct|fix|rename|make|turn)\s+"
    r"(?P<rest>.+)",
    _ANY_CASE,
)
_GO_BACK = re.compile(
    rf"{_WRAP}(?:(?:go|take me|jump|move|step) (?:back )?to|back to|return to|revisit|redo)\s+(?P<rest>.+)",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    r"\s*(?::|=|->|\u2192)\s*|\s+(?:to be|to say|to read|to|with|by|into|as|be|read|say)\s+", re.IGNORECASE
)
_TO_NOTHING = re.compile(r"(?:\s*(?::|=|->|\u2192)|\s(?:to be|to|with|by|into|as))\s*$", re.IGNORECASE)
_NAMED = re.compile(r"(?P<name>[^:=\n]{1,80}?)\s*[:=]\s*(?P<value>.*)", re.DOTALL)
_IS = re.compile(
    rf"{_WRAP}(?:(?:i['\u2019]?d like|i would like|(?:i|we) want|let|have)\s+)?(?:the |my |our )?"
    r"(?P<name>[\w \-{}]{1,80}?)\s+(?:is|should (?:be|read|say)|shall (?:be|read)|must be|will be|could be"
    r"|to (?:be|say|read)|be|say|read|reads|says|becomes)\s+(?P<value>.+)",
    _ANY_CASE,
)
_EMPTY = re.compile(
    rf"{_WRAP}(?:skip|clear|remove|delete|drop|omit|empty|erase|leave out|blank|pass on|no|without|without an?)\s+"
    r"(?P<name>.+)",
    re.IGNORECASE,
)
_LEAVE = re.compile(
    rf"{_WRAP}(?:leave|keep|make|set)\s+(?P<name>.+?)\s+(?:as |to )?(?:empty|blank|out|unfilled|nothing)",
    re.IGNORECASE,
)
_USE_FOR = re.compile(
    rf"{_WRAP}(?:(?P<verb>use|put|take|set|write|insert|place|have|pick|choose|add)\s+)?(?P<value>.+)\s+"
    r"(?:for|as|in|into|to|on|at)\s+(?P<name>[^\n]{1,80})",
    _ANY_CASE,
)
_FOR_USE = re.compile(
    rf"{_WRAP}(?:for|in|as|into|at)\s+(?P<name>[^,:\n]{{1,80}}?)\s*(?:[,:]|\s)\s*"
    r"(?:please )?(?P<verb>use|take|put|write|have|pick|choose|set|insert)\s+(?P<value>.+)",
    _ANY_CASE,
)
# Words that show that a long message is a text.
_LONGEST_UNSURE = 80
_SURELY_CHANGE = re.compile(rf"{_WRAP}(?:change|edit|modify|rename)\s", re.IGNORECASE)
_SURELY_EMPTY = re.compile(rf"{_WRAP}(?:skip|leave|(?-i:no))\s", re.IGNORECASE)
_CALLED = frozenset({"TITLE", "NAME", "HEADLINE", "HEADING"})
_PLEASE = re.compile(r"(?:\s*,)?\s+(?:please|pls|thanks|thank you)[.!]*$", re.IGNORECASE)
_AND_THEN = re.compile(
    r"\s*(?:[,;]\s*(?:and\s+|then\s+|and then\s+)?|\s(?:and|then|and then)\s+)(?=\S)", re.IGNORECASE
)
_BEFORE_NAME = re.compile(
    r"^(?:the |my |our |this |that |an? )?(?:placeholder |field |slot )?(?:called |named )?"
)
_AFTER_NAME = re.compile(r"(?: placeholder| field| slot)?(?: please| instead| again| now)?$")
_NOTHING = re.compile(r"(?:be |an? )?(?:empty|blank|nothing)(?: text)?")
# Words that may surround a quoted text: use "Winter Light", please.
_ABOUT_VALUE = re.compile(
    r"(?:(?:please|pls|ok|okay|so|let's|let us|i'd|i would|like|want|to|can|could|you|we|i|just|use|take|put|write|set"
    r"|make|have|call|name|title|it|this|that|be|is|should|shall|will|read|say|with|here|the|text|thanks|thank|how"
    r"|about|go|for|and|then|as|in)(?:\s+|$))*"
)


def find_slot(said: str, situation: Situation, *, is_exact: bool = False) -> Slot | None:
    """The placeholder that is named, in any spelling; unless `is_exact` also by a part of its name that no other
    placeholder has."""
    name = fold(said).strip(" \"'\u201c\u201d.!?,{}")
    if len(name) > 80:
        return None
    wanted = _parts(_AFTER_NAME.sub("", _BEFORE_NAME.sub("", name)))
    if not wanted:
        return None
    for slot in situation.slots:
        parts = _parts(slot.name)
        if wanted == parts or "".join(wanted) == "".join(parts):
            return slot
    fitting = [slot for slot in situation.slots if set(wanted) <= set(_parts(slot.name))]
    if is_exact or len(fitting) != 1:
        return None
    # If a text is asked for, a part of a name may be a word of that text.
    return None if _asks_text(situation) and not fitting[0].is_image else fitting[0]


@lru_cache(maxsize=4_096)
def _parts(name: str) -> tuple[str, ...]:
    parts = re.sub(r"[_\-\s]+", " ", re.sub(r"(?<=[a-z])(?=\d)", " ", name.casefold())).split()
    parts = ["image" if part in ("picture", "photo", "pic") else part for part in parts]
    parts = [part for part in parts if part not in ("number", "no", "no.", "#", "nr")]
    parts = [str(COUNTS[part]) if part in COUNTS else part for part in parts]
    if len(parts) > 1 and parts[0] in ORDINALS:  # the second image: IMAGE_2
        parts = [*parts[1:], str(ORDINALS[parts[0]])]
    return tuple(parts)


def named(message: str, situation: Situation) -> list[Intent] | None:
    """The intents of a message that names a placeholder; empty if it names none, None if it is not certain."""
    said = message.strip()
    for form, read in _FORMS.items():
        found = read(said, situation)
        if found and _asks_text(situation):
            found = _among_texts(form, said, found, situation)
        if found is None or found:
            return found
    return []


def _among_texts(form: str, said: str, intents: list[Intent], situation: Situation) -> list[Intent] | None:
    """The intents if a text is asked for; the text may itself mention a date, a story or a background.

    None: not certain; empty: it is the text.
    """
    slots = [slot for intent in intents if (slot := situation.slot(intent.placeholder))]
    has_letters = any(slot.name in said for slot in slots)
    if form == "lines" or has_letters or quoted_part(said) or all(slot.is_image for slot in slots):
        return intents
    is_asked = slots[0].name == situation.asked
    is_short = len(said) <= _LONGEST_UNSURE and "\n" not in said
    match form:
        case "colon":
            return intents if is_asked or "\n" not in said else []
        case "change":
            return intents if intents[0].action != "change" or _SURELY_CHANGE.match(said) else None
        case "empty":
            return intents if is_asked or _SURELY_EMPTY.match(said) else None
        case "back":
            return intents if "back" in said.casefold() else None
        case "is" if is_asked:
            return intents if is_called(slots[0]) else []
    return None if is_short else []


def is_called(slot: Slot) -> bool:
    """Whether the placeholder's text is a name, which people give as “it is called ...”."""
    return bool(_CALLED & set(slot.name.split("_")))


def intents_for(
    slot: Slot, value: str, situation: Situation, *, is_named: bool = True
) -> list[Intent] | None:
    """The intents for a value that the user gives for a placeholder."""
    placeholder = slot.name if is_named else None
    given = value.strip()
    quoted = unquoted(given)
    if quoted is None and _NOTHING.fullmatch(fold(given).strip(" .!")):
        return [Intent("skip", placeholder)]
    if slot.is_image:
        return _image_for(slot, choose(given, situation, placeholder), situation)
    if quoted is None and slot.name == situation.asked and not situation.is_confirming:
        number = number_in(bare(given), situation)
        if number is not None and number in situation.numbers():
            return [Intent("pick", placeholder, number=number)]
    text = quoted if quoted is not None else _PLEASE.sub("", given).strip()
    text = unquoted(text) or text
    return [Intent("set", placeholder, text)] if text else [Intent("skip", placeholder)]


def _image_for(slot: Slot, intents: list[Intent] | None, situation: Situation) -> list[Intent] | None:
    """A number of an image that is not offered: it is refused, and the images are shown."""
    asked = situation.slot(situation.asked)
    if intents and intents[0].action == "pick" and not (situation.offers and asked and asked.is_image):
        return [intents[0], Intent("change", slot.name)]
    return intents


def _lines(said: str, situation: Situation) -> list[Intent] | None:
    """Several lines that each start with a name; a line without one continues the value before."""
    lines = said.splitlines()
    if len(lines) < 2 or _head(lines[0], situation) is None:
        return []
    heads = [_head(line, situation) for line in lines]
    if sum(head is not None for head in heads) < 2:
        return []
    blocks: list[tuple[Slot, list[str]]] = []
    for line, head in zip(lines, heads, strict=True):
        if head is None:
            blocks[-1][1].append(line)
        else:
            blocks.append((head[0], [head[1]]))
    intents: list[Intent] = []
    for slot, values in blocks:
        found = intents_for(slot, "\n".join(values), situation)
        if found is None:
            return None
        intents += found
    return intents


def _head(line: str, situation: Situation) -> tuple[Slot, str] | None:
    found = _NAMED.fullmatch(line.strip(" \t-*\u2022"))
    slot = find_slot(found["name"], situation, is_exact=True) if found else None
    return (slot, found["value"]) if found and slot else None


def _colon(said: str, situation: Situation) -> list[Intent] | None:
    head = _head(said, situation)
    if head is None:
        return []
    slot, value = head
    return intents_for(slot, value, situation) if value.strip() else [Intent("change", slot.name)]


def _change(said: str, situation: Situation) -> list[Intent] | None:
    found = _CHANGE.fullmatch(said)
    return _change_rest(found["rest"], situation, found["verb"].lower()) if found else []


def _change_rest(rest: str, situation: Situation, verb: str, depth: int = 0) -> list[Intent] | None:
    # “Make title great”: only the whole name is certain.
    is_exact = verb in ("make", "turn")
    for gap in _BETWEEN.finditer(rest[:120]):
        slot = find_slot(rest[: gap.start()], situation, is_exact=is_exact)
        if slot and rest[gap.end() :].strip():
            return _value_and_more(slot, rest[gap.end() :], situation, depth)
    slot = None if is_exact else find_slot(_TO_NOTHING.sub("", rest), situation)
    if slot:
        return [Intent("change", slot.name)]
    for slot, value in _name_first(rest, situation):
        is_sure = (
            slot.is_image or not _asks_text(situation) or unquoted(value) is not None or slot.name in rest
        )
        return intents_for(slot, value, situation) if is_sure else None
    return []


def _name_first(rest: str, situation: Situation) -> Iterator[tuple[Slot, str]]:
    """The names that the words may start with, longest first, with the rest: “make the title Winter Light”."""
    words = rest.split(" ")
    for count in range(min(5, len(words) - 1), 0, -1):
        slot = find_slot(" ".join(words[:count]), situation, is_exact=True)
        if slot:
            yield slot, " ".join(words[count:])


def _value_and_more(slot: Slot, value: str, situation: Situation, depth: int) -> list[Intent] | None:
    """Like “... to Winter Light and SUBTITLE to Snow”: the value ends where the next placeholder is named."""
    if depth >= MOST_INTENTS:
        return None
    for gap in islice(_AND_THEN.finditer(value), MOST_INTENTS) if unquoted(value) is None else ():
        more = value[gap.end() :]
        change = _CHANGE.fullmatch(more)
        rest = change["rest"] if change else more
        if any(
            find_slot(rest[: end.start()], situation, is_exact=True) for end in _BETWEEN.finditer(rest[:120])
        ):
            first = intents_for(slot, value[: gap.start()], situation)
            others = _change_rest(rest, situation, "change", depth + 1)
            return None if first is None or not others else [*first, *others]
    return intents_for(slot, value, situation)


def _empty(said: str, situation: Situation) -> list[Intent] | None:
    plain = _PLEASE.sub("", said.rstrip(" .!"))
    for pattern in (_EMPTY, _LEAVE):
        found = pattern.fullmatch(plain)
        slot = find_slot(found["name"], situation) if found else None
        if slot:
            return [Intent("skip", slot.name)]
    return []


def _go_back(said: str, situation: Situation) -> list[Intent] | None:
    if situation.slot(said.strip(" .{}")):
        return [Intent("change", said.strip(" .{}"))]
    found = _GO_BACK.fullmatch(_PLEASE.sub("", said).rstrip(" .!?"))
    slot = find_slot(found["rest"], situation, is_exact=True) if found else None
    return [Intent("change", slot.name)] if slot else []


def _is(said: str, situation: Situation) -> list[Intent] | None:
    """Like “the title is Winter Light”."""
    found = _IS.fullmatch(said)
    slot = find_slot(found["name"], situation, is_exact=True) if found else None
    return intents_for(slot, found["value"], situation) if found and slot else []


def _use(said: str, situation: Situation) -> list[Intent] | None:
    """Like “use 3 for IMAGE_2”; without a verb only for images, or if the value is quoted."""
    for pattern in (_FOR_USE, _USE_FOR):
        found = pattern.fullmatch(_PLEASE.sub("", said).rstrip(".!"))
        if not found:
            continue
        slot = find_slot(found["name"], situation, is_exact=not found["verb"])
        is_image = slot is not None and slot.is_image and not _asks_text(situation)
        if slot and (found["verb"] or is_image or slot.name in said or unquoted(found["value"]) is not None):
            return intents_for(slot, found["value"], situation)
    return []


def _asks_text(situation: Situation) -> bool:
    slot = situation.slot(situation.asked)
    return slot is not None and not slot.is_image and not situation.is_confirming


def quoted_value(said: str) -> str | None:
    """The quoted words of a message that only gives them: use "Winter Light", please."""
    found = quoted_part(said)
    if found is None:
        return None
    value, around = found
    return value if value and _ABOUT_VALUE.fullmatch(bare(around)) else None


_FORMS: Mapping[str, Callable[[str, Situation], list[Intent] | None]] = {
    "lines": _lines,
    "change": _change,
    "colon": _colon,
    "empty": _empty,
    "back": _go_back,
    "is": _is,
    "use": _use,
}
