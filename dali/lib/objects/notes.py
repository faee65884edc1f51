"""Notes: small JSON records beside stored objects, as the text that storages keep."""

import json
from collections.abc import Mapping

import structlog

log = structlog.get_logger(__name__)

# S3 keeps 2 KB of names and values with an object (docs.aws.amazon.com "Working with object metadata"), R2 8 KB; read
# November 2026. Some servers count differently, hence the margin.
MOST_NOTE_CHARACTERS = 1500


def note_text(note: Mapping[str, object]) -> str | None:
    """The note as one line of ASCII that is valid in a header; None, with a warning in the log, if it is too long.

    A note that is too long must not keep its object from being stored. Raises TypeError for values that are not JSON.
    """
    text = json.dumps(dict(note), separators=(",", ":"))
    # All spaces are inside strings; a proxy may reduce two spaces in a header to one.
    text = text.replace("  ", " \\u0020")
    if len(text) > MOST_NOTE_CHARACTERS:
        log.warning("note_too_long", characters=len(text), names=sorted(note))
        return None
    return text


def parse_note(text: str | bytes) -> dict[str, object] | None:
    """The note in the text; None if it is not valid, for example after a power cut."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
