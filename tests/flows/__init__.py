"""Whole journeys, through real processes."""
