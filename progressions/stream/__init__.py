"""Events of sessions: log, feed, WebSocket and SSE."""
