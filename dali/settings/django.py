"""Settings of Django and its packages that do not depend on the environment."""

from datetime import timedelta
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parents[2]

INSTALLED_APPS = [
    "dali.apps.DaliConfig",
    "projects.apps.ProjectsConfig",
    "knowledgebase.apps.KnowledgebaseConfig",
    "progressions.apps.ProgressionsConfig",
    "artifacts.apps.ArtifactsConfig",
    "dali.apps.SignInsConfig",
    "channels",
    "corsheaders",
    "csp",
    "rest_framework",
    "rest_framework_api_key",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "django_structlog",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "dali.settings.content_policy.ContentPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "dali.lib.calls.middleware.request_budget_middleware",
    "axes.middleware.AxesMiddleware",
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
APPEND_SLASH = True  # only for the admin: the API's paths have no trailing slash
ROOT_URLCONF = "dali.urls"
ASGI_APPLICATION = "dali.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
PASSWORD_HASHERS = ["dali.sign_in.BoundedPBKDF2PasswordHasher"]
# dali.sign_in counts failed sign-ins. A failure during a lockout does not extend it.
AXES_LOCKOUT_PARAMETERS = ["ip_address"]
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "dali.sign_in.counted_address"
AXES_USERNAME_CALLABLE = "dali.sign_in.counted_name"
AXES_LOCKOUT_CALLABLE = "dali.sign_in.answer_locked_out"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "csrfmiddlewaretoken"]
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False  # dali.admin shows the attempts
AXES_VERBOSE = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
FIXTURE_DIRS = [BASE_DIR / "fixtures"]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"] if (BASE_DIR / "static").is_dir() else []
WHITENOISE_USE_FINDERS = True  # no collectstatic step: serves files of the packages and of `static`
WHITENOISE_AUTOREFRESH = False
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "style-src": ["'self'"],
        "script-src": ["'self'"],
        "connect-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
CORS_URLS_REGEX = r"^/api/.*$"
CORS_EXPOSE_HEADERS = ["Link", "Location", "Retry-After", "Idempotent-Replayed"]
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "last-event-id",
    "x-api-key",
]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["projects.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["projects.authentication.KeyRequired"],
    "DEFAULT_PARSER_CLASSES": ["dali.lib.web.input.strict_json.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "dali.lib.web.pagination.NewestFirstPagination",
    "DEFAULT_SCHEMA_CLASS": "dali.lib.web.schema.views.DaliSchema",
    "EXCEPTION_HANDLER": "dali.lib.web.api.handle_exception",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # `?format=` is not a parameter of the API
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# Otherwise its middleware reads session and user for every request with a cookie, including images.
DJANGO_STRUCTLOG_USER_ID_FIELD = ""
SPECTACULAR_SETTINGS = {
    "TITLE": "Dali",
    "DESCRIPTION": "One prompt to many judged, versioned, publishable images.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "dali.lib.web.input.bodies.describe_warnings",
        "dali.openapi.complete",
    ],
    "PATH_CONVERTER_OVERRIDES": {"id": {"type": "string", "format": "uuid"}},
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    # Staff sessions are for Dali's own pages, not for the API.
    "AUTHENTICATION_WHITELIST": ["projects.authentication.ApiKeyAuthentication"],
    "ENUM_NAME_OVERRIDES": {
        "Kind": "progressions.enums.Kind",
        "ProgressionKind": "progressions.api.serializers.PROGRESSION_KINDS",
        "JobStatus": "progressions.enums.JobStatus",
        "VariantStatus": "progressions.enums.VariantStatus",
        "StepStatus": "progressions.enums.StepStatus",
    },
}
