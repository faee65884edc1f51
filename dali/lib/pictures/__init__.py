"""Pictures: decoding, colours, hashes, encoding, compositing."""
