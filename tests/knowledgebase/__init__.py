"""Tests of the knowledgebase app."""
