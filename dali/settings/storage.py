"""Where files are stored: buckets of an S3 server, or folders in the data directory."""

from dali import env
from dali.settings.server import DATA_DIR
from dali.settings.vendors import DELIVERY_BUCKET

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
    """One named storage: a prefix in the bucket if there is one, otherwise a folder in the data directory."""
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


# A delivery image is stored under the hash of its content, in its own bucket, and never changes.
_IMMUTABLE = {"CacheControl": "public, max-age=31536000, immutable"}
STORAGES: dict[str, dict[str, object]] = {
    "default": _storage("originals", location=""),
    "originals": _storage("originals", location=""),
    "uploads": _storage("uploads"),
    "templates": _storage("templates"),
    "published": _storage("published"),
    "delivery": _storage("delivery", DELIVERY_BUCKET, location="", object_parameters=_IMMUTABLE),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
