"""The steps of a variant, in the order of `table.STEPS`, and the `ingest` step of a job."""
