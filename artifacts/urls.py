"""URLs of artifacts, below /api."""

from django.urls import path

from artifacts.api.answers import AnswersViewSet
from artifacts.api.artifacts import ArtifactViewSet, GeneratorViewSet, LookbookViewSet
from artifacts.api.customize import CustomizeViewSet
from artifacts.api.templates import TemplateViewSet

urlpatterns = [
    path("artifact-generators", GeneratorViewSet.as_view({"get": "list"})),
    path("projects/<id:project_id>/artifacts/lookbook", LookbookViewSet.as_view({"post": "create"})),
    path("artifacts", ArtifactViewSet.as_view({"get": "list", "post": "create"})),
    path("artifacts/<id:artifact_id>", ArtifactViewSet.as_view({"get": "retrieve"})),
    path("artifacts/<id:artifact_id>/associate", ArtifactViewSet.as_view({"post": "associate"})),
    path("artifacts/<id:artifact_id>/customize", CustomizeViewSet.as_view({"post": "create"})),
    path("artifacts/<id:artifact_id>/rebuild", ArtifactViewSet.as_view({"post": "rebuild"})),
    path("artifacts/<id:artifact_id>/views", ArtifactViewSet.as_view({"get": "views"})),
    path("artifacts/<id:artifact_id>/answers", AnswersViewSet.as_view({"get": "results"})),
    path("artifacts/<id:artifact_id>/answers.csv", AnswersViewSet.as_view({"get": "export"})),
    path("artifacts/<id:artifact_id>/close", AnswersViewSet.as_view({"post": "close"})),
    path("artifacts/<id:artifact_id>/reopen", AnswersViewSet.as_view({"post": "reopen"})),
    path("artifacts/<id:artifact_id>/publish", ArtifactViewSet.as_view({"post": "publish"})),
    path("artifacts/<id:artifact_id>/unpublish", ArtifactViewSet.as_view({"post": "unpublish"})),
    path("templates", TemplateViewSet.as_view({"get": "list", "post": "create"})),
]
