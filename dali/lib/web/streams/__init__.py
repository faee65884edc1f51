"""Streams: live subscriptions, Server-Sent Events, WebSocket frames, allowances."""
