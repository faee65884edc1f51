"""Generators: one file each, nothing else. The contract is artifacts/generator.py."""
