"""Settings: the embedded default and production run the same code; the environment decides.

Every variable is declared where it is read (dali.env) and listed in docs/settings.md.
"""

import sys
from pathlib import Path
from typing import Any, cast

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured

from dali import env
from dali.lib.db.postgresql.waits import bounded_waits
from dali.lib.logs import logging_config
from dali.lib.secrets import channel_prefix, kept_secret
from dali.settings.django import *  # noqa: F403 - these are settings too
from dali.settings.django import BASE_DIR

django_stubs_ext.monkeypatch()

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
    help="Scheme and host that clients reach Dali by; every URL in answers and events starts with it. "
    "Required in production.",
)
IS_PUBLIC_ORIGIN_GIVEN = bool(PUBLIC_ORIGIN)
_ANY_HOST = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound to
if not PUBLIC_ORIGIN:
    PUBLIC_ORIGIN = f"http://{'127.0.0.1' if HOST in _ANY_HOST else HOST}:{PORT}"
SECRET_KEY = env.text(
    "DALI_SECRET_KEY",
    "",
    secret=True,
    shown="made once and kept in the data directory",
    help="Signs sessions, tickets and visitor cookies. Required in production, at least 50 characters.",
)
IS_SECRET_KEY_GIVEN = bool(SECRET_KEY)
if not SECRET_KEY:
    try:
        SECRET_KEY = kept_secret(DATA_DIR / "secret_key")
    except OSError as error:
        raise ImproperlyConfigured(f"DALI_DATA_DIR={DATA_DIR}: cannot be used ({error.strerror})") from error
ALLOWED_HOSTS = env.words(
    "DALI_ALLOWED_HOSTS",
    ("localhost", "127.0.0.1", "[::1]"),
    help="Host names the server answers to. In production: the public one.",
)
if HOST not in _ANY_HOST and HOST not in ALLOWED_HOSTS:
    ALLOWED_HOSTS.append(HOST)
TRUSTED_PROXIES = env.words(
    "DALI_TRUSTED_PROXIES",
    help="Addresses or networks of proxies whose X-Forwarded-For header is believed.",
)
IS_BEHIND_CLOUDFLARE = env.boolean(
    "DALI_BEHIND_CLOUDFLARE",
    False,
    help="Whether Cloudflare is in front: then `CF-Connecting-IP`, `CF-IPCountry` and `CF-IPCity` of trusted proxies "
    "are believed. Anyone can send these headers, so let only Cloudflare reach the proxy.",
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
    help="The least severe lines that are logged.",
)

env.group("Services")
DATABASES = {
    "default": env.url_dict(
        "DATABASE_URL",
        f"sqlite:///{DATA_DIR / 'dali.sqlite3'}",
        shown="SQLite in the data directory",
        help="Database: `postgresql://user:password@host:5432/name`.",
    )
}
REDIS_URL = env.redis_address(
    "REDIS_URL",
    shown="none: in-memory layer and in-process worker",
    help="Redis for the stream between processes, the shared cache and, unless named apart, the task queue: `redis://host:6379/0`.",
)
CELERY_BROKER_URL = env.broker_address(
    "CELERY_BROKER_URL",
    REDIS_URL or "memory://localhost/",
    shown="`REDIS_URL`, else in this process",
    help="Task queue of the Celery workers.",
)
DATABASE_POOL = env.integer(
    "DALI_DATABASE_POOL", 16, help="Most PostgreSQL connections a process holds.", least=2
)
IS_EMBEDDED = CELERY_BROKER_URL.startswith("memory://")
IS_PRODUCTION = not IS_EMBEDDED

