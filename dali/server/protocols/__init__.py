"""HTTP and WebSocket as the web server speaks them, with the limits of each connection."""
