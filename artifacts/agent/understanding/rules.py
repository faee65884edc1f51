"""Reads what a message to the Artifact Agent asks for, by rules, without a model. Pure."""

import re

from artifacts.agent.understanding import commands, image_rules, placeholder_rules
from artifacts.agent.understanding.intent import Action, Intent, Offer, Situation, Slot
from artifacts.agent.understanding.matching import matches
from artifacts.agent.understanding.words import bare, unquoted, without_politeness

__all__ = ["Action", "Intent", "Offer", "Situation", "Slot", "matches", "understand"]

# Longer messages are prose.
_LONGEST_LIST = 200
_THEN = re.compile(r"\s*(?:;\s|,?\s+and then\s|,?\s+then\s|[.!]\s+(?=\S))\s*", re.IGNORECASE)
_CALL_IT = re.compile(
    r"(?:(?:[Pp]lease|[Ll]et['\u2019]?s|[Ii]['\u2019]?d|[Cc](?:an|ould) you|like to|want to|I|[Ww]e|[Oo]k|OK),?\s+)*"
    r"(?:(?:[Cc]all|[Nn]ame|[Tt]itle) it|(?:it to be|[Ii]t should be|[Ii]t is|[Ii]t['\u2019]s) (?:called|named))\s+"
    r"(?P<value>\S.*)",
    re.DOTALL,
)
# How people speak about a name they would like: these cannot be told from the name alone.
_WOULD_CALL = re.compile(
    r"(?:how|what) about |let's (?:go with|use|take|make it|try) |maybe (?:just |something )"
    r"|(?:please|let's just|just|can you|could you) (?:use|take|make it|put|write) "
    r"|(?:i|we)(?:'d| would) (?:like|prefer|go (?:with|for)) |(?:i'm|i am) (?:thinking|going with) "
)
_PICK_VERB = re.compile(
    r"(?:use|take|pick|choose|select|go with|i take)(?: the)?(?: number| option| choice| no\.?| suggestion)?"
    r" (?P<number>\S+?)(?: one| option| choice)?"
)
_OF_IMAGES = re.compile(r"\b(?:image|picture|photo|pic|photograph|shot|entry|item)\b")
_ONLY = re.compile(
    r"(?:(?:use|take|keep|choose|pick|go with) )?(?:it|this|that|this one|that one|the suggestion"
    r"|the suggested (?:one|title|text|name)|(?:the )?(?:artifact's|artifact|same) (?:title|name)"
    r"|the one (?:suggested|you suggest(?:ed)?)|the first suggestion|as (?:it |you )?suggest(?:ed)?)"
    r"|yes|yes please|y|yep|yeah|sure|ok|okay|sounds good|looks good|perfect|that's (?:fine|good|right)"
)
# Unlikely to be a text or an image's content, but not certain to be anything else.
_UNCERTAIN = re.compile(
    r"y|yes|yeah|yep|yes please|n|no|nope|no thanks|no thank you|ok|okay|sure|hi|hello|hey|next|none|go on|continue"
    r"|maybe|what|why|huh|hm+|i (?:don't|do not) know|idk|not sure|no idea|you (?:choose|decide)|surprise me"
    r"|whatever|anything|any(?: one)?|thanks|thank you"
    r"|(?:the )?other(?: one)?|another(?: one)?|a different one"
)


def understand(message: str, situation: Situation) -> list[Intent] | None:
    """The intents of a message, in order; None if the meaning is not certain."""
    said = message.strip()
    if re.fullmatch(r"[\s?!]*", said):
        return [Intent("help")] if "?" in said else None
    slot = situation.slot(situation.asked)
    if situation.is_confirming:
        return _answer(said, situation)
    if slot is not None and not slot.is_image:
        return _for_text(said, slot, situation)
    return _for_images(said, situation)


def _answer(said: str, situation: Situation) -> list[Intent] | None:
    """Answers to the agent's own question, or another intent that is certain."""
    words = bare(said)
    number = image_rules.number_in(words, situation)
    if number is None:
        number = image_rules.number_in(without_politeness(words, is_loose=True), situation)
    if number is not None:
        return [Intent("pick", number=number)]
    if answer := commands.yes_or_no(words):
        return [Intent(answer)]
    if picked := _answer_named(words, situation):
        return picked
    if command := commands.find(words, is_loose=True):
        return [Intent(command)]
    named = placeholder_rules.named(said, situation) or []
    # Here, numbers are answers, even if a placeholder is named beside them.
    return None if any(intent.action == "pick" for intent in named) else named or None


def _answer_named(words: str, situation: Situation) -> list[Intent]:
    """The answer whose words are said, unless a yes or no before them contradicts it."""
    found = re.fullmatch(r"(?:(yes|yeah|yep|ok|okay|sure)|(no|nope|nah)) (.+)", words)
    rest = found[3] if found else words
    fitting = matches(without_politeness(rest, is_loose=True), situation.offers)
    if len(fitting) != 1 or commands.is_negated(rest):
        return []
    contrary = "" if found is None else "no" if found[1] else "yes"
    return [] if fitting[0].value == contrary else [Intent("pick", number=fitting[0].n)]


