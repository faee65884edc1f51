"""The server: addresses, keys, logs, and who may use it."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from dali import env
from dali.lib.secrets import kept_secret
from dali.settings.django import BASE_DIR

env.load_file(BASE_DIR / ".env")

env.group("Server")
HOST = env.text("HOST", "127.0.0.1", help="Address the server listens on.")
PORT = env.integer("PORT", 8000, help="Port the server listens on.", most=65535)
DATA_DIR = Path(
    env.text(
        "DALI_DATA_DIR",
        str(BASE_DIR / "data"),
        shown="`data` in the checkout",
        help="Directory of the embedded server: database, images, secrets.",
    )
).absolute()
DEBUG = env.boolean("DALI_DEBUG", False, help="Django's debug mode. Never in production.")
PUBLIC_ORIGIN = env.origin(
    "DALI_PUBLIC_ORIGIN",
    shown="the address the embedded server listens on",
    help="Scheme and host that clients use; every URL in answers and events starts with it. "
    "Required in production.",
)
IS_PUBLIC_ORIGIN_GIVEN = bool(PUBLIC_ORIGIN)
_ANY_HOST = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound to
if not PUBLIC_ORIGIN:
    PUBLIC_ORIGIN = f"http://{'127.0.0.1' if HOST in _ANY_HOST else HOST}:{PORT}"
SECRET_KEY = env.text(
    "DALI_SECRET_KEY",
    secret=True,
    shown="generated once and kept in the data directory",
    help="Signs sessions, tickets and visitor cookies. Required in production, at least 50 characters.",
)
IS_SECRET_KEY_GIVEN = bool(SECRET_KEY)
if not SECRET_KEY:
    try:
        SECRET_KEY = kept_secret(DATA_DIR / "secret_key")
    except OSError as error:
        raise ImproperlyConfigured(
            f"DALI_DATA_DIR={DATA_DIR}: the directory cannot be used: {error.strerror}"
        ) from error
ALLOWED_HOSTS = env.words(
    "DALI_ALLOWED_HOSTS",
    ("localhost", "127.0.0.1", "[::1]"),
    help="Host names the server answers to. In production: the public one.",
)
if HOST not in _ANY_HOST and HOST not in ALLOWED_HOSTS:
    ALLOWED_HOSTS.append(HOST)
TRUSTED_PROXIES = env.words(
    "DALI_TRUSTED_PROXIES",
    help="Addresses or networks of proxies whose `X-Forwarded-For` header is trusted.",
)
IS_BEHIND_CLOUDFLARE = env.boolean(
    "DALI_BEHIND_CLOUDFLARE",
    False,
    help="Whether Cloudflare's proxy is in front. If so, `CF-Connecting-IP`, `CF-IPCountry` and `CF-IPCity` from "
    "trusted proxies are trusted. Anyone can send these headers, so let only Cloudflare reach the proxy.",
)
CORS_ALLOWED_ORIGINS = env.words(
    "DALI_CORS_ORIGINS",
    shown="none; embedded: any loopback origin",
    help="Origins of front ends that may call the API and open the stream from a browser.",
)
LOG_FORMAT = env.choice(
    "DALI_LOG_FORMAT",
    "auto",
    ("auto", "json", "console"),
    help="`auto`: JSON in production, readable embedded.",
)
LOG_LEVEL = env.choice(
    "DALI_LOG_LEVEL",
    "INFO",
    ("DEBUG", "INFO", "WARNING", "ERROR"),
    help="The lowest severity that is logged.",
)

env.group("Access")
API_KEY = env.text(
    "DALI_API_KEY",
    secret=True,
    help="An API key that is valid in addition to those in the database; for embedded use and the first start.",
)
REQUIRE_KEY = env.choice(
    "DALI_REQUIRE_KEY", "writes", ("writes", "all"), help="`all` requires a key for reads and the stream too."
)
AXES_FAILURE_LIMIT = env.integer(
    "DALI_SIGN_IN_TRIES",
    10,
    help="Wrong passwords from one address within 15 minutes before sign-ins from it are blocked for 15 minutes.",
    least=1,
)
JOBS_RATE = env.rate("DALI_JOBS_RATE", "30/m", help="Maximum rate of job submissions from one address.")

_is_https = PUBLIC_ORIGIN.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 31_536_000 if _is_https else 0
CSRF_TRUSTED_ORIGINS = [PUBLIC_ORIGIN] if _is_https else []
