"""Turns a vision model's answer, in whatever form, into a verdict that fits the contract."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping

from dali.lib.loose_json import MOST_CHARACTERS, objects_in
from progressions.enums import Judgment
from progressions.judge import Verdict

MOST_NOTES = 8  # the rubric asks for four
MOST_NOTE_CHARACTERS = 500
MOST_TAGS = 20
MOST_TAG_CHARACTERS = 40

# Names that models use if they do not follow the schema; compared without case, spaces, `_` and `-`.
_JUDGMENT = (
    "judgment", "judgement", "verdict", "result", "decision", "passed", "pass", "passes", "ispass", "approved",
    "accepted", "acceptable", "outcome", "conclusion", "answer",
)  # fmt: skip
_NOTES = (
    "notes", "note", "reasons", "reason", "reasoning", "rationale", "justification", "explanation", "analysis",
    "observations", "comments", "comment", "feedback", "description",
)  # fmt: skip
_TAGS = ("tags", "tag", "keywords", "labels")
_SUGGESTION = (
    "retrysuggestion", "suggestion", "suggestions", "retry", "improvement", "improvements", "recommendation",
)  # fmt: skip

_PASS = frozenset({
    "pass", "passed", "passes", "passing", "yes", "true", "good", "ok", "okay", "accept", "accepted", "accepts",
    "acceptable", "approve", "approved", "approves",
})  # fmt: skip
_FAIL = frozenset({
    "fail", "failed", "fails", "failing", "failure", "reject", "rejected", "rejects", "unacceptable", "disapproved",
})  # fmt: skip
# These mean fail only as the first word: `bad weather over the sea` describes a subject.
_FAIL_FIRST = frozenset({"false", "bad"})
# These negate the words that follow them in the same clause.
_NEGATIONS = frozenset({
    "not", "no", "non", "never", "cannot", "cant", "isnt", "doesnt", "didnt", "dont", "wont", "wasnt", "wouldnt",
    "couldnt", "shouldnt", "unable", "neither", "nor", "hardly", "barely", "far", "nowhere",
})  # fmt: skip
_REACH = 4  # words: `not a very clear pass`
_ENDINGS = (".", "!", "?")
_WIDE_ENDINGS = str.maketrans({"。": ".", "！": "!", "？": "?", "…": "..."})  # noqa: RUF001 - Chinese and Japanese
_NO_REASON = "The judge gave no reason."
_NO_SUGGESTION = "Describe in more detail what the picture should and should not show."


def parse_verdict(text: str) -> Verdict | None:
    """The verdict in a model's answer, well-formed by the contract; None if it contains no judgment. Never raises.

    Accepts JSON alone, fenced, in prose, in single quotes, with extra commas, or cut off after the judgment. Of several
    objects the last one counts, since models think before they answer.
    """
    answers = [answer for found in objects_in(_unwrapped(text)) if (answer := _answer_in(found)) is not None]
    if not answers:
        return None
    judgment, said = answers[-1]
    notes = _notes_of(_first(said, _NOTES))
    suggestion = ""
    if judgment == Judgment.FAIL:
        suggestion = _sentence(_first(said, _SUGGESTION))
        suggestion = suggestion or (f"Fix this: {notes[0]}" if notes else _NO_SUGGESTION)
    return Verdict(judgment, notes or [_NO_REASON], _tags_of(_first(said, _TAGS)), suggestion)


def clean(text: str) -> str:
    """The text in one line, without control characters and lone surrogates, which databases reject."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
    seen = "".join(" " if unicodedata.category(char) in ("Cc", "Cn", "Zl", "Zp") else char for char in whole)
    return " ".join(seen.split())


def _unwrapped(text: str) -> str:
    """The inner JSON if the answer is JSON inside a JSON string; otherwise the text."""
    stripped = text.strip()[:MOST_CHARACTERS]
    if stripped.startswith('"'):
        try:
            inner = json.loads(stripped)
        except (ValueError, RecursionError):
            return text
        if isinstance(inner, str):
            return inner
    return text


def _answer_in(found: Mapping[str, object], depth: int = 0) -> tuple[Judgment, Mapping[str, object]] | None:
    """The judgment, and the members by normalized name, of an object or one up to two levels below it.

    As in `{"result": {"judgment": ...}}`.
    """
    named: dict[str, object] = {}
    for name, value in found.items():
        named.setdefault(re.sub(r"[\W_]", "", str(name)).lower(), value)
    for name in _JUDGMENT:
        if name in named and (judgment := _judgment_of(named[name])) is not None:
            return judgment, named
    if depth < 2:
        for inner in found.values():
            if isinstance(inner, Mapping) and (answer := _answer_in(inner, depth + 1)) is not None:
                return answer
    return None


