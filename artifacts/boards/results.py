"""The answers on a page for its owner, including hidden comments and images that were removed from it."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count

from artifacts.boards.pages import page_of
from artifacts.models import Artifact, Comment, Vote
from progressions.models import ImageProgression

# In one answer; the CSV has older ones too.
MOST_COMMENTS = 5_000


@dataclass(frozen=True, slots=True)
class ImageResults:
    """The answers to one image. `number`: its place on the page, None if it was removed.

    `prompt`, `url`: empty if the image was deleted. `written`: the number of all comments; `comments` may have fewer.
    """

    id: UUID
    number: int | None
    prompt: str
    url: str
    votes: dict[str, int]
    comments: list[Comment]
    written: int


@dataclass(frozen=True, slots=True)
class Results:
    """The answers to all images. `voters`: visitors who voted; `comments`: their number, with hidden ones."""

    closed: bool
    voters: int
    votes: dict[str, int]
    comments: int
    images: list[ImageResults]


def results_of(artifact: Artifact) -> Results:
    """Reads all answers in six queries, with the newest MOST_COMMENTS comments, oldest first."""
    page = page_of(artifact)
    counts = Vote.objects.filter(artifact=artifact).order_by().values_list("image_id", "choice")
    votes = {(image, choice): count for image, choice, count in counts.annotate(count=Count("id"))}
    comments = Comment.objects.filter(artifact=artifact)
    written = dict(comments.order_by().values_list("image_id").annotate(count=Count("id")))
    newest = list(comments.order_by("-id")[:MOST_COMMENTS])[::-1]
    talks: dict[UUID, list[Comment]] = {}
    for comment in newest:
        talks.setdefault(comment.image_id, []).append(comment)
    choices = list(dict.fromkeys([*page.votes, *sorted({choice for _, choice in votes})]))
    left = {image for image, _ in votes} | written.keys()
    shown = page.images if page.takes_answers else ()
    ids = [*shown, *sorted(left - set(shown))]
    rows = ImageProgression.objects.in_bulk(ids)
    images = [
        ImageResults(
            id=image,
            number=place if place <= len(shown) else None,
            prompt=rows[image].prompt if image in rows else "",
            url=rows[image].generated_image_url if image in rows else "",
            votes={choice: votes.get((image, choice), 0) for choice in choices},
            comments=talks.get(image, []),
            written=written.get(image, 0),
        )
        for place, image in enumerate(ids, start=1)
    ]
    return Results(
        closed=page.is_closed,
        voters=Vote.objects.filter(artifact=artifact).values("visitor").distinct().count(),
        votes={choice: sum(one.votes[choice] for one in images) for choice in choices},
        comments=sum(written.values()),
        images=images,
    )
