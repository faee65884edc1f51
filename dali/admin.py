"""Site-wide admin settings: its name, and the providers that tips can be about."""

from axes.models import AccessAttempt
from django.contrib import admin

from dali.sign_in import FailedSignInAdmin
from knowledgebase import vocabulary
from progressions.enums import Kind
from progressions.provider import providers

admin.site.site_header = "Dali"
admin.site.site_title = "Dali"
admin.site.index_title = "Workshop"
admin.site.empty_value_display = "–"  # noqa: RUF001 - the dash of an empty cell

admin.site.register(AccessAttempt, FailedSignInAdmin)
vocabulary.configure(
    kinds=tuple(Kind.values), providers=lambda: {found.name: found.title for found in providers.all()}
)