def _judgment_of(said: object) -> Judgment | None:
    if isinstance(said, bool):
        return Judgment.PASS if said else Judgment.FAIL
    if isinstance(said, int | float) and said in (0, 1):
        return Judgment.PASS if said else Judgment.FAIL
    if not isinstance(said, str) or len(said) > 200:
        return None
    text = said.lower().replace("\u2019", "'")
    clauses = [re.findall(r"[a-z']+", clause) for clause in re.split(r"[^\w\s'*`\"-]+|\s-+\s", text)]
    words = _Words()
    for clause in filter(None, clauses):
        words.read([word.replace("'", "") for word in clause])
    return words.judgment()


class _Words:
    """Collects what the clauses of a judgment mean, such as `cannot pass` or `not a failure`."""

    def __init__(self) -> None:
        self._is_pass = self._is_fail = self._is_unclear = False
        self._is_first = True

    def read(self, words: list[str]) -> None:
        """Reads one clause; a negation applies to the words that follow it."""
        for at, word in enumerate(words):
            is_turned = _is_turned(words, at)
            if word in _PASS:
                self._is_pass |= not is_turned
                self._is_fail |= is_turned
            elif word in _FAIL:
                self._is_fail |= not is_turned
                self._is_unclear |= is_turned
        if self._is_first and (words[0] in _FAIL_FIRST or words == ["no"]):
            self._is_fail = True
        elif words[-1] in _NEGATIONS:
            self._is_unclear = True  # `it is not, I think, acceptable`
        self._is_first = False

    def judgment(self) -> Judgment | None:
        """The judgment; None if unclear, as for `pass|fail` or `pass, not fail`."""
        if self._is_unclear or self._is_pass == self._is_fail:
            return None
        return Judgment.PASS if self._is_pass else Judgment.FAIL


def _is_turned(words: list[str], at: int) -> bool:
    """Whether a negation, or `fails to`, comes before the word."""
    before = words[max(0, at - _REACH) : at]
    if _NEGATIONS.intersection(before):
        return True
    return before[-1:] == ["to"] and not (_FAIL | {"refuse", "refuses", "refused"}).isdisjoint(before[-2:-1])


def _first(said: Mapping[str, object], names: tuple[str, ...]) -> object:
    return next((said[name] for name in names if said.get(name) not in (None, "", [], {})), None)


def _texts(said: object) -> Iterator[str]:
    """Every text in a value that should be a list of texts."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, bool) or said is None:
        return
    elif isinstance(said, int | float):
        yield str(said)
    elif isinstance(said, list):
        for part in said:
            if not isinstance(part, list):
                yield from _texts(part)
    elif isinstance(said, Mapping):
        named = {str(name).lower(): part for name, part in said.items()}
        for name in ("note", "text", "reason", "tag", "name", "value"):
            if isinstance(named.get(name), str):
                yield str(named[name])
                return


def _notes_of(said: object) -> list[str]:
    lines = re.split(r"[\r\n]+", said) if isinstance(said, str) else _texts(said)
    notes = [note for line in lines if (note := _sentence(line))]
    return list(dict.fromkeys(notes))[:MOST_NOTES]


def _sentence(said: object) -> str:
    """The text as a sentence with a capital letter and a full stop; empty if it has no letters or digits."""
    if not isinstance(said, str):
        return ""
    text = re.sub(r"^(?:[-*\u2022>#]+|\d{1,2}[.)])\s+", "", clean(said)).strip(" `*").translate(_WIDE_ENDINGS)
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    if not any(char.isalnum() for char in text):
        return ""
    if len(text) > MOST_NOTE_CHARACTERS:
        text = text[: MOST_NOTE_CHARACTERS - 20].rsplit(" ", 1)[0].rstrip(" ,;:.-") + "..."
    if "a" <= text[0] <= "z":
        text = text[0].upper() + text[1:]
    elif not "A" <= text[0] <= "Z":
        text = f"Seen: {text}"
    return text if text.endswith(_ENDINGS) else text.rstrip(" ,;:-(") + "."


def _tags_of(said: object) -> list[str]:
    tags = (_tag(part) for text in _texts(said) for part in re.split(r"[,;\r\n]", text))
    return list(dict.fromkeys(tag for tag in tags if tag))[:MOST_TAGS]


def _tag(said: str) -> str:
    """The text as a tag, cut between words; empty if it has no letters or digits."""
    tag = clean(said).lower().strip(" #\"'`.:-_*()[]{}")
    if len(tag) > MOST_TAG_CHARACTERS:
        tag = tag[: MOST_TAG_CHARACTERS + 1].rpartition(" ")[0].rstrip()
    return tag if any(char.isalnum() for char in tag) else ""
