"""The access log: one structured line for each request and socket, without query strings, which may hold tickets."""

from typing import Any

import structlog

logger = structlog.get_logger("dali.access")


def log_action(kind: str, action: str, details: dict[str, Any]) -> None:
    """Logs what happened on a connection; `kind` is `http` or `websocket`."""
    line: dict[str, Any] = {
        "action": action,
        "path": str(details.get("path", "")).split("?", 1)[0],
        "client": details.get("client"),
    }
    if kind == "http":
        line |= {"method": details.get("method"), "status": details.get("status")}
        if "time_taken" in details:
            line |= {"ms": round(details["time_taken"] * 1000), "bytes": details.get("size")}
        logger.info("request", **line)
    elif action != "connecting":
        logger.info("stream", **line)
