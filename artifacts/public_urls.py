"""Addresses of published artifacts, below /public."""

from django.urls import path

from artifacts.boards.views import CommentsView, StateView, VotesView
from artifacts.public_views import show

urlpatterns = [
    path("lookbook/<str:slug>", show, {"is_lookbook": True}),
    path("artifact/<str:slug>", show),
    path("artifact/<str:slug>/state", StateView.as_view()),
    path("artifact/<str:slug>/votes", VotesView.as_view()),
    path("artifact/<str:slug>/comments", CommentsView.as_view()),
]
