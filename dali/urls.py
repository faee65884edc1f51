"""The URLs of the project."""

from django.contrib import admin
from django.urls import include, path, re_path

from dali import pages
from dali.lib.web.api import UnknownRouteView
from dali.openapi import ApiDocsView, ApiSchemaView
from progressions.api.files import serve_image

urlpatterns = [
    path("", pages.home),
    path("admin/", admin.site.urls),
    path("images/<str:name>", serve_image, name="image"),
    path("api/", include("progressions.urls")),
    path("api/", include("artifacts.urls")),
    path("public/", include("artifacts.publishing.urls")),
    path("studio/", include("artifacts.studio.urls")),
    path("api/schema", ApiSchemaView.as_view(), name="schema"),
    path("api/docs", ApiDocsView.as_view(), name="docs"),
    re_path(r"^api(?:/[\s\S]*)?\Z", UnknownRouteView.as_view()),
]
handler400 = "dali.pages.bad_request"
handler500 = "dali.pages.server_error"
