"""Finds the choices that a description fits. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from artifacts.agent.understanding.intent import Offer

_IRREGULAR = {
    "men": "man", "women": "woman", "children": "child", "people": "person", "feet": "foot", "teeth": "tooth",
    "mice": "mouse", "geese": "goose", "leaves": "leaf", "wolves": "wolf", "knives": "knife", "shelves": "shelf",
    "loaves": "loaf", "scarves": "scarf", "hooves": "hoof", "grey": "gray", "lens": "lens", "canvas": "canvas",
}  # fmt: skip
# Endings that take “es” in the plural, or have a plural of their own: compared without it.
_SILENT_E = ("se", "xe", "ze", "che", "she", "oe")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
# Scripts without spaces between words: matched anywhere in the text.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def matches(words: str, offers: Sequence[Offer]) -> list[Offer]:
    """The choices that contain every word of the phrase, in any order; adjacent words rank first.

    Only an image's words count, not its label, which also names its provider. Case, accents, plurals and small words
    make no difference.
    """
    wanted = [word for word in words_of(words) if word not in _STOP]
    if not wanted:
        return []
    found = [(rank, offer) for offer in offers if (rank := _rank(wanted, offer)) is not None]
    return [offer for _, offer in sorted(found, key=lambda pair: (pair[0], pair[1].n))]


def words_of(text: str) -> list[str]:
    """The words of a text, normalised for comparison."""
    plain = text.casefold() if text.isascii() else _without_accents(text)
    return [_singular(word.removesuffix("'s")) for word in _WORD.findall(plain)]


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.replace("\u2019", "'")).casefold()
    return unicodedata.normalize(
        "NFC", "".join(char for char in decomposed if not unicodedata.combining(char))
    )


def has_words(text: str) -> bool:
    """Whether there are words to search for."""
    return any(word not in _STOP for word in words_of(text))


def _rank(wanted: list[str], offer: Offer) -> int | None:
    said = [word for word in words_of(offer.words or offer.label) if word not in _STOP]
    if not all(_is_among(word, said) for word in wanted):
        return None
    return 0 if f" {' '.join(wanted)} " in f" {' '.join(said)} " else 1


def _is_among(word: str, said: list[str]) -> bool:
    return word in said or (bool(_UNSPACED.search(word)) and any(word in other for other in said))


@lru_cache(maxsize=20_000)
def _singular(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if len(word) > 3 and word.endswith("ie"):
        return f"{word[:-2]}y"
    if len(word) > 3 and word.endswith(_SILENT_E):
        return word[:-1]
    if len(word) > 4 and word.endswith("our"):
        return f"{word[:-2]}r"  # harbour, colour
    return word


# Words that introduce a description and are not part of it.
_SMALL = """
    a an the this that these those one some any with of in at on by to for from and or is are was were be has have
    having it its there their his her my our your i me we you which who where what whose shows showing shown see seen
    contains containing features featuring depicts depicting image picture photo pic photograph shot something thing
    anything like as please latest newest
"""
_STOP = frozenset(_singular(word) for word in _SMALL.split())
