"""Addresses of the pages on which staff fill templates, below /studio."""

from django.urls import path

from artifacts import studio

urlpatterns = [
    path("", studio.drafts, name="studio"),
    path("artifacts/<id:artifact_id>/", studio.talk, name="studio_artifact"),
    path("artifacts/<id:artifact_id>/preview", studio.preview, name="studio_preview"),
    path("slots/<str:name>.svg", studio.slot, name="studio_slot"),
]
