// A function that is instrumented with OpenTelemetry's SDK and knows nothing of hopguard.
//
// It passes the context of its records on to its own spans, and exports them to where OTEL_EXPORTER_OTLP_ENDPOINT says: each span
// once as protobuf and once as JSON.
"use strict";

const { ROOT_CONTEXT, defaultTextMapGetter } = require("@opentelemetry/api");
const { W3CTraceContextPropagator } = require("@opentelemetry/core");
const json = require("@opentelemetry/exporter-trace-otlp-http");
const proto = require("@opentelemetry/exporter-trace-otlp-proto");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { BatchSpanProcessor, NodeTracerProvider } = require("@opentelemetry/sdk-trace-node");

const providers = Object.entries({ json, proto }).map(([encoding, { OTLPTraceExporter }]) => new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": `orders-node-${encoding}`, team: "billing" }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
}));
const propagator = new W3CTraceContextPropagator();

exports.handler = async (event) => {
  for (const record of event.Records) {
    const carrier = Object.fromEntries(
      Object.entries(record.messageAttributes).map(([name, { stringValue }]) => [name, stringValue]));
    const sender = propagator.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter);
    for (const provider of providers) {
      const span = provider.getTracer("orders").startSpan("handle order", {}, sender);
      span.setAttribute("order.id", record.messageId);
      span.end();
    }
  }
  // As functions do: nothing runs between invocations.
  await Promise.all(providers.map((provider) => provider.forceFlush()));
  console.log("handled");
  return { batchItemFailures: [] };
};
