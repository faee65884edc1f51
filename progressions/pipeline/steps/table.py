"""The steps that every variant goes through. Adding a step means writing its file and adding its line here."""

from progressions.pipeline.run import PipelineStep
from progressions.pipeline.steps import (
    dedupe_step,
    deliver_step,
    generate_step,
    insert_step,
    judge_step,
    refine_step,
)

STEPS = (
    PipelineStep("refine", 0.05, refine_step.refine, "Add the provider's tips to the prompt"),
    PipelineStep("generate", 0.6, generate_step.generate, "Call the provider and store its answer"),
    PipelineStep("dedupe", 0.7, dedupe_step.dedupe, "Compare the image with earlier ones"),
    PipelineStep("deliver", 0.8, deliver_step.deliver, "Upload the delivery image"),
    PipelineStep("insert", 0.9, insert_step.insert, "Add the image to the project"),
    PipelineStep("judge", 1.0, judge_step.judge, "Judge the image"),
)
# What the admin calls each step, that of a job included.
TITLES = {"ingest": "Fetch the start image and the mask"} | {step.name: step.title for step in STEPS}
