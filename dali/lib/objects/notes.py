"""Notes: the small JSON records that stand beside stored objects, as the text that storages keep."""

import json
from collections.abc import Mapping

import structlog

log = structlog.get_logger(__name__)

# S3 keeps 2 KB of names and values beside an object (docs.aws.amazon.com "Working with object metadata", R2 8 KB;
# read November 2026); some servers count differently, hence the distance.
MOST_NOTE_CHARACTERS = 1500


def note_text(note: Mapping[str, object]) -> str | None:
    """The note as one line of ASCII that may be a header; None, with a line in the log, where it is too long.

    An object is worth more than its note: what is too long to be kept must not keep the object from being
    stored. TypeError where the values are no JSON.
    """
    text = json.dumps(dict(note), separators=(",", ":"))
    # Between tokens there are no spaces, so all are in strings; a proxy may take two in a header for one.
    text = text.replace("  ", " \\u0020")
    if len(text) > MOST_NOTE_CHARACTERS:
        log.warning("note_too_long", characters=len(text), names=sorted(note))
        return None
    return text


def parse_note(text: str | bytes) -> dict[str, object] | None:
    """The note of that text; None where it is none, as after a power cut."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
