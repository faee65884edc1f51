"""What an owner sees of what was said on a page: hidden comments and images that left it too."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count

from artifacts.boards.pages import page_of
from artifacts.models import Artifact, Comment, Vote
from progressions.models import ImageProgression

# In one answer; older ones are in the CSV.
MOST_COMMENTS = 5_000


@dataclass(frozen=True, slots=True)
class ImageResults:
    """What was said of one image. `number`: its place on the page, None where it is not there any more.

    `prompt`, `url`: empty where the image is gone. `written`: how many comments, also where `comments` has fewer.
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
    """What was said of all. `voters`: visitors who voted; `comments`: all, hidden ones too."""

    closed: bool
    voters: int
    votes: dict[str, int]
    comments: int
    images: list[ImageResults]


def results_of(artifact: Artifact) -> Results:
    """Six queries, however much was said; the newest MOST_COMMENTS comments, oldest first."""
    page = page_of(artifact)
    votes = _votes(artifact)
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


def _votes(artifact: Artifact) -> dict[tuple[UUID, str], int]:
    rows = Vote.objects.filter(artifact=artifact).order_by().values("image_id", "choice")
    return {(row["image_id"], row["choice"]): row["count"] for row in rows.annotate(count=Count("id"))}
