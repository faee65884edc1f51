"""Settings of Workers AI and Cloudflare Images. Run by dali.settings; imported by no module."""

from dali import env

env.group("Cloudflare")
CLOUDFLARE_ACCOUNT_ID = env.text(
    "CLOUDFLARE_ACCOUNT_ID", help="Account for Workers AI and Cloudflare Images."
)
CLOUDFLARE_API_TOKEN = env.text(
    "CLOUDFLARE_API_TOKEN",
    secret=True,
    help="Token with the permission Workers AI and, for delivery, Images Write.",
)
CLOUDFLARE_API_BASE_URL = env.http_address(
    "CLOUDFLARE_API_BASE_URL",
    "https://api.cloudflare.com/client/v4",
    help="URL of Cloudflare's API; ends with `/client/v4`.",
)
WORKERS_MODEL = env.text(
    "DALI_WORKERS_MODEL",
    "@cf/black-forest-labs/flux-2-dev",
    help="Image model of Workers AI for jobs that name no model, if it can do what the job asks for.",
)
WORKERS_CONCURRENCY = env.integer(
    "DALI_WORKERS_CONCURRENCY",
    20,
    help="Maximum number of image calls that a worker process makes to Workers AI at once.",
    least=1,
)
DEFAULT_MODEL_VISION = env.text(
    "DEFAULT_MODEL_VISION", "@cf/meta/llama-4-scout-17b-16e-instruct", help="Model of the judge `workers`."
)
CLOUDFLARE_IMAGES_ACCOUNT_HASH = env.text(
    "CLOUDFLARE_IMAGES_ACCOUNT_HASH", help="Account hash in the delivery URLs of Cloudflare Images."
)
CLOUDFLARE_IMAGES_VARIANT = env.text(
    "CLOUDFLARE_IMAGES_VARIANT", "public", help="Variant of Cloudflare Images to deliver."
)
env.for_tests("DALI_LIVE_WORKERS", help="`1`: run the tests that call Workers AI; they need the token.")
env.for_tests(
    "DALI_LIVE_CLOUDFLARE", help="`1`: run the tests that call Cloudflare Images; they need the token."
)
