"""Commands to the agent, valid for any question: skip, back, show, more, help, done, start over. Pure."""

import re
from collections.abc import Mapping
from typing import Literal

from artifacts.agent.understanding.intent import Action
from artifacts.agent.understanding.words import without_politeness

# Longer messages are not a command.
_MOST_CHARACTERS = 120
_THIS = r"(?:it|this|that)(?: one| image| picture| text| question| placeholder| field| part| step)?"
_CHOICES = r"(?:images|pictures|photos|choices|options|ones|of them)"
_ALL = r"(?:everything|all of it|it all|all)"
_STATE = r"(?:left|missing|filled|done|remaining|open)"
_REST = r"(?:all )?(?:the )?(?:rest|others|remaining(?: ones)?)"


def _table(patterns: Mapping[Action, tuple[str, ...]]) -> tuple[tuple[Action, re.Pattern[str]], ...]:
    return tuple((action, re.compile("|".join(each))) for action, each in patterns.items())


# Always a command: as text, these must be quoted.
_PLAIN = _table(
    {
        "skip": (
            rf"skip(?: for now| {_THIS})?",
            rf"(?:pass on|leave out) {_THIS}",
            rf"leave (?:{_THIS} )?(?:empty|blank|out)",
            rf"(?:i )?(?:don't|do not) (?:want|need) (?:{_THIS}|any|one|anything here)",
        ),
        "back": (
            r"(?:go |one |a |take a |take me )?(?:step )?back(?: (?:one|a|1)(?: step)?)?",
            rf"undo(?: {_THIS}| the last (?:one|step))?",
            r"(?:go (?:back )?to )?(?:the )?(?:previous|last) (?:question|step|placeholder)",
            r"go to (?:the )?previous(?: one)?",
        ),
        "show": (
            rf"show(?: me)?(?: (?:it|again|{_ALL}|the list|a summary))?",
            r"show(?: me)? (?:the |my )?(?:status|state|progress)|status",
            r"show(?: me)? what (?:we|i|you) have(?: got)?(?: so far)?",
            r"show(?: me)? where (?:we|i) (?:are|am)|where (?:are we|am i|were we|was i)",
            rf"(?:show(?: me)? )?what(?:'s| is) (?:still )?{_STATE}(?: to do)?(?: so far)?",
            r"what (?:do we|have we|do i|have i) (?:have|got|filled|done)(?: so far| left)?",
            r"what (?:do you|does it|does the template) (?:still )?need|how (?:far are we|much is left)",
        ),
        "start_over": (
            rf"start (?:{_ALL} )?(?:all )?(?:over|again|anew|from (?:scratch|the beginning|the start))(?: again)?",
            rf"restart|reset(?: (?:it|{_ALL}))?|begin again|from scratch",
            rf"(?:clear|delete|remove|empty|erase|forget) {_ALL}",
        ),
        "more": (
            rf"(?:(?:show|give|list)(?: me)?(?: some)? )?more(?: {_CHOICES})?",
            rf"(?:to )?see more(?: {_CHOICES})?|(?:the )?next page|any more|(?:are )?there (?:any )?more",
            r"(?:do you )?have (?:any )?more",
        ),
        "help": (
            r"help(?: me)?(?: out)?|/help|i need help|commands|what now",
            r"what (?:can|could|should|must|do) i (?:do|say|type|write|ask)(?: (?:here|now|next))?",
            r"what (?:can|do) you (?:do|understand)|how does (?:this|it) work",
            r"how do i (?:do this|use this|answer|choose|pick)",
        ),
        "done": (
            r"done|finish(?: (?:it|up|now))?|finished|publish(?: (?:it|now|this|it now|the page|that))?",
            r"(?:i'm|i am|we're|we are|that's|that is|all) (?:done|finished)",
            r"that(?:'s| is| will be) (?:all|everything)(?: for now)?",
            rf"skip (?:{_REST}|{_ALL}|all of them)|leave {_REST} (?:empty|blank|out)",
        ),
    }
)
# A command only if no text is asked for: each of these may be a text.
_LOOSE = _table(
    {
        "skip": (
            r"pass|none|nothing|empty|blank|without(?: one)?|leave it|no thanks|no thank you",
            r"no (?:image|picture|photo)(?: here)?|none of (?:them|these|those)|next (?:question|placeholder)",
        ),
        "back": (r"previous(?: one)?|return",),
        "show": (
            r"overview|summary|progress|list|preview|review|choices|options",
            rf"show(?: me)? (?:the |my |your )?(?:{_CHOICES}|page|preview|list)(?: again)?",
            r"what are (?:the|my) (?:choices|options)",
        ),
        "more": (
            rf"(?:the )?(?:next|other|older|different)(?: few| twelve| 12)? {_CHOICES}",
            r"(?:the )?others?|older|something else|(?:anything|what) else|further|page down",
        ),
        "help": (
            r"what|huh|how|instructions|explain|what is this|what do you mean",
            r"i (?:don't|do not) understand|i'm lost|i am lost|i don't know(?: what to (?:do|say))?",
        ),
        "done": (
            r"that(?:'s| is) it|ready|render(?: it)?|go live|complete|completed|build it|create it|submit",
            r"all set|good to go|finali[sz]e|stop|quit|exit|enough|that's enough|(?:it's|it is|i'm|i am) ready",
        ),
    }
)
_YES = re.compile(
    r"y|yes|yeah|yep|yup|sure(?: thing)?|ok|okay|of course|certainly|definitely|absolutely|right|correct|agreed"
    r"|confirm(?:ed)?|go ahead|go for it|do (?:it|that|so)|i do|i am|i'm sure|i am sure|that's right|fine|sounds good"
)
_NO = re.compile(
    r"n|no|nope|nah|never|never ?mind|cancel(?: (?:it|that))?|stop|wait|abort|forget it|not at all|no way|leave it"
    r"|not (?:yet|now|really|sure)|no thanks|no thank you|i'd rather not|better not|rather not|i changed my mind"
    r"|keep (?:it|them|everything|all)(?: as (?:it is|they are))?|(?:i |please )?(?:don't|do not)(?: .+)?"
)
_YES_THEN = re.compile(r"(yes|yeah|yep|yup|ok|okay|sure|please) (.+)")
_NO_THEN = re.compile(r"(no|nope|nah|please) (.+)")
_NEGATED = re.compile(r"\b(?:no|not|never|without|except|but|first|unless|\w+n't|dont)\b")


def find(words: str, *, is_loose: bool) -> Action | None:
    """The command that the words are, with or without polite words."""
    if len(words) > _MOST_CHARACTERS:
        return None
    tables = _PLAIN + _LOOSE if is_loose else _PLAIN
    for said in (words, without_politeness(words, is_loose=is_loose)):
        for action, pattern in tables:
            if pattern.fullmatch(said):
                return action
    return None


def yes_or_no(words: str) -> Literal["yes", "no"] | None:
    """A yes or a no; None if the words are neither, or more than that."""
    if len(words) > _MOST_CHARACTERS:
        return None
    said = re.sub(r"(?<=\w) (?:please|thanks|thank you)$", "", words)
    if _NO.fullmatch(said):
        return "no"
    if _YES.fullmatch(said):
        return "yes"
    if (found := _NO_THEN.fullmatch(said)) and _NO.fullmatch(found[2]):
        return "no"
    if (found := _YES_THEN.fullmatch(said)) and _YES.fullmatch(found[2]):
        return "yes"
    return None


def is_negated(words: str) -> bool:
    """Whether the words may mean the opposite of what they name."""
    return bool(_NEGATED.search(words))
