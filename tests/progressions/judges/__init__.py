"""Tests of the judges, one file each."""
