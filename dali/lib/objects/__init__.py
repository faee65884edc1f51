"""Object storage: a folder or a bucket, each object written once."""
