"""Routes of projects, jobs, images and what belongs to them, below /api."""

from django.urls import path

from progressions.api.jobs import JobViewSet, ProjectJobViewSet, VariantViewSet
from progressions.api.progressions import ProgressionViewSet
from progressions.api.projects import ProjectViewSet
from progressions.api.uploads import ProviderViewSet, TicketViewSet, UploadViewSet

urlpatterns = [
    path("projects", ProjectViewSet.as_view({"get": "list", "post": "create"})),
    path("projects/<id:project_id>", ProjectViewSet.as_view({"get": "retrieve", "patch": "partial_update"})),
    path("projects/<id:project_id>/progressions", ProgressionViewSet.as_view({"get": "list"})),
    path("projects/<id:project_id>/jobs", ProjectJobViewSet.as_view({"get": "list", "post": "create"})),
    path("progressions/<id:progression_id>", ProgressionViewSet.as_view({"get": "retrieve"})),
    path("progressions/<id:progression_id>/lineage", ProgressionViewSet.as_view({"get": "lineage"})),
    path("progressions/<id:progression_id>/rollback", ProgressionViewSet.as_view({"post": "rollback"})),
    path("progressions/<id:progression_id>/retry", ProgressionViewSet.as_view({"post": "retry"})),
    path("jobs/<id:job_id>", JobViewSet.as_view({"get": "retrieve"})),
    path("jobs/<id:job_id>/events", JobViewSet.as_view({"get": "events"})),
    path("jobs/<id:job_id>/cancel", JobViewSet.as_view({"post": "cancel"})),
    path("jobs/<id:job_id>/retry", JobViewSet.as_view({"post": "retry"})),
    path("variants/<id:variant_id>", VariantViewSet.as_view({"get": "retrieve"})),
    path("variants/<id:variant_id>/keep", VariantViewSet.as_view({"post": "keep"})),
    path("uploads", UploadViewSet.as_view({"post": "create"})),
    path("providers", ProviderViewSet.as_view({"get": "list"})),
    path("stream/<str:session_id>/tickets", TicketViewSet.as_view({"post": "create"})),
]
