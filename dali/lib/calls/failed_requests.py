"""Why a request of `requests` failed, in words for people who run a command."""

import requests


def how_it_failed(error: requests.RequestException) -> str:
    """In a few words, without those of the HTTP library."""
    if error.response is not None:
        return f"the answer was {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer came in time"
    return (
        "the connection failed"
        if isinstance(error, requests.ConnectionError)
        else "the answer cannot be read"
    )