def _for_text(said: str, slot: Slot, situation: Situation) -> list[Intent] | None:
    """A text is asked for: everything that is not clearly something else is the text, as written."""
    quoted = unquoted(said)
    if quoted is not None:
        return [Intent("set", text=quoted)] if quoted else [Intent("skip")]
    words = bare(said)
    if command := commands.find(words, is_loose=False):
        return [Intent(command)]
    picked = _picked_for_text(words, situation)
    if picked is None or picked:
        return picked
    if _UNCERTAIN.fullmatch(words) and not words.startswith("thank"):
        return None
    named = placeholder_rules.named(said, situation)
    if named is None or named:
        return named
    filled = _fill_for_text(said, situation)
    return _text(said, slot, situation) if filled == [] else filled


def _text(said: str, slot: Slot, situation: Situation) -> list[Intent] | None:
    """The text itself, without the words that introduce it."""
    if (value := placeholder_rules.quoted_value(said)) is not None:
        return [Intent("set", text=value)]
    if placeholder_rules.is_called(slot):
        if call := _CALL_IT.fullmatch(said):
            return placeholder_rules.intents_for(slot, call["value"], situation, is_named=False)
        if _WOULD_CALL.match(bare(said)):
            return None
    return [Intent("set", text=said)]


def _picked_for_text(words: str, situation: Situation) -> list[Intent] | None:
    """A choice instead of a text; empty: the words are not a choice; None: they look like one that does not exist."""
    plain = without_politeness(words, is_loose=False)
    if len(situation.offers) == 1 and (_ONLY.fullmatch(plain) or _ONLY.fullmatch(words)):
        return [Intent("pick", number=situation.offers[0].n)]
    if picked := image_rules.labelled(words, situation):
        return picked
    number = image_rules.number_said(plain)
    if number in situation.numbers() and not _OF_IMAGES.search(plain):
        return [Intent("pick", number=number)]
    found = _PICK_VERB.fullmatch(plain)
    number = image_rules.number_said(found["number"]) if found else None
    if number is None:
        return []
    return [Intent("pick", number=number)] if situation.offers else None


def _fill_for_text(said: str, situation: Situation) -> list[Intent] | None:
    """Images of a project while a text is asked for: only if the words say “project” or give an order.

    Empty: nothing like that; None: it may also be a text.
    """
    filled = image_rules.fill(said, situation)
    if not filled or filled[0].text not in situation.projects:
        return []
    words = bare(said)
    if re.search(r"\bproject\b|\border\b", words):
        return filled
    return None if re.search(r"\b(?:images|pictures|photos)\b", words) else []


def _for_images(said: str, situation: Situation) -> list[Intent] | None:
    """Images are asked for, or nothing: a command, a choice, or words to search for."""
    words = bare(said)
    if command := commands.find(words, is_loose=True):
        return [Intent(command)]
    named = placeholder_rules.named(said, situation)
    if named is None or named:
        return named
    if situation.asked is None:
        return _unasked(said, situation)
    if _UNCERTAIN.fullmatch(words) and not (len(situation.offers) == 1 and _ONLY.fullmatch(words)):
        return None
    return (
        image_rules.labelled(words, situation)
        or (None if image_rules.address_in(said) else _in_turn(said, situation))
        or image_rules.choose(said, situation)
    )


def _unasked(said: str, situation: Situation) -> list[Intent] | None:
    """Nothing is asked for: only the choices offered, or images by project, are certain."""
    if picked := image_rules.labelled(bare(said), situation):
        return picked
    number = image_rules.number_in(without_politeness(bare(said), is_loose=True), situation)
    return (
        [Intent("pick", number=number)]
        if number in situation.numbers()
        else image_rules.fill(said, situation)
    )


def _in_turn(said: str, situation: Situation) -> list[Intent] | None:
    """Like “the second one, then skip”: each part by itself if all are certain; None if it is not such a list."""
    parts = [part for part in _THEN.split(said) if bare(part)] if len(said) <= _LONGEST_LIST else []
    if "\n" in said or not 1 < len(parts) <= placeholder_rules.MOST_INTENTS:
        return None
    intents: list[Intent] = []
    for part in parts:
        command = commands.find(bare(part), is_loose=True)
        found = (
            [Intent(command)]
            if command
            else placeholder_rules.named(part, situation) or image_rules.choose(part, situation)
        )
        if not found:
            return None
        intents += found
    if all(
        intent.action in ("pick", "find", "latest", "image") and intent.placeholder is None
        for intent in intents
    ):
        return image_rules.spread(intents, situation)
    return intents
