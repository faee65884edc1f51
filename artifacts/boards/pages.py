"""The pages that take answers: their images, the votes and comments they allow, whether they are open."""

import re
from dataclasses import dataclass
from uuid import UUID

from artifacts.models import Artifact
from dali.lib.errors import GoneError, MissingError

SLUG = r"[A-Za-z0-9_-]{8,64}"


@dataclass(frozen=True, slots=True)
class BoardPage:
    """The answers that a published page takes. `images`: in the page's order, each once."""

    artifact_id: UUID
    images: tuple[UUID, ...]
    votes: tuple[str, ...]
    comments: bool
    is_closed: bool

    @property
    def takes_answers(self) -> bool:
        """Whether the page is made for votes or comments, open or closed."""
        return bool(self.votes or self.comments)


def page_of(artifact: Artifact) -> BoardPage:
    """The page of an artifact, from its manifest. Without content it takes no answers."""
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
    """The current page at a public slug.

    Raises MissingError if there is none or it takes no answers, GoneError if it was unpublished.
    """
    rows = Artifact.objects.only("id", "content_r2_key", "is_public", "generator", "manifest", "closed_at")
    artifact = rows.filter(public_slug=slug).first() if re.fullmatch(SLUG, slug) else None
    if artifact is None or not artifact.content_r2_key or artifact.generator == "lookbook":
        raise MissingError("This page does not exist.")
    if not artifact.is_public:
        raise GoneError("This page is no longer available.")
    page = page_of(artifact)
    if not page.takes_answers:
        raise MissingError("This page takes no answers.")
    return page
