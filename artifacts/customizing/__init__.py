"""The Artifact Agent: somebody who never saw a template fills one by talking."""
