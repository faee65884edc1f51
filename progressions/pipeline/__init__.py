"""From a job to judged images: intake, orchestrator, one file a step, tools."""
