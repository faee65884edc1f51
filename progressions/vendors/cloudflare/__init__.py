"""Cloudflare: Workers AI as provider, judge and text model; Cloudflare Images as delivery."""
