"""What a report says of a call: its attempts, its type, and the calls whose output it needs."""

import json

import hopguard_injector
from hopguard_injector import Outputs, Shown
from tests.local import HOOK, INJECTOR, Bed

QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders"


def shown(value):
    return len(Shown(value).hashes)


class Reports(Bed):
    def setUp(self):
        super().setUp()
        INJECTOR.outputs = Outputs()

    def call(self):
        return self.extension.report()["call"]

    def test_every_attempt_has_its_times(self):
        busy = b'{"__type": "com.amazonaws.sqs#ThrottlingException"}'
        self.aws.first = [(400, busy, [("content-type", "application/x-amz-json-1.0")])] * 2
        client = self.client("sqs", retries={"total_max_attempts": 3, "mode": "standard"})
        client.send_message(QueueUrl=QUEUE, MessageBody="x")
        call = self.call()
        self.assertEqual((call["attempts"], len(call["tries"])), (3, 3))
        self.assertEqual([one.get("status") for one in call["tries"]], [400, 400, 200])
        self.assertEqual([one.get("error") for one in call["tries"]], ["ThrottlingException"] * 2 + [None])
        times = [int(time) for one in call["tries"] for time in (one["start_ns"], one["end_ns"])]
        self.assertEqual(times, sorted(times))
        self.assertLessEqual(int(call["start_ns"]), times[0])
        self.assertGreaterEqual(int(call["end_ns"]), times[-1])

    def test_an_attempt_without_an_answer_says_why(self):
        client = self.client("sqs")
        self.aws.close()
        with self.assertRaises(Exception):
            client.send_message(QueueUrl=QUEUE, MessageBody="x")
        call = self.call()
        self.assertEqual([one["error"] for one in call["tries"]], [call["error"]])

    def test_an_invoke_has_its_type(self):
        client = self.client("lambda")
        for kind in ("RequestResponse", "Event", "DryRun"):
            client.invoke(FunctionName="invoice", InvocationType=kind, Payload=b"{}")
            self.assertEqual(self.call()["type"], kind)
        client.invoke(FunctionName="invoice", Payload=b"{}")
        self.assertNotIn("type", self.call())

    def test_a_call_names_those_whose_output_it_shows(self):
        item = {"Item": {"id": {"S": "order-17"}, "key": {"S": "carts/17.json"}}}
        self.aws.first = [(200, json.dumps(item).encode())]
        table = self.client("dynamodb")
        table.get_item(TableName="orders", Key={"id": {"S": "order-17"}})
        first = self.call()
        self.assertNotIn("after", first)
        sqs = self.client("sqs")
        for body, expected in [
            ("about order-17", None),
            ("order-17", None),  # The first call had it from its caller.
            (json.dumps({"deep": [json.dumps({"key": "carts/17.json"})]}), [first["span"]]),
        ]:
            sqs.send_message(QueueUrl=QUEUE, MessageBody=body)
            self.assertEqual(self.call().get("after"), expected, body)
        HOOK.invocation = "another"
        sqs.send_message(QueueUrl=QUEUE, MessageBody="carts/17.json")
        self.assertNotIn("after", self.call())

    def test_what_the_caller_reads_of_a_payload_counts_and_stays_what_it_is(self):
        payload = b'{"order": "order-17"}'
        self.aws.first = [(200, payload)] * 2
        client = self.client("lambda")
        answer = client.invoke(FunctionName="price", Payload=b"{}")
        first = self.call()
        self.assertEqual(json.load(answer["Payload"]), {"order": "order-17"})
        client.invoke(FunctionName="invoice", Payload=payload)
        self.assertEqual(self.call()["after"], [first["span"]])
        body = self.client("lambda").invoke(FunctionName="x")["Payload"]
        self.assertEqual((b"".join(body.iter_chunks(2)), body.read()), (b"{}", b""))

    def test_nothing_is_walked_that_nobody_is_told_of(self):
        INJECTOR.reports = hopguard_injector.Reports(None)
        self.client("sqs").send_message(QueueUrl=QUEUE, MessageBody="order-17")
        self.assertEqual(INJECTOR.outputs.known, {})

    def test_texts_are_ids_and_bounded(self):
        for value, expected in [
            ({"name-of-a-key": "order-17"}, 1),
            (["order-17", ("order-18", {"a": b'{"b": "order-19"}'})], 3),
            ("PENDING", 0),
            ("id-17", 0),
            ("x" * 129, 0),
            ('{"cut": "off', 0),
            ("[" * 100000, 0),
            (17, 0),
            ({"ResponseMetadata": {"RequestId": "request-17"}}, 0),
            (["order-%d" % nth for nth in range(10000)], hopguard_injector.MAX_TEXTS),
            ([nth for nth in range(10000)] + ["order-17"], 0),
        ]:
            self.assertEqual(shown(value), expected, str(value)[:60])
        nested = "order-17"
        for _ in range(100):
            nested = [nested]
        self.assertEqual(shown(nested), 0)

    def test_outputs_are_bounded(self):
        outputs = Outputs()
        for nth in range(100):
            call = hopguard_injector.Call("S3", "GetObject", "i-%d" % (nth // 50))
            outputs.remember(call, Shown(["order-%d-%d" % (nth, text) for text in range(60)]))
        self.assertEqual(len(outputs.of("i-1")), hopguard_injector.MAX_REMEMBERED)
        for nth in range(100):
            outputs.of(str(nth))
        self.assertEqual(len(outputs.known), hopguard_injector.MAX_INVOCATIONS)
