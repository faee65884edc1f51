"""Tests of artifacts/agent."""
