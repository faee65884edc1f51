"""Routes of published artifacts, below /public. Both folders open any artifact; `public_url` names one."""

from collections.abc import Callable

from django.http import HttpResponseBase
from django.urls import path

from artifacts.boards.views import CommentsView, StateView, VotesView
from artifacts.publishing.views import show

_ROUTES: dict[str, Callable[..., HttpResponseBase]] = {
    "": show,
    "/state": StateView.as_view(),
    "/votes": VotesView.as_view(),
    "/comments": CommentsView.as_view(),
}
# A page calls these below its own URL.
urlpatterns = [
    path(f"{folder}/<str:slug>{route}", view)
    for folder in ("lookbook", "artifact")
    for route, view in _ROUTES.items()
]
