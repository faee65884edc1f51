"""Limits of jobs, of the Artifact Agent and of what clients send."""

from dali import env

env.group("Jobs")
MAX_VARIANTS = env.integer(
    "DALI_MAX_VARIANTS", 100, help="Maximum number of variants per provider in a job.", least=1
)
MAX_ATTEMPTS = env.integer(
    "DALI_MAX_ATTEMPTS", 4, help="Maximum number of provider calls for one variant.", least=1, most=20
)
WORKER_THREADS = env.integer(
    "DALI_WORKER_THREADS", 64, help="Variants that a worker process handles at once.", least=1, most=1000
)
PROVIDER_TIMEOUT_S = env.number(
    "DALI_PROVIDER_TIMEOUT_S", 300, help="Total deadline of one provider call, in seconds.", least=1
)
DUPLICATE_DISTANCE = env.integer(
    "DALI_DUPLICATE_DISTANCE",
    7,
    help="Images whose hashes differ by at most this many bits are near-duplicates; see docs/duplicates.md.",
)
SWEEP_S = env.number("DALI_SWEEP_S", 3, help="Seconds between two searches for lost or due work.", least=0.1)
EVENTS_KEEP_DAYS = env.integer(
    "DALI_EVENTS_KEEP_DAYS", 30, help="Number of days that a session's events are kept.", least=1
)

env.group("Artifact Agent")
AGENT_TIMEOUT_S = env.number(
    "DALI_AGENT_TIMEOUT_S",
    20,
    help="Seconds that the text model has to interpret a message; after that the agent answers without it.",
    least=1,
    most=60,
)
CUSTOMIZE_RATE = env.rate(
    "DALI_CUSTOMIZE_RATE", "60/m", help="Maximum rate of messages to the agent from one address."
)

env.group("Limits")
MAX_BODY_BYTES = env.integer("DALI_MAX_BODY_BYTES", 1024 * 1024, help="Largest JSON body.", least=1024)
MAX_IMAGE_BYTES = env.integer(
    "DALI_MAX_IMAGE_BYTES",
    20 * 1024 * 1024,
    help="Largest image that may be uploaded or fetched.",
    least=1024,
)
MAX_IMAGE_PIXELS = env.integer(
    "DALI_MAX_IMAGE_PIXELS",
    50_000_000,
    help="Largest image that may be uploaded or fetched, in pixels.",
    least=64,
)
FETCH_TIMEOUT_S = env.number(
    "DALI_FETCH_TIMEOUT_S", 30, help="Total deadline for fetching a start image, in seconds.", least=0.1
)
FETCH_ALLOW_HOSTS = env.words(
    "DALI_FETCH_ALLOW_HOSTS",
    help="Internal `host:port` addresses that start images may be fetched from; for your own image server.",
)

DISK_RESERVE_BYTES = (
    env.integer(
        "DALI_DISK_RESERVE_MB",
        200,
        help="Disk space to keep free, in MB. With less free space, no paid work starts and submissions answer 503.",
    )
    * 1_000_000
)

DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
FILE_UPLOAD_MAX_MEMORY_SIZE = MAX_IMAGE_BYTES  # an upload's size is limited before it is parsed
