"""What work belongs to: projects, and the keys of those who may write."""
