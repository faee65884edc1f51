"""Google Gemini: provider, judge, text model."""
