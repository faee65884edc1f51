"""Settings of outside services: providers, judges, text models, delivery, and what they may cost."""

from dali import env

env.group("Providers")
OPENAI_API_KEY = env.text(
    "OPENAI_API_KEY", secret=True, help="Key of OpenAI, or of a server that speaks its API."
)
OPENAI_BASE_URL = env.http_address(
    "OPENAI_BASE_URL",
    "https://api.openai.com/v1",
    help="OpenAI's API, or that of an OpenAI-compatible server of one's own.",
)
OPENAI_MODEL = env.text(
    "DALI_OPENAI_MODEL", "gpt-image-2.6-flare", help="OpenAI's image model where a job names none."
)
GEMINI_API_KEY = env.text("GEMINI_API_KEY", secret=True, help="Key of the Gemini Developer API.")
GOOGLE_GEMINI_BASE_URL = env.http_address(
    "GOOGLE_GEMINI_BASE_URL", "https://generativelanguage.googleapis.com", help="The Gemini Developer API."
)
GEMINI_MODEL = env.text(
    "DALI_GEMINI_MODEL", "gemini-nano-banana-2.1", help="Gemini's image model where a job names none."
)
CLOUDFLARE_ACCOUNT_ID = env.text(
    "CLOUDFLARE_ACCOUNT_ID", help="Account of Workers AI and of Cloudflare Images."
)
CLOUDFLARE_API_TOKEN = env.text(
    "CLOUDFLARE_API_TOKEN",
    secret=True,
    help="Token with the permissions Workers AI and, for delivery, Images Write.",
)
CLOUDFLARE_API_BASE_URL = env.http_address(
    "CLOUDFLARE_API_BASE_URL",
    "https://api.cloudflare.com/client/v4",
    help="Cloudflare's API; ends with `/client/v4`.",
)
WORKERS_MODEL = env.text(
    "DALI_WORKERS_MODEL",
    "@cf/black-forest-labs/flux-2-dev",
    help="Workers AI's image model where a job names none and this one can do what the job asks.",
)
OPENAI_CONCURRENCY = env.integer(
    "DALI_OPENAI_CONCURRENCY",
    20,
    help="Most calls to OpenAI's image models that a worker process has under way.",
    least=1,
)
GEMINI_CONCURRENCY = env.integer(
    "DALI_GEMINI_CONCURRENCY",
    20,
    help="Most calls to Gemini's image models that a worker process has under way.",
    least=1,
)
WORKERS_CONCURRENCY = env.integer(
    "DALI_WORKERS_CONCURRENCY",
    20,
    help="Most calls to Workers AI's image models that a worker process has under way.",
    least=1,
)

env.group("Judges and text models")
JUDGE = env.text(
    "DALI_JUDGE",
    "auto",
    help="Who judges images: `openai`, `gemini`, `workers` or `local`; `auto` takes "
    "the first that is configured of workers, openai, gemini, local.",
)
JUDGE_TIMEOUT_S = env.number("DALI_JUDGE_TIMEOUT_S", 60, help="Deadline of one verdict, in seconds.", least=1)
OPENAI_JUDGE_MODEL = env.text("DALI_OPENAI_JUDGE_MODEL", "gpt-5.4-mini", help="Model of the judge `openai`.")
GEMINI_JUDGE_MODEL = env.text(
    "DALI_GEMINI_JUDGE_MODEL", "gemini-3.8-flash", help="Model of the judge `gemini`."
)
DEFAULT_MODEL_VISION = env.text(
    "DEFAULT_MODEL_VISION", "@cf/meta/llama-4-scout-17b-16e-instruct", help="Model of the judge `workers`."
)
DEFAULT_MODEL_REASONING = env.text(
    "DEFAULT_MODEL_REASONING",
    shown="none",
    help="Text model, as `service:model` with the service openai, gemini or workers, or a model "
    "alone where its name tells the service (`@cf/...`, `gemini-...`, `gpt-...`).",
)
REFINER = env.choice(
    "DALI_REFINER",
    "tips",
    ("tips", "model"),
    help="How prompts are refined: `tips` adds the tips' own words; `model` has `DEFAULT_MODEL_REASONING` rewrite the "
    "prompt by them, and falls back to `tips`.",
)
REFINER_TIMEOUT_S = env.number(
    "DALI_REFINER_TIMEOUT_S", 15, help="How long a rewritten prompt is waited for, in seconds.", least=0.1
)

env.group("Spending")
DAY_CAP_USD = env.number(
    "DALI_DAY_CAP_USD",
    0,
    help="Most US dollars that all jobs together may cost in a day (UTC), as far as costs are known; 0: no cap.",
)

env.group("Delivery")
DELIVERY = env.text(
    "DALI_DELIVERY",
    "local",
    help="Who serves delivery images: `local`, `storage` (a public bucket or CDN domain) or `cloudflare_images`.",
)
CLOUDFLARE_IMAGES_ACCOUNT_HASH = env.text(
    "CLOUDFLARE_IMAGES_ACCOUNT_HASH", help="The hash in Cloudflare Images' delivery addresses."
)
CLOUDFLARE_IMAGES_VARIANT = env.text(
    "CLOUDFLARE_IMAGES_VARIANT", "public", help="Variant of Cloudflare Images that is delivered."
)
DELIVERY_BASE_URL = env.text(
    "DALI_DELIVERY_BASE_URL",
    help="For `storage`: where the public reads the delivery images, `https://images.example.com`.",
).rstrip("/")
DELIVERY_BUCKET = env.text(
    "DALI_DELIVERY_BUCKET",
    shown="none: files in the data directory",
    help="For `storage`: the public bucket, at `R2_ENDPOINT_URL`; never that of the originals.",
)
