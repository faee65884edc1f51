"""Addresses of published artifacts, below /public."""

from django.urls import path

from artifacts.public_views import show

urlpatterns = [
    path("lookbook/<str:slug>", show, {"is_lookbook": True}),
    path("artifact/<str:slug>", show),
]
