"""Tests of progressions/vendors/cloudflare."""