_database = DATABASES["default"]
if _database["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE: of 3,000 read-modify-write transactions from 200 threads DEFERRED failed 2,888 with
    # "database is locked", whatever the time-out; IMMEDIATE with WAL failed none.
    _database["ENGINE"] = "dali.lib.db.sqlite"
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # A connection to a file opens in 2 to 8 ms of CPU and holds no one up: each thread keeps its own.
    _database["CONN_MAX_AGE"] = None
else:
    # A pool, for Celery's Django fixup closes the connection around each task: 200 threads would
    # otherwise open 200 connections, and each task a new one.
    _database["ENGINE"] = "dali.lib.db.postgresql"
    _database["OPTIONS"] = {
        **bounded_waits(cast("dict[str, object]", _database.get("OPTIONS", {}))),
        # Attempts to connect come ever more seldom; begun again after 5 s, they soon find a database that is back.
        "pool": {"min_size": 1, "max_size": DATABASE_POOL, "timeout": 60, "reconnect_timeout": 5},
    }
    _database["CONN_HEALTH_CHECKS"] = True

CHANNEL_LAYERS: dict[str, dict[str, Any]] = (
    {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL], "prefix": channel_prefix(REDIS_URL, SECRET_KEY)},
        }
    }
    if REDIS_URL
    else {"default": {"BACKEND": "dali.lib.loop_layer.LoopChannelLayer"}}
)
CACHES = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "dali",
            "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
        }
        if REDIS_URL
        # Django's 300 entries would forget the counts of rate limits while many vote.
        else {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "OPTIONS": {"MAX_ENTRIES": 50_000},
        }
    )
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # the row is the truth: a lost message is sent again by the sweep
CELERY_TASK_DEFAULT_QUEUE = "dali"
# Each worker has a queue of its own too: a provider's slot that comes free in it is for its own threads.
CELERY_WORKER_DIRECT = not IS_EMBEDDED
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = (
    # Default polling delays a task by 950 ms at the median; 0.02 by 10 ms.
    {"polling_interval": 0.02}
    if IS_EMBEDDED
    else {"socket_connect_timeout": 2, "socket_timeout": 4, "max_retries": 0}
)
if _database["ENGINE"] == "dali.lib.db.sqlite":
    # Celery counts uses down to a close; on PostgreSQL it closes after each task, which gives back to the pool.
    CELERY_DB_REUSE_MAX = 1_000_000_000
CELERY_TASK_PUBLISH_RETRY = False  # a submission never waits for the broker; the sweep sends again

from dali.outside import *  # noqa: E402, F403 - they read the environment, which is whole only now
from dali.outside import DELIVERY_BUCKET  # noqa: E402

env.group("Storage")
R2_ENDPOINT_URL = env.http_address(
    "R2_ENDPOINT_URL", help="S3 endpoint, `https://<account>.r2.cloudflarestorage.com` or any S3 server's."
)
R2_BUCKET = env.text(
    "R2_BUCKET", help="Bucket of originals, uploads, templates and published files; never public."
)
R2_ACCESS_KEY_ID = env.text("R2_ACCESS_KEY_ID", secret=True, help="Key id for the bucket.")
R2_SECRET_ACCESS_KEY = env.text("R2_SECRET_ACCESS_KEY", secret=True, help="Secret key for the bucket.")


def _storage(
    folder: str, bucket: str = R2_BUCKET, *, location: str | None = None, **options: object
) -> dict[str, object]:
    """One named storage: below a folder's name in the bucket where there is one, else in the data directory."""
    if bucket:
        return {
            "BACKEND": "dali.lib.objects.s3.S3WriteOnceStorage",
            "OPTIONS": {
                "bucket_name": bucket,
                "location": folder if location is None else location,
                "endpoint_url": R2_ENDPOINT_URL or None,
                "access_key": R2_ACCESS_KEY_ID,
                "secret_key": R2_SECRET_ACCESS_KEY,
                **options,
            },
        }
    return {
        "BACKEND": "dali.lib.objects.storage.LocalWriteOnceStorage",
        "OPTIONS": {"location": str(DATA_DIR / folder)},
    }


