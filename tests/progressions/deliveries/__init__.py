"""Tests of the deliveries, one file each."""
