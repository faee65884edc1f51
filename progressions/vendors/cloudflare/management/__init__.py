"""Commands that only this service needs."""
