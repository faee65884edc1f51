"""The answers on a page as CSV: every answer, or the totals of every image."""

from collections.abc import Iterator
from typing import Literal, get_args

from artifacts.boards.results import results_of
from artifacts.models import Artifact, Comment, Vote
from dali.lib.files.csv_files import Cell, csv_bytes
from dali.lib.web.addresses import absolute_url

Table = Literal["answers", "images"]
TABLES: tuple[str, ...] = get_args(Table)
_HEAD = (
    "kind",
    "image",
    "image_id",
    "visitor",
    "choice",
    "name",
    "text",
    "comment_id",
    "reply_to",
    "hidden",
    "time",
)


def table_of(artifact: Artifact, table: str) -> bytes:
    """`answers`: a line for each vote and comment; `images`: a line for each image, with its totals."""
    if table == "images":
        return _images(artifact)
    return csv_bytes(_HEAD, _answers(artifact))


def _images(artifact: Artifact) -> bytes:
    results = results_of(artifact)
    choices = list(results.votes)
    rows = (
        [
            image.number,
            str(image.id),
            image.prompt,
            absolute_url(image.url),
            *image.votes.values(),
            image.written,
        ]
        for image in results.images
    )
    head = ["image", "image_id", "prompt", "url", *choices, "comments"]
    return csv_bytes(head, rows)


def _answers(artifact: Artifact) -> Iterator[list[Cell]]:
    """Votes, then comments, both in order of time.

    Images are numbered as on the page, visitors in order of appearance; visitor ids are not exported.
    """
    places = {image: place for place, image in enumerate(artifact.manifest.get("progressions", []), start=1)}
    visitors: dict[str, int] = {}

    def about(row: Vote | Comment) -> list[Cell]:
        image = str(row.image_id)
        return [places.get(image), image, visitors.setdefault(row.visitor, len(visitors) + 1)]

    for vote in Vote.objects.filter(artifact=artifact).order_by("updated_at", "id").iterator():
        yield ["vote", *about(vote), vote.choice, *[None] * 5, vote.updated_at.isoformat()]
    for comment in Comment.objects.filter(artifact=artifact).order_by("id").iterator():
        above = str(comment.reply_to_id) if comment.reply_to_id else None
        words = [comment.name, comment.text, str(comment.pk), above, "yes" if comment.is_hidden else "no"]
        yield ["comment", *about(comment), None, *words, comment.created_at.isoformat()]
