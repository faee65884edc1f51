"""The web server's HTTP and WebSocket protocols, with limits for each connection."""
