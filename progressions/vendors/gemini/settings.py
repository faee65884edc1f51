"""Settings of the Gemini Developer API. Run by dali.settings; imported by no module."""

from dali import env

env.group("Google Gemini")
GEMINI_API_KEY = env.text("GEMINI_API_KEY", secret=True, help="API key of the Gemini Developer API.")
GOOGLE_GEMINI_BASE_URL = env.http_address(
    "GOOGLE_GEMINI_BASE_URL",
    "https://generativelanguage.googleapis.com",
    help="URL of the Gemini Developer API.",
)
GEMINI_MODEL = env.text(
    "DALI_GEMINI_MODEL", "gemini-nano-banana-2.1", help="Image model for jobs that name no model."
)
GEMINI_CONCURRENCY = env.integer(
    "DALI_GEMINI_CONCURRENCY",
    20,
    help="Maximum number of image calls that a worker process makes to Gemini at once.",
    least=1,
)
GEMINI_JUDGE_MODEL = env.text(
    "DALI_GEMINI_JUDGE_MODEL", "gemini-3.8-flash", help="Model of the judge `gemini`."
)
env.for_tests("DALI_LIVE_GEMINI", help="`1`: run the tests that call Gemini; they need its key.")
