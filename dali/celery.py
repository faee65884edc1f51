"""The Celery application: one for the embedded worker and for production's worker processes."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dali.settings")

app = Celery("dali")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
