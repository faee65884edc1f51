"""URLs of the studio, below /studio."""

from django.urls import path

from artifacts.studio import views

urlpatterns = [
    path("", views.drafts, name="studio"),
    path("artifacts/<id:artifact_id>/", views.talk, name="studio_artifact"),
    path("artifacts/<id:artifact_id>/preview", views.preview, name="studio_preview"),
    path("slots/<str:name>.svg", views.slot, name="studio_slot"),
]
