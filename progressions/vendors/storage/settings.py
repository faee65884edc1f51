"""Settings of delivery from public storage. Run by dali.settings; imported by no module."""

from dali import env

env.group("Delivery")
DELIVERY_BASE_URL = env.text(
    "DALI_DELIVERY_BASE_URL",
    help="For `storage`: public base URL of the delivery images, as in `https://images.example.com`.",
).rstrip("/")
