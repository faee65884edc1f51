"""Addresses of projects, below /api."""

from django.urls import path

from projects.viewsets import ProjectViewSet

urlpatterns = [
    path("projects", ProjectViewSet.as_view({"get": "list", "post": "create"})),
    path("projects/<id:project_id>", ProjectViewSet.as_view({"get": "retrieve", "patch": "partial_update"})),
]
