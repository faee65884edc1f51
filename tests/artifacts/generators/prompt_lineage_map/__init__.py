"""Tests of artifacts/generators/prompt_lineage_map."""
