"""Image providers: one file each, nothing else. The contract is progressions/provider.py."""
