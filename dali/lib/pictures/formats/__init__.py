"""Picture file formats: reading headers, and removing parts that decoders do not need."""
