"""Tests of the text models, one file each."""
