"""From any thread to the feeds of every process: hints that a session's log has grown."""

from collections.abc import Sequence


def publish(session_id: str, events: Sequence[tuple[int, str]]) -> None:
    """Hands committed events `(seq, text)` to the feeds that listen to the session, in every process."""
