"""Who may write: holders of API keys (`X-Api-Key`) and, on routes that Dali's own pages call, signed-in staff.

Keys are looked up at every request: a cached key would outlive its revocation. The look-up costs
0.3 ms (an indexed prefix, SHA-512 of a 190-bit random key).
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from projects.models import ApiKey

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module, through the settings

HEADER = "X-Api-Key"
ENV_OWNER = "env"
MOST_OWNER = 16  # characters that rows keep of an owner
USED_AGAIN_AFTER = timedelta(minutes=1)  # `last_used_at` is written at most this often
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The holder of a valid key; `pk` is the key's prefix, as logs show it."""

    pk: str
    is_authenticated: bool = True
    is_active: bool = True


def find_owner(key: str) -> str | None:
    """The prefix of a valid key, `env` for that of `DALI_API_KEY`; None for any other text.

    Revoked and expired keys are not valid. Compares in constant time.
    """
    if not _PRINTABLE.fullmatch(key):
        return None
    if settings.API_KEY and compare_digest(key.encode(), settings.API_KEY.encode()):
        return ENV_OWNER
    try:
        found = cast(ApiKey, ApiKey.objects.get_from_key(key))
    except ApiKey.DoesNotExist:
        return None
    if found.has_expired:
        return None
    _note_use(found.pk, found.last_used_at)
    return str(found.prefix)


def owner_of(request: Request) -> str:
    """The prefix of the request's key; empty without a key."""
    return str(request.auth or "")


def _note_use(key_id: str, last_used_at: datetime | None) -> None:
    now = timezone.now()
    stale = now - USED_AGAIN_AFTER
    if last_used_at is None or last_used_at < stale:
        unused = Q(last_used_at=None) | Q(last_used_at__lt=stale)
        ApiKey.objects.filter(unused, pk=key_id).update(last_used_at=now)


class ApiKeyAuthentication(BaseAuthentication):
    """Reads `X-Api-Key`; `request.auth` is then the owner, the key's prefix."""

    def authenticate(self, request: Request) -> tuple[KeyHolder, str] | None:
        """The holder of a valid key, None without a key. A wrong key is refused on every method but OPTIONS."""
        key = request.headers.get(HEADER, "")
        if not key or request.method == "OPTIONS":
            return None
        owner = find_owner(key)
        if owner is None:
            raise AuthenticationFailed(
                f"The key in {HEADER} is not valid; send a valid one (manage.py create_api_key creates one)."
            )
        return KeyHolder(owner), owner

    def authenticate_header(self, request: Request) -> str:
        """The challenge; without it, DRF would answer 403 instead of 401."""
        return f'ApiKey realm="Dali", header="{HEADER}"'


class StaffAuthentication(SessionAuthentication):
    """Accepts signed-in staff as holders of a key; every write needs the CSRF token of one of Dali's pages.

    For views that pages of the studio or the admin call. `request.auth` is `staff-<id>`.
    """

    permission = ""  # a Django permission that the user must have

    def authenticate(self, request: Request) -> tuple[Any, str] | None:
        """The signed-in member of staff; None for other users."""
        user = request._request.user
        if request.method == "OPTIONS" or not (user.is_active and user.is_staff):
            return None
        if self.permission and not user.has_perm(self.permission):
            return None
        self.enforce_csrf(request)
        return user, f"staff-{user.pk}"[:MOST_OWNER]


class KeyRequired(BasePermission):
    """Requires a key for writes; for GET and HEAD too if `DALI_REQUIRE_KEY=all`; never for OPTIONS.

    HEAD reveals much of what GET does: ids in cursors, the length of a prompt in `Content-Length`.
    """

    message = f"Send a key in the header {HEADER}."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Whether the request is allowed."""
        if request.method == "OPTIONS":
            return True
        if request.method in ("GET", "HEAD") and settings.REQUIRE_KEY != "all":
            return True
        return bool(request.auth)


class KeyAlwaysRequired(BasePermission):
    """Requires a key for reads too, whatever `DALI_REQUIRE_KEY` says."""

    message = KeyRequired.message
    asks_always = True  # for the OpenAPI document

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Whether the request is allowed."""
        return request.method == "OPTIONS" or bool(request.auth)


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """The key, for the OpenAPI document."""

    target_class = ApiKeyAuthentication
    name = "ApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A header."""
        return {"type": "apiKey", "in": "header", "name": HEADER}
