"""Text models: plug-ins of progressions.text_model and nothing else."""
