"""The routes that a published page calls: its state, votes and comments.

They take no API key. A write needs the visitor's cookie and the page's token, both from `state`, and must come from a
page of this origin. Errors have the API's shape; nothing is cached.
"""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ParseError, PermissionDenied, Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from artifacts.boards import passes, services, totals
from artifacts.boards.pages import SLUG, BoardPage, get_page
from artifacts.boards.requests import CommentInSerializer, VoteInSerializer
from artifacts.boards.throttles import AnswersThrottle, CommentsThrottle, VotesThrottle
from artifacts.models import Comment
from dali.lib.errors import ConflictError, MissingError
from dali.lib.web.api import ApiMixin
from dali.lib.web.schema.types import schema_of
from dali.lib.web.schema.views import ErrorSerializer

_SLUG = OpenApiParameter(
    "slug",
    {"type": "string", "pattern": f"^{SLUG}$"},
    OpenApiParameter.PATH,
    description="`public_slug` of an artifact whose page takes votes or comments.",
)
_VISITOR = OpenApiParameter(
    passes.COOKIE, str, OpenApiParameter.COOKIE, required=True, description="The visitor; `state` sets it."
)
_GONE = {410: ErrorSerializer}
_REFUSED = {403: ErrorSerializer, 409: ErrorSerializer, **_GONE}


class PageView(ApiMixin):
    """The base of a page's routes."""

    authentication_classes = ()
    permission_classes = ()
    limits: ClassVar[tuple[type[BaseThrottle], ...]] = ()

    def get_throttles(self) -> list[BaseThrottle]:
        """The limit of the address comes first."""
        return [AnswersThrottle(), *(limit() for limit in self.limits)]

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Forbids caching, and reading by pages of other origins."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final["Cache-Control"] = "no-store"
        final["X-Content-Type-Options"] = "nosniff"
        final["Cross-Origin-Resource-Policy"] = "same-origin"
        return final

    def admit(self, request: Request, slug: str) -> tuple[BoardPage, str]:
        """The page and the visitor of a write. Raises PermissionDenied, ConflictError."""
        body = request.data
        if not isinstance(body, dict):
            raise ParseError("The body is not a JSON object; send one, as {}.")
        page = get_page(slug)
        visitor = passes.find_visitor(request._request)
        token = body.get("token")
        if passes.is_foreign(request._request):
            raise PermissionDenied("Only the page itself may send this.")
        if not isinstance(token, str) or not passes.is_token_valid(token, page.artifact_id, visitor):
            raise PermissionDenied("The page was open too long, or cookies are off; reload it.")
        if page.is_closed:
            raise ConflictError("This page is closed and takes no more answers.")
        return page, visitor


class StateView(PageView):
    """`GET <page>/state`: the answers so far, this visitor's votes, and the token for new answers."""

    @extend_schema(
        summary="The answers on a page, and the token for new ones",
        tags=["public"],
        parameters=[_SLUG],
        responses={200: schema_of(totals.PageState), **_GONE},
    )
    def get(self, request: Request, slug: str) -> Response:
        """The state; sets the visitor's cookie."""
        page = get_page(slug)
        visitor = passes.find_visitor(request._request) or passes.new_visitor()
        mine = totals.choices_of(page, visitor)
        images = {
            str(image): {**answers, "mine": mine.get(image)}
            for image, answers in totals.answers_on(page).items()
        }
        answer = Response(
            {
                "token": passes.page_token(page.artifact_id, visitor),
                "closed": page.is_closed,
                "answers": {"votes": list(page.votes), "comments": page.comments},
                "images": images,
            }
        )
        passes.keep_visitor(answer, visitor)
        return answer


class VotesView(PageView):
    """`POST <page>/votes`: this visitor's vote for one image."""

    limits = (VotesThrottle,)

    @extend_schema(
        summary="Vote for an image, in place of an earlier vote",
        tags=["public"],
        parameters=[_SLUG, _VISITOR],
        request=VoteInSerializer,
        responses={200: schema_of(totals.VoteCounted), **_REFUSED},
    )
    def post(self, request: Request, slug: str) -> Response:
        """The image's votes, including this one."""
        page, visitor = self.admit(request, slug)
        if not page.votes:
            raise MissingError("This page takes no votes.")
        sent = self.read(VoteInSerializer)
        image, choice = sent.validated_data["imageId"], sent.validated_data["choice"]
        services.cast_vote(page=page, visitor=visitor, image_id=image, choice=choice)
        return Response({"votes": totals.votes_of(page, image), "mine": choice or None})


class CommentsView(PageView):
    """`POST <page>/comments`: a comment on one image, or a reply to one."""

    limits = (CommentsThrottle,)

    @extend_schema(
        summary="Comment on an image, or reply to a comment",
        tags=["public"],
        parameters=[_SLUG, _VISITOR],
        request=CommentInSerializer,
        responses={201: schema_of(totals.CommentOut), **_REFUSED},
    )
    def post(self, request: Request, slug: str) -> Response:
        """The stored comment; for a robot that filled in the hidden field, one that was not stored."""
        page, visitor = self.admit(request, slug)
        if not page.comments:
            raise MissingError("This page takes no comments.")
        sent = self.read(CommentInSerializer)
        given = sent.validated_data
        words = {"name": given["name"] or "", "text": given["text"]}
        if given["website"]:
            comment = Comment(reply_to_id=given.get("replyTo"), **words)
            return Response(totals.comment_out(comment), status=status.HTTP_201_CREATED)
        try:
            comment = services.add_comment(
                page=page,
                visitor=visitor,
                image_id=given["imageId"],
                reply_to=given.get("replyTo"),
                **words,
            )
        except services.TooManyError as error:
            raise Throttled(detail=str(error)) from error
        return Response(totals.comment_out(comment), status=status.HTTP_201_CREATED)
