"""The preview of a prompt: the words that each tip adds, and why the others add none. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from knowledgebase.refine import TipText, fitting, refine


@dataclass(frozen=True, slots=True)
class Added:
    """An applied tip and the text it added, including the comma or full stop before it."""

    tip: TipText
    piece: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A tip that was not applied, and the reason in a few words."""

    tip: TipText
    reason: str


@dataclass(frozen=True, slots=True)
class Preview:
    """A prompt as one provider would get it: the client's words, then the additions."""

    provider: str
    prompt: str
    added: tuple[Added, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def characters(self) -> int:
        """The length of the whole prompt."""
        return len(self.prompt) + sum(len(added.piece) for added in self.added)


def preview(
    provider: str, prompt: str, kind: str, tips: Sequence[TipText], off: Sequence[TipText] = ()
) -> Preview:
    """The preview for one provider. `tips` are switched on; `off` are not, and are only listed."""
    refined = refine(prompt, kind, tips)
    added = []
    before = refine(prompt, kind, ()).prompt
    for count, tip in enumerate(refined.tips, start=1):
        after = refine(prompt, kind, refined.tips[:count]).prompt
        added.append(Added(tip, after.removeprefix(before)))
        before = after
    left_out = [
        LeftOut(tip, _reason(prompt, kind, tip))
        for tip in sorted(tips, key=lambda tip: (tip.position, tip.key))
        if tip not in refined.tips
    ]
    left_out += [LeftOut(tip, "switched off") for tip in off]
    return Preview(provider, refine(prompt, kind, ()).prompt, tuple(added), tuple(left_out))


def _reason(prompt: str, kind: str, tip: TipText) -> str:
    if tip.kinds and kind not in tip.kinds:
        return f"only for {', '.join(tip.kinds)}"
    if not fitting(prompt, kind, [tip]):
        return f"needs {', '.join(tip.keywords)}"
    if not tip.addition.strip():
        return "adds no words"
    return "already said"
