"""OpenAI: provider, judge, text model."""
