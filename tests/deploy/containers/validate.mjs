// Validates the documents on stdin, a JSON list, against the published schemas of their kinds.
import { readFileSync } from "node:fs";
import { Service as KnativeService } from "@kubernetes-models/knative/serving.knative.dev/v1/Service";
import { PingSource } from "@kubernetes-models/knative/sources.knative.dev/v1/PingSource";
import { SinkBinding } from "@kubernetes-models/knative/sources.knative.dev/v1/SinkBinding";
import { PodMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor";
import { PrometheusRule } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { CronJob } from "kubernetes-models/batch/v1/CronJob";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import { ConfigMap } from "kubernetes-models/v1/ConfigMap";
import { Service } from "kubernetes-models/v1/Service";
import { ServiceAccount } from "kubernetes-models/v1/ServiceAccount";

const kinds = {
  "apps/v1 Deployment": Deployment,
  "batch/v1 CronJob": CronJob,
  "monitoring.coreos.com/v1 PodMonitor": PodMonitor,
  "monitoring.coreos.com/v1 PrometheusRule": PrometheusRule,
  "networking.k8s.io/v1 NetworkPolicy": NetworkPolicy,
  "serving.knative.dev/v1 Service": KnativeService,
  "sources.knative.dev/v1 PingSource": PingSource,
  "sources.knative.dev/v1 SinkBinding": SinkBinding,
  "v1 ConfigMap": ConfigMap,
  "v1 Service": Service,
  "v1 ServiceAccount": ServiceAccount,
};
const problems = JSON.parse(readFileSync(0, "utf8")).flatMap((document) => {
  const kind = `${document.apiVersion} ${document.kind}`;
  try {
    new kinds[kind](document).validate();
    return [];
  } catch (problem) {
    return [`${kind}: ${problem.message}`];
  }
});
process.stdout.write(JSON.stringify(problems));
