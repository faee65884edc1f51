"""Whether a file is sent at all, by the conditions of a request: RFC 9110, section 13.2.2."""

from django.http import HttpRequest
from django.utils.http import parse_etags


def failed_precondition(request: HttpRequest, etag: str) -> int | None:
    """412 or 304 if a condition forbids sending the file with this strong `etag`, otherwise None. For GET and HEAD.

    Conditions by date are ignored, as the RFC requires without `Last-Modified`; Django's own function answers 412.
    """
    if_match = request.META.get("HTTP_IF_MATCH", "").strip()
    if if_match and if_match != "*" and etag not in parse_etags(if_match):
        return 412
    known = parse_etags(request.META.get("HTTP_IF_NONE_MATCH", ""))
    if known == ["*"] or etag in {one.removeprefix("W/") for one in known}:
        return 304
    return None
