"""The one way in for jobs: drafts, rules, sources, submission."""
