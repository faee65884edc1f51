"""The tests: a mirror of the source, flows/ for whole journeys, house/ for the rules of the house."""
