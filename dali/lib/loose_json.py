"""JSON objects in the text of a language model: in prose or a fence, badly quoted, with extra commas, cut off."""

import json
from collections.abc import Iterator

import json_repair

# A longer text is not an answer to the question.
MOST_CHARACTERS = 40_000
# A verdict has about 1,000 characters. json-repair's time grows with the square of the length: the worst known 2,000
# characters take 1.3 s (0.64.6, November 2026).
_MOST_REPAIRED = 2_000
_DECODER = json.JSONDecoder()


def objects_in(text: str) -> Iterator[dict[str, object]]:
    """The outermost non-empty objects of the first 40,000 characters, in order. Never raises.

    From the first malformed object on, 4,000 characters are repaired; the rest is not read.
    """
    text = text[:MOST_CHARACTERS]
    at = text.find("{")
    while at >= 0:
        try:
            found, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            yield from _repaired(text[at : at + _MOST_REPAIRED])
            return
        if found:
            yield found
        at = text.find("{", end)


def _repaired(text: str) -> Iterator[dict[str, object]]:
    try:
        found = json_repair.loads(text, skip_json_loads=True)
    except (ValueError, RecursionError):  # nested too deeply, or a number of thousands of digits
        return
    for part in found if isinstance(found, list) else [found]:
        if isinstance(part, dict) and part:
            yield part
