"""Long answers: WebSocket frames, Server-Sent Events, allowances."""
