"""What artifacts tell those who want to know."""

from django.dispatch import Signal

# A visitor opened an artifact: `request`, `artifact`. Receivers must be quick and must not fail.
viewed = Signal()
