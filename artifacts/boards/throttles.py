"""Rate limits for visitors: for each visitor, and for each address."""

from django.http import HttpRequest

from artifacts.boards.passes import find_visitor
from progressions.api.throttles import RateThrottle


class AnswersThrottle(RateThrottle):
    """At most `DALI_ANSWERS_RATE` reads and writes from one address."""

    group = "answers"
    setting = "ANSWERS_RATE"


class _VisitorThrottle(RateThrottle):
    """Counts by visitor; without a cookie, by address."""

    def client_of(self, request: HttpRequest) -> str | None:
        """The visitor of the cookie."""
        return find_visitor(request) or None


class VotesThrottle(_VisitorThrottle):
    """At most `DALI_VOTES_RATE` votes from one visitor."""

    group = "votes"
    setting = "VOTES_RATE"


class CommentsThrottle(_VisitorThrottle):
    """At most `DALI_COMMENTS_RATE` comments from one visitor."""

    group = "comments"
    setting = "COMMENTS_RATE"
