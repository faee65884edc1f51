"""The database, Redis and the task queue, and what Django, Channels and Celery need to use them."""

from typing import Any, cast

from dali import env
from dali.lib.db.postgresql.waits import bounded_waits
from dali.lib.secrets import channel_prefix
from dali.settings.server import DATA_DIR, SECRET_KEY

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
    help="Redis for the stream between processes, the shared cache and, unless `CELERY_BROKER_URL` is set, "
    "the task queue: `redis://host:6379/0`.",
)
CELERY_BROKER_URL = env.broker_address(
    "CELERY_BROKER_URL",
    REDIS_URL or "memory://localhost/",
    shown="`REDIS_URL`, or in this process",
    help="Task queue of the Celery workers.",
)
DATABASE_POOL = env.integer(
    "DALI_DATABASE_POOL", 16, help="Maximum number of PostgreSQL connections in a process.", least=2
)
IS_EMBEDDED = CELERY_BROKER_URL.startswith("memory://")
IS_PRODUCTION = not IS_EMBEDDED

_database = DATABASES["default"]
if _database["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE with WAL: of 3,000 read-modify-write transactions from 200 threads none failed. With DEFERRED, 2,888
    # failed with "database is locked", whatever the timeout.
    _database["ENGINE"] = "dali.lib.db.sqlite"
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # Opening a connection takes 2 to 8 ms of CPU, and an open one blocks no other: each thread keeps its own.
    _database["CONN_MAX_AGE"] = None
else:
    # Celery's Django fixup closes the connection around each task. Without a pool, 200 threads would
    # open 200 connections, and each task a new one.
    _database["ENGINE"] = "dali.lib.db.postgresql"
    _database["OPTIONS"] = {
        **bounded_waits(cast("dict[str, object]", _database.get("OPTIONS", {}))),
        # psycopg_pool waits longer after each failed attempt. Restarting after 5 s finds a recovered database soon.
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
        # With Django's default of 300 entries, rate-limit counts would be evicted while many people vote.
        else {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "OPTIONS": {"MAX_ENTRIES": 50_000},
        }
    )
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # rows hold the state: the sweep resends a lost message
CELERY_TASK_DEFAULT_QUEUE = "dali"
# Each worker also has its own queue: a provider slot that becomes free in a worker is for its own threads.
CELERY_WORKER_DIRECT = not IS_EMBEDDED
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = (
    # The default interval delays a task by 950 ms (median); 0.02 delays it by 10 ms.
    {"polling_interval": 0.02}
    if IS_EMBEDDED
    else {"socket_connect_timeout": 2, "socket_timeout": 4, "max_retries": 0}
)
if _database["ENGINE"] == "dali.lib.db.sqlite":
    # Celery closes a connection after this many uses. On PostgreSQL it closes after each task: back to the pool.
    CELERY_DB_REUSE_MAX = 1_000_000_000
CELERY_TASK_PUBLISH_RETRY = False  # a submission never waits for the broker; the sweep resends
