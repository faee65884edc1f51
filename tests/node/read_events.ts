// Reads events as a client does whose types openapi-typescript generated (api.d.ts); one line of text for each event.

import type { components } from "./api.js";

type StreamEvent = components["schemas"]["StreamEvent"];

export function line(event: StreamEvent): string {
  switch (event.type) {
    case "queued":
      return `${event.seq} ${event.provider} ${event.variantIndex}`;
    case "running":
      return "refinedPrompt" in event ? event.refinedPrompt + event.tips.map((tip) => tip.addition) : event.artifactId;
    case "progress":
      return "variantId" in event ? `${event.step} ${event.progress} ${event.attempt ?? 1}` : `${event.progress}`;
    case "judge":
      return `${event.judgment ?? "undecided"} ${event.notes.join()} ${event.late ?? false}`;
    case "fail":
      return `${event.error} ${event.retryable} ${"code" in event ? event.code : "artifact"}`;
    case "complete":
      if (!("scope" in event)) return event.artifactId;
      if (event.scope === "job") return `${event.summary.complete} ${event.costUsd?.toFixed(2)}`;
      return "skipped" in event ? `${event.duplicateOf} ${event.distance}` : event.generatedImageUrl;
    case "gap":
      return "newest" in event ? `newest ${event.newest}` : `oldest ${event.oldest}`;
  }
}

// @ts-expect-error an event without its fields has no form
export const incomplete: StreamEvent = { seq: 1, ts: 1, sessionId: "s-1", type: "queued" };
// @ts-expect-error no form has this type
export const unknown: StreamEvent["type"] = "paused";
