"""A function that is instrumented with OpenTelemetry's SDK and knows nothing of hopguard.

It passes the context of its records on: to its own spans, and to the queue that FORWARD names. It exports traces, metrics and
logs to where OTEL_EXPORTER_OTLP_ENDPOINT says, as the exporters do by default.
"""
import os

import boto3
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

RESOURCE = Resource.create({"service.name": "orders-python", "team": "billing"})
TRACES = TracerProvider(resource=RESOURCE)
TRACES.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
METRICS = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource=RESOURCE)
LOGS = LoggerProvider(resource=RESOURCE)
LOGS.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))

tracer = TRACES.get_tracer("orders")
handled = METRICS.get_meter("orders").create_counter("orders.handled")
logger = LOGS.get_logger("orders")


def handler(event, _context):
    for record in event["Records"]:
        carrier = {name: held["stringValue"] for name, held in record["messageAttributes"].items() if "stringValue" in held}
        with tracer.start_as_current_span("handle order", propagate.extract(carrier)) as span:
            span.set_attribute("order.id", record["messageId"])
            handled.add(1)
            logger.emit(context=None, severity_text="INFO", body="order handled")
            forward(record["body"])
    # As functions do: nothing runs between invocations.
    for provider in (TRACES, METRICS, LOGS):
        provider.force_flush()
    print("handled", flush=True)
    return {"batchItemFailures": []}


def forward(body):
    if "FORWARD" not in os.environ:
        return
    carrier = {}
    propagate.inject(carrier)
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in carrier.items()}
    boto3.client("sqs").send_message(QueueUrl=os.environ["FORWARD"], MessageBody=body, MessageAttributes=attributes)
