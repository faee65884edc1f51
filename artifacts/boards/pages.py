"""The pages that take answers: which images are on them, what may be said of each, whether they are open."""

import re
from dataclasses import dataclass
from uuid import UUID

from artifacts.models import Artifact
from dali.lib.errors import GoneError, MissingError

SLUG = r"[A-Za-z0-9_-]{8,64}"


@dataclass(frozen=True, slots=True)
class BoardPage:
    """What a published page takes of its visitors; `images` in the page's order, each once."""

    artifact_id: UUID
    images: tuple[UUID, ...]
    votes: tuple[str, ...]
    comments: bool
    is_closed: bool

    @property
    def takes_answers(self) -> bool:
        """Whether it takes any, be it open or closed."""
        return bool(self.votes or self.comments)


def page_of(artifact: Artifact) -> BoardPage:
    """The page of an artifact, as its manifest has it; one without content takes nothing."""
    answers = artifact.manifest.get("answers", {})
    images = dict.fromkeys(UUID(text) for text in artifact.manifest.get("progressions", []))
    return BoardPage(
        artifact_id=artifact.pk,
        images=tuple(images),
        votes=tuple(answers.get("votes", [])),
        comments=bool(answers.get("comments")),
        is_closed=artifact.closed_at is not None,
    )


def get_page(slug: str) -> BoardPage:
    """The page at a public address, as its row is now.

    Raises MissingError where there is none or it takes no answers, GoneError where it was taken back.
    """
    rows = Artifact.objects.only("id", "content_r2_key", "is_public", "generator", "manifest", "closed_at")
    artifact = rows.filter(public_slug=slug).first() if re.fullmatch(SLUG, slug) else None
    if artifact is None or not artifact.content_r2_key or artifact.generator == "lookbook":
        raise MissingError("There is no such page.")
    if not artifact.is_public:
        raise GoneError("This page was taken back by its owner.")
    page = page_of(artifact)
    if not page.takes_answers:
        raise MissingError("This page takes no answers.")
    return page
