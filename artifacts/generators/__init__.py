"""Generators: one folder each, nothing else. The contract is artifacts/generator.py."""
