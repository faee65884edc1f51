"""Normalises the words of a message: folds case, removes quotes and polite words, reads numbers. Pure."""

import re
import unicodedata

from dali.lib.texts import comparable

_QUOTES = {
    '"': '"',
    "'": "'",
    "\u201c": "\u201d",
    "\u201e": "\u201c\u201d",
    "\u2018": "\u2019",
    "\u00ab": "\u00bb",
    "\u00bb": "\u00ab",
    "`": "`",
}
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "`": "'"})
# Longer texts are not commands and are not changed.
_LONGEST_WRAPPED = 400
_ENDS = " \t\n.,;:!?()[]\u2026-\u2013\u2014"

COUNTS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6,
    "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12,
}  # fmt: skip

# Polite words around a request that carry no meaning.
_POLITE = (
    r"please|pls|ok|okay|alright|all right|thanks|thank you|actually|then"
    r"|(?:can|could|would|will) (?:you|we|i)|let's|lets|let us"
    r"|(?:i|we)(?:'d| would)(?: like| love| rather| prefer)?(?: you)?(?: to)?"
    r"|(?:i|we)(?:'ll| will)|(?:i|we) (?:want|need|intent)(?: you)?(?: to)?|go ahead and"
)
_CHATTY = (
    r"well|so|and|now|just|hm+|uh+|um+|oh|ah|hey|hi|hello|maybe|perhaps|yes|yeah|yep|sure|great|good|nice|perfect"
    r"|cool|fine|right|wait|sorry|(?:i|we) (?:think|guess|prefer|like|love|choose|pick|take|mean|meant)(?: that)?"
    r"|how about|what about|rather|i'm going with|it's|it is|that's|that would be|make (?:it|that|this)"
)
_TAILS = (
    r"please|pls|thanks|thank you|thx|then|now|for now|for me|maybe|perhaps|i think|i guess|instead|again|here"
    r"|if (?:that's|that is|it's|it is|you can|possible)(?: ok| okay| possible| fine)?"
)
_CHATTY_TAILS = (
    r"(?:looks|is|seems|sounds|would be|will be) (?:the )?(?:best|good|great|nice|fine|perfect|lovely)"
    r"|it is|will do"
)
_LEAD = re.compile(rf"(?:{_POLITE})\s+(?=\S)")
_LOOSE_LEAD = re.compile(rf"(?:{_POLITE}|{_CHATTY})\s+(?=\S)")
_TAIL = re.compile(rf"(?<=\S)\s+(?:{_TAILS})$")
_LOOSE_TAIL = re.compile(rf"(?<=\S)\s+(?:{_TAILS}|{_CHATTY_TAILS})$")


def fold(text: str) -> str:
    """One line, one case, plain apostrophes, compatibility characters normalised (NFKC)."""
    plain = comparable(unicodedata.normalize("NFKC", text).translate(_APOSTROPHES))
    return " ".join(plain.split())


def bare(text: str) -> str:
    """Folded, without commas and without punctuation at the ends."""
    return " ".join(fold(text).replace(",", " ").replace(";", " ").split()).strip(_ENDS)


def without_politeness(folded: str, *, is_loose: bool) -> str:
    """The text without polite words around it; `is_loose`: also without chatty ones. Never empties the text."""
    lead, tail = (_LOOSE_LEAD, _LOOSE_TAIL) if is_loose else (_LEAD, _TAIL)
    left = folded
    while len(folded) <= _LONGEST_WRAPPED:
        before = left
        left = lead.sub("", left, count=1).strip(_ENDS) if lead.match(left) else left
        left = tail.sub("", left, count=1).strip(_ENDS)
        if not left:
            return before
        if left == before:
            return left
    return folded


def unquoted(text: str) -> str | None:
    """The text inside quotation marks that enclose the whole; None if there are none.

    Marks inside end the outer ones, as in `"one" and "two"`, unless they too enclose everything inside.
    """
    inner = _within(text.strip())
    if inner is None:
        return None
    innermost = _within(inner.strip())
    return (
        inner.strip()
        if not _has_marks(inner, text) or (innermost and not _has_marks(innermost, text))
        else None
    )


def _within(whole: str) -> str | None:
    return whole[1:-1] if len(whole) > 1 and whole[-1] in _QUOTES.get(whole[0], "") else None


def _has_marks(inner: str, text: str) -> bool:
    marks = {text.strip()[0], text.strip()[-1]}
    if marks & {"'", "\u2019"}:  # between letters these are apostrophes
        return bool(re.search(r"(?<!\w)['\u2018\u2019]|['\u2018\u2019](?!\w)", inner))
    return any(mark in inner for mark in marks)


def quoted_part(text: str) -> tuple[str, str] | None:
    """The only quoted words in a text, and the text around them; None if there are none or several."""
    found = _QUOTED_PART.findall(text)
    if len(found) != 1:
        return None
    whole = found[0]
    return whole[1:-1].strip(), text.replace(whole, " ", 1)


_QUOTED_PART = re.compile(
    r'"[^"]+"|\u201c[^\u201c\u201d]+\u201d|\u201e[^\u201c\u201d\u201e]+[\u201c\u201d]|\u00ab[^\u00ab\u00bb]+\u00bb'
    r"|(?<!\w)'[^'\n]+'(?!\w)|(?<!\w)\u2018[^\u2018\n]+\u2019(?!\w)"
)


def count_of(word: str) -> int | None:
    """`3`, `#3` and `three` are 3; at most four digits."""
    if re.fullmatch(r"#?\d{1,4}", word, re.ASCII):
        return int(word.lstrip("#"))
    return COUNTS.get(word)


def ordinal_of(word: str) -> int | None:
    """`third` and `3rd` are 3."""
    if found := re.fullmatch(r"(\d{1,3})(?:st|nd|rd|th)", word, re.ASCII):
        return int(found[1])
    return ORDINALS.get(word)
