"""Admin sign-in: password hashing, the lock-out after too many failures, and its page.

django-axes counts failures by address in the database and checks the count before hashing a password. dali.server.lanes
runs at most two sign-ins at once, so that each sees the count of the previous ones.
"""

import threading
from ipaddress import ip_network
from os import cpu_count
from typing import Any

import structlog
from axes.models import AccessAttempt
from axes.signals import user_locked_out
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from dali.lib.db.connections import release_db_connection
from dali.lib.web.client_address import client_ip, customer

# Maximum length of a user name (django.contrib.auth).
MOST_NAME_CHARS = 150
# One hash takes 0.2 to 0.5 s of one core (PBKDF2, 1,000,000 rounds). Half of the cores stay free for other requests.
_TURNS = threading.BoundedSemaphore(max(1, (cpu_count() or 1) // 2))

log = structlog.get_logger(__name__)


def counted_address(request: HttpRequest) -> str | None:
    """The address that failures are counted for: for IPv6, the client's /64 network. None on a Unix socket."""
    address = customer(client_ip(request))
    return str(ip_network(address).network_address) if address else None


def counted_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """The user name, cut to its maximum length: the form accepts any length, the column does not."""
    typed = credentials or request.POST
    return str(typed.get(User.USERNAME_FIELD) or "")[:MOST_NAME_CHARS]


def answer_locked_out(request: HttpRequest, response: HttpResponse, credentials: Any = None) -> HttpResponse:
    """The sign-in page with the reason, 429 and `Retry-After`; axes calls this when an address is locked out."""
    wait_s = int(settings.AXES_COOLOFF_TIME.total_seconds())
    context = {
        **admin.site.each_context(request),
        "title": "Too many failed sign-ins",
        "wait_min": wait_s // 60,
    }
    headers = {"Retry-After": str(wait_s)}
    return TemplateResponse(request, "admin/locked_out.html", context, status=429, headers=headers).render()


@receiver(user_locked_out)
def _log_lock_out(*, ip_address: str | None, **_: Any) -> None:
    """One line for the operator. No user name: people sometimes type passwords into that field."""
    log.warning("sign_in_locked_out", address=ip_address)


class FailedSignInAdmin(admin.ModelAdmin[AccessAttempt]):
    """Recent failed sign-ins. Deleting rows unlocks an address."""

    list_display = ("attempt_time", "ip_address", "failures_since_start", "user_agent")
    list_filter = ("attempt_time",)
    search_fields = ("ip_address",)
    search_help_text = "Search by address"
    fields = ("attempt_time", "ip_address", "failures_since_start", "user_agent", "path_info")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only the sign-in page adds rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: AccessAttempt | None = None) -> bool:
        """Rows can be viewed or deleted."""
        return False


class BoundedPBKDF2PasswordHasher(PBKDF2PasswordHasher):
    """Django's PBKDF2 hasher, with the same name in stored hashes; runs on at most half of the cores at once."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> Any:
        """Hashes a password when a slot is free. Verifying calls this too."""
        release_db_connection()
        with _TURNS:
            return super().encode(password, salt, iterations)
