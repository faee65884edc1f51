"""Knowledge pack: tips and prompts as files."""