# What is delivered stands under the hash of its content, in a bucket of its own, and never changes.
_FOR_EVER = {"CacheControl": "public, max-age=31536000, immutable"}
STORAGES: dict[str, dict[str, object]] = {
    "default": _storage("originals", location=""),
    "originals": _storage("originals", location=""),
    "uploads": _storage("uploads"),
    "templates": _storage("templates"),
    "published": _storage("published"),
    "delivery": _storage("delivery", DELIVERY_BUCKET, location="", object_parameters=_FOR_EVER),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

env.group("Access")
API_KEY = env.text(
    "DALI_API_KEY",
    secret=True,
    help="An API key that is valid besides those in the database; for embedded use and first start.",
)
REQUIRE_KEY = env.choice(
    "DALI_REQUIRE_KEY", "writes", ("writes", "all"), help="`all` asks for a key on reads and the stream too."
)
AXES_FAILURE_LIMIT = env.integer(
    "DALI_SIGN_IN_TRIES",
    10,
    help="Wrong passwords from one address within 15 minutes; then sign-ins from there wait as long.",
    least=1,
)
JOBS_RATE = env.rate("DALI_JOBS_RATE", "30/m", help="Most job submissions from one address.")

env.group("Jobs")
MAX_VARIANTS = env.integer(
    "DALI_MAX_VARIANTS", 100, help="Most variants of one provider in one job.", least=1
)
MAX_ATTEMPTS = env.integer(
    "DALI_MAX_ATTEMPTS", 4, help="Most calls to a provider for one variant.", least=1, most=20
)
WORKER_THREADS = env.integer(
    "DALI_WORKER_THREADS", 64, help="Variants a worker process has under way at once.", least=1, most=1000
)
PROVIDER_TIMEOUT_S = env.number(
    "DALI_PROVIDER_TIMEOUT_S", 300, help="Total deadline of one provider call, in seconds.", least=1
)
DUPLICATE_DISTANCE = env.integer(
    "DALI_DUPLICATE_DISTANCE",
    7,
    help="Pictures whose hashes differ by at most this are near-duplicates; docs/duplicates.md has the measurements.",
)
SWEEP_S = env.number(
    "DALI_SWEEP_S", 3, help="Seconds between two looks for work that was lost or is due.", least=0.1
)
EVENTS_KEEP_DAYS = env.integer(
    "DALI_EVENTS_KEEP_DAYS", 30, help="Days the events of a session are kept.", least=1
)

env.group("Views")
VIEW_IP = env.choice(
    "DALI_VIEW_IP",
    "full",
    ("full", "truncated", "none"),
    help="What is kept of a visitor's address: `truncated` keeps the network (/24, /48).",
)
VIEWS_BATCH = env.integer(
    "DALI_VIEWS_BATCH", 500, help="Most views written in one transaction.", least=1, most=5000
)
VIEWS_FLUSH_S = env.number(
    "DALI_VIEWS_FLUSH_S",
    0.5,
    help="Seconds between two times that views are written from their file to the database.",
    least=0.1,
)

env.group("Pages that answer back")
VOTES_RATE = env.rate("DALI_VOTES_RATE", "120/m", help="Most votes from one visitor.")
COMMENTS_RATE = env.rate("DALI_COMMENTS_RATE", "10/m", help="Most comments from one visitor.")
ANSWERS_RATE = env.rate(
    "DALI_ANSWERS_RATE", "1200/m", help="Most reads and writes of all visitors of one address together."
)
PAGE_TOKEN_S = env.integer(
    "DALI_PAGE_TOKEN_S",
    43_200,
    help="Seconds for which an open page may vote and comment before it asks again.",
    least=60,
)

env.group("Artifact Agent")
AGENT_TIMEOUT_S = env.number(
    "DALI_AGENT_TIMEOUT_S",
    20,
    help="Seconds the text model has to understand a message; then the agent goes on without.",
    least=1,
    most=60,
)
CUSTOMIZE_RATE = env.rate("DALI_CUSTOMIZE_RATE", "60/m", help="Most messages to the agent from one address.")

env.group("Limits")
MAX_BODY_BYTES = env.integer("DALI_MAX_BODY_BYTES", 1024 * 1024, help="Largest JSON body.", least=1024)
MAX_IMAGE_BYTES = env.integer(
    "DALI_MAX_IMAGE_BYTES", 20 * 1024 * 1024, help="Largest image that is uploaded or fetched.", least=1024
)
MAX_IMAGE_PIXELS = env.integer(
    "DALI_MAX_IMAGE_PIXELS",
    50_000_000,
    help="Largest image that is uploaded or fetched, in pixels.",
    least=64,
)
FETCH_TIMEOUT_S = env.number(
    "DALI_FETCH_TIMEOUT_S", 30, help="Total deadline for fetching a start image, in seconds.", least=0.1
)
FETCH_ALLOW_HOSTS = env.words(
    "DALI_FETCH_ALLOW_HOSTS",
    help="Inside `host:port` addresses that start images may be fetched from all the same; "
    "for an image server of one's own.",
)

DISK_RESERVE_BYTES = (
    env.integer(
        "DALI_DISK_RESERVE_MB",
        200,
        help="Disk space in MB that stays free: with less, no paid work starts and submissions answer 503.",
        least=0,
    )
    * 1_000_000
)

DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
FILE_UPLOAD_MAX_MEMORY_SIZE = MAX_IMAGE_BYTES  # an upload's size is limited before it is parsed

_is_https = PUBLIC_ORIGIN.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 31_536_000 if _is_https else 0
CSRF_TRUSTED_ORIGINS = [PUBLIC_ORIGIN] if _is_https else []

CORS_ALLOWED_ORIGIN_REGEXES = (
    [r"^https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$"]
    if IS_EMBEDDED and not CORS_ALLOWED_ORIGINS
    else []
)
# HSTS for subdomains (W005, W021) is for the owner of the domain to say, redirecting to HTTPS (W008) for the proxy.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
# E003 refuses a cache that does not count across processes; the embedded server is one process.
if not REDIS_URL:
    SILENCED_SYSTEM_CHECKS += ["django_ratelimit.E003", "django_ratelimit.W001"]

LOGGING_CONFIG = None  # dali.apps configures structlog and logging together
IS_LOG_JSON = LOG_FORMAT == "json" or (LOG_FORMAT == "auto" and IS_PRODUCTION)
LOGGING = logging_config(is_json=IS_LOG_JSON, level=LOG_LEVEL)
IS_TEST = "pytest" in sys.modules
