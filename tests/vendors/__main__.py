"""`python -m tests.vendors`: the three fake vendor servers, to try Dali by hand; prints the variables to export."""

import sys
import time
from contextlib import ExitStack

from tests.vendors.configured import make_server, settings_for

VENDORS = ("openai", "gemini", "cloudflare")


def main(latency_s: float = 0.0) -> None:
    """Serves until interrupted, answering after `latency_s`."""
    with ExitStack() as running:
        for vendor in VENDORS:
            server = running.enter_context(make_server(vendor))
            server.latency_s = latency_s
            for name, value in settings_for(vendor, server.url).items():
                print(f"export {name}={value}", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0)
