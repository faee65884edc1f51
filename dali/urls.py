"""Which address leads where."""

from django.contrib import admin
from django.urls import include, path, re_path

from dali import pages
from dali.documents import ApiDocsView, ApiSchemaView
from dali.lib.api import UnknownRouteView
from progressions.views import serve_image

urlpatterns = [
    path("", pages.home),
    path("admin/", admin.site.urls),
    path("images/<str:name>", serve_image, name="image"),
    path("api/", include("projects.urls")),
    path("api/", include("progressions.urls")),
    path("api/", include("artifacts.urls")),
    path("public/", include("artifacts.public_urls")),
    path("studio/", include("artifacts.studio_urls")),
    path("api/schema", ApiSchemaView.as_view(), name="schema"),
    path("api/docs", ApiDocsView.as_view(), name="docs"),
    re_path(r"^api(?:/[\s\S]*)?\Z", UnknownRouteView.as_view()),
]
handler400 = "dali.failures.bad_request"
handler500 = "dali.failures.server_error"
