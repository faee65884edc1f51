"""Tests of artifacts/generators/prompt_recipe_card."""
