"""The REST API of projects' jobs, images, uploads and providers: parse, call one function, answer."""
