"""Settings of OpenAI. Run by dali.settings; imported by no module."""

from dali import env

env.group("OpenAI")
OPENAI_API_KEY = env.text(
    "OPENAI_API_KEY", secret=True, help="API key of OpenAI, or of a server that implements its API."
)
OPENAI_BASE_URL = env.http_address(
    "OPENAI_BASE_URL",
    "https://api.openai.com/v1",
    help="OpenAI's API, or your own OpenAI-compatible server.",
)
OPENAI_MODEL = env.text(
    "DALI_OPENAI_MODEL", "gpt-image-2.6-flare", help="Image model for jobs that name no model."
)
OPENAI_CONCURRENCY = env.integer(
    "DALI_OPENAI_CONCURRENCY",
    20,
    help="Maximum number of image calls that a worker process makes to OpenAI at once.",
    least=1,
)
OPENAI_JUDGE_MODEL = env.text("DALI_OPENAI_JUDGE_MODEL", "gpt-5.4-mini", help="Model of the judge `openai`.")
env.for_tests("DALI_LIVE_OPENAI", help="`1`: run the tests that call OpenAI; they need its key.")
