// Validates the documents on stdin, a JSON list, against the published schemas of their kinds.
import { readFileSync } from "node:fs";
import { Service } from "@kubernetes-models/knative/serving.knative.dev/v1/Service";
import { PingSource } from "@kubernetes-models/knative/sources.knative.dev/v1/PingSource";
import { SinkBinding } from "@kubernetes-models/knative/sources.knative.dev/v1/SinkBinding";

const kinds = { Service, PingSource, SinkBinding };
const problems = JSON.parse(readFileSync(0, "utf8")).flatMap((document) => {
  try {
    new kinds[document.kind](document).validate();
    return [];
  } catch (problem) {
    return [`${document.kind}: ${problem.message}`];
  }
});
process.stdout.write(JSON.stringify(problems));
