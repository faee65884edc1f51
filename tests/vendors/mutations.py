"""Correct answers with one node replaced at a time: what a service may send in place of the expected value."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.vendors.server import Answer

# Written as JSON text, because Python could not produce the last ones.
INSTEAD: Mapping[str, str] = {
    "null": "null",
    "list": "[]",
    "lists": "[[1, null], {}]",
    "object": "{}",
    "other-object": '{"a": {"b": [1]}}',
    "word": '"word"',
    "true": "true",
    "minus": "-1",
    "half": "0.5",
    "absurd": str(10**30),
    "not-a-number": "NaN",
    "infinite": "1e999",
    "half-a-character": '"a \\ud83d b"',
    "nul": '"nul \\u0000 end"',
    "long-number": "9" * 5000,
    "deep": "[" * 3000 + "]" * 3000,
}
_MARK = "\u2620 here"


@dataclass(frozen=True, slots=True)
class Mutation:
    """An answer with another value at `path`; `name` describes it."""

    path: tuple[str | int, ...]
    name: str
    answer: Answer

    def spares(self, path: tuple[str | int, ...]) -> bool:
        """Whether the value at that other path is unchanged."""
        return path[: len(self.path)] != self.path


def mutations(body: Any, headers: Mapping[str, str] | None = None) -> Iterator[Mutation]:
    """The answer `body` with each of its nodes replaced by each of INSTEAD."""
    sent = {"Content-Type": "application/json", **(headers or {})}
    for path in paths(body):
        text = json.dumps(_with(body, path, _MARK))
        for name, instead in INSTEAD.items():
            raw = text.replace(json.dumps(_MARK), instead)
            yield Mutation(path, name, Answer(200, raw.encode(), sent))


def paths(value: Any, before: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of all nodes below the root."""
    parts: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, list):
        parts = list(enumerate(value))
    for name, part in parts:
        yield (*before, name)
        yield from paths(part, (*before, name))


def _with(value: Any, path: tuple[str | int, ...], instead: Any) -> Any:
    """A copy with another value at the path."""
    if not path:
        return instead
    step, *rest = path
    if isinstance(value, dict):
        return {**value, step: _with(value[str(step)], tuple(rest), instead)}
    return [_with(part, tuple(rest), instead) if at == step else part for at, part in enumerate(value)]
