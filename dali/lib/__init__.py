"""Helpers that know no app: nothing below here imports a model of Dali's."""
