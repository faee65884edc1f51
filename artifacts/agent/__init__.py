"""The Artifact Agent: a chat that fills a template's placeholders."""
