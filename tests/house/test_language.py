"""The project's text is plain English: it has none of a short list of old-fashioned or unclear turns."""

import re

from tests.house.tree import ROOT, name, text_files

TURNS = re.compile(
    r"\b(?:whoever|whosoever|nobody|somebody|thereof|wherein|whereby)\b"
    r"|(?<!\|)\banew\b"  # with a bar before it, it is one of the words that the agent understands
    r"|,\s+else\b"
    r"|(?<!there )\bis no (?!longer\b|more than\b)[a-z]+"
    r"|\bhas (?:the|each|every|its|an?) [\w ]{1,30}\bjudged\b"
    r"|\bof one's own\b"
    r"|\bas it (?:were|stands)\b"
    r"|\bwherever it stands\b"
    r"|\bthat which\b"
    r"|\bsave that\b"
    r"|\btaken back\b"
    r"|\bshall (?:be|stand)\b",
    re.IGNORECASE,
)


def test_the_text_has_no_old_fashioned_turns() -> None:
    found = [
        f"{name(path)}:{number}: {turn[0]}"
        for path in text_files()
        if not path.is_relative_to(ROOT / "tests")  # their data has names such as the user `nobody`
        for number, line in enumerate(path.read_text("utf-8", "ignore").splitlines(), start=1)
        if (turn := TURNS.search(line))
    ]
    assert not found, "say it in plain English:\n" + "\n".join(found)
