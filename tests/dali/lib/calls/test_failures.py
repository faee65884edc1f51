"""Why a request failed, in plain words."""

import pytest
import requests

from dali.lib.calls.failures import how_it_failed


def answered(status: int) -> requests.Response:
    answer = requests.Response()
    answer.status_code = status
    return answer


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (requests.ReadTimeout("HTTPConnectionPool(host='x')"), "no answer came in time"),
        (requests.ConnectTimeout("HTTPConnectionPool(host='x')"), "no answer came in time"),
        (requests.ConnectionError("<urllib3.connection object at 0x7f>"), "the connection failed"),
        (requests.HTTPError("503 Server Error", response=answered(503)), "the answer was 503"),
        (requests.JSONDecodeError("Expecting value", "", 0), "the answer cannot be read"),
    ],
)
def test_a_failure_is_explained_without_the_librarys_words(
    error: requests.RequestException, said: str
) -> None:
    assert how_it_failed(error) == said
