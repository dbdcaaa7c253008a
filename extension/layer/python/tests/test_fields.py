"""Lambda, EventBridge, Step Functions and Kinesis: fields in JSON objects and client contexts, as they arrive."""

import base64
import copy
import io
import json

from tests.local import STALE, Bed

KIB, MIB = 1024, 1024 * 1024


def of_size(size):
    """A JSON object of so many bytes."""
    return '{"a":"%s"}' % ("x" * (size - len('{"a":""}')))


class Lambda(Bed):
    def invoke(self, **params):
        self.aws.requests.clear()
        self.client("lambda").invoke(FunctionName="resize:live", **params)
        return self.arrived()

    def context(self, **params):
        """The client context that arrives, decoded."""
        return json.loads(base64.b64decode(self.invoke(**params).headers["x-amz-client-context"]))

    def test_a_synchronous_invocation_gets_a_client_context(self):
        request = self.invoke(Payload=b'{"a":1}')
        self.assertEqual(request.body, b'{"a":1}', "the payload stays as it is")
        context = json.loads(base64.b64decode(request.headers["x-amz-client-context"]))
        self.assertEqual(list(context), ["custom"])
        self.assert_field(context["custom"])
        report = self.extension.report()
        self.assertEqual((report["call"]["target"], report["outcomes"]), ("resize", {"written": 1}))

    def test_an_existing_client_context_keeps_what_it_says(self):
        given = (
            '{"client": {"n": 1.10, "big": 12345678901234567890123}, "custom": {"é": "1", "hopguard": "%s"}}' % STALE
        )
        request = self.invoke(ClientContext=base64.b64encode(given.encode()).decode())
        text = base64.b64decode(request.headers["x-amz-client-context"]).decode()
        self.assertIn('"client":{"n": 1.10, "big": 12345678901234567890123}', text)
        custom = json.loads(text)["custom"]
        self.assertEqual(custom.pop("é"), "1")
        self.assert_field(custom)
        self.assertEqual(sorted(custom), ["traceparent", "tracestate"])
        self.assertEqual(self.outcomes(), {"replaced": 1})

    def test_a_client_context_that_is_none_is_left_alone(self):
        texts = ["[]", "1", '{"custom":[]}', '{"custom":{"hopguard":1}}', "{", '{"a":1} x']
        wrong = [base64.b64encode(text.encode()).decode() for text in texts] + ["%%%", "e30", "/w=="]
        for context in wrong:
            request = self.invoke(ClientContext=context)
            self.assertEqual(request.headers["x-amz-client-context"], context)
            self.assertEqual(self.outcomes(), {"unsupported": 1}, context)

    def test_a_client_context_never_grows_too_long(self):
        for size, expected in [
            (2685 - 170, "written"),
            (2685 - 90, "packed"),
            (2685 - 10, "no_room"),
            (4000, "no_room"),
        ]:
            given = {"custom": {"a": "x" * (size - len('{"custom":{"a":""}}'))}}
            context = base64.b64encode(json.dumps(given, separators=(",", ":")).encode()).decode()
            arrived = self.invoke(ClientContext=context).headers["x-amz-client-context"]
            self.assertLessEqual(len(arrived), max(3583, len(context)))
            self.assertEqual(self.outcomes(), {expected: 1}, size)
            self.assertEqual(arrived == context, expected == "no_room")

    def test_an_asynchronous_invocation_gets_the_field(self):
        for payload in (b'{"a":1.0}', '{"a":1.0}', bytearray(b'{"a":1.0}')):
            request = self.invoke(InvocationType="Event", Payload=payload)
            self.assertTrue(request.body.endswith(b',"a":1.0}'))
            self.assert_field(request.json()["hopguard"])
            self.assertNotIn("x-amz-client-context", request.headers)
            self.assertEqual(self.outcomes(), {"written": 1})

    def test_a_stale_field_is_replaced(self):
        payload = json.dumps({"hopguard": STALE, "é": 1})
        request = self.invoke(InvocationType="Event", Payload=payload)
        self.assert_field(request.json()["hopguard"])
        self.assertTrue(request.body.endswith(b', "\\u00e9": 1}'))
        self.assertEqual(self.outcomes(), {"replaced": 1})

    def test_payloads_that_carry_nothing(self):
        for payload in (b"[]", b'"{}"', b"1", b"", b"\xff", io.BytesIO(b'{"a":1}')):
            request = self.invoke(InvocationType="Event", Payload=payload)
            self.assertNotIn(b"hopguard", request.body)
            self.assertEqual(self.outcomes(), {"unsupported": 1})
        self.invoke(InvocationType="Event")
        self.assertEqual(self.outcomes(), {"unsupported": 1})
        self.invoke(InvocationType="DryRun", Payload=b"{}")
        self.assertNotIn("outcomes", self.extension.report())
        self.assertEqual(self.asked(), [])

    def test_a_named_durable_execution_stays_repeatable(self):
        model = self.client("lambda").meta.service_model.operation_model("Invoke")
        if "DurableExecutionName" not in model.input_shape.members:
            self.skipTest("this botocore knows no durable executions")
        request = self.invoke(InvocationType="Event", Payload=b"{}", DurableExecutionName="once")
        self.assertEqual((request.body, self.outcomes()), (b"{}", {"unsupported": 1}))

    def test_a_payload_is_never_pushed_over_a_limit(self):
        for size, expected in [(256 * KIB, "no_room"), (256 * KIB + 1, "written"), (MIB - 10, "no_room")]:
            request = self.invoke(InvocationType="Event", Payload=of_size(size))
            self.assertEqual(self.outcomes(), {expected: 1}, size)
            self.assertEqual(len(request.body) == size, expected == "no_room")

    def test_a_streamed_response_is_synchronous(self):
        self.client("lambda").invoke_with_response_stream(FunctionName="f", Payload=b"{}")
        context = json.loads(base64.b64decode(self.arrived().headers["x-amz-client-context"]))
        self.assert_field(context["custom"])


class EventBridge(Bed):
    def put(self, *entries):
        given = [dict({"Source": "shop", "DetailType": "order", "EventBusName": "shop"}, **entry) for entry in entries]
        before = copy.deepcopy(given)
        self.client("events").put_events(Entries=given)
        self.assertEqual(given, before)
        return self.arrived().json()["Entries"]

    def test_each_entry_gets_the_field(self):
        arrived = self.put({"Detail": '{"n": 1.0}'}, {"Detail": "[]"}, {"Detail": '{"hopguard":"%s"}' % STALE}, {})
        self.assertTrue(arrived[0]["Detail"].endswith(',"n": 1.0}'))
        self.assert_field(json.loads(arrived[0]["Detail"])["hopguard"], 0)
        self.assertEqual(arrived[1]["Detail"], "[]")
        self.assert_field(json.loads(arrived[2]["Detail"])["hopguard"], 2)
        self.assertNotIn("Detail", arrived[3])
        report = self.extension.report()
        self.assertEqual(report["outcomes"], {"written": 1, "unsupported": 2, "replaced": 1})
        self.assertEqual((report["call"]["service"], report["call"]["target"]), ("EventBridge", "shop"))
        self.assertEqual([asked["sends"] for asked in self.asked()], [4])

    def test_half_a_surrogate_pair_is_left_to_botocore(self):
        detail = '{"a":"\ud800"}'
        self.assertEqual(json.loads(json.dumps(self.put({"Detail": detail})[0]["Detail"])), detail)
        self.assertEqual(self.outcomes(), {"unsupported": 1})

    def test_an_entry_is_never_pushed_over_a_limit(self):
        rest = len("shoporder") + 14 + len("arn")
        for size, expected in [
            (256 * KIB - 100, "no_room"),
            (256 * KIB - 300, "written"),
            (256 * KIB, "written"),
            (MIB - 100, "no_room"),
        ]:
            self.aws.requests.clear()
            self.put({"Detail": of_size(size - rest), "Time": 0, "Resources": ["arn"]})
            self.assertEqual(self.outcomes(), {expected: 1}, size)

    def test_the_entries_of_a_call_share_the_limit(self):
        self.put(*({"Detail": of_size(128 * KIB - 9 - 100)} for _ in range(2)))
        self.assertEqual(self.outcomes(), {"written": 1, "no_room": 1}, "200 bytes are left of 256 KiB")


class StepFunctions(Bed):
    ARN = "arn:aws:states:eu-central-1:123456789012:stateMachine:order"

    def start(self, operation="start_execution", **params):
        self.aws.requests.clear()
        client = self.client("stepfunctions")
        self.aws.first = [(200, b'{"executionArn":"a","startDate":1,"stopDate":2,"status":"SUCCEEDED"}')]
        getattr(client, operation)(stateMachineArn=self.ARN, **params)
        return self.arrived().json()

    def test_the_input_gets_the_field(self):
        for operation in ("start_execution", "start_sync_execution"):
            arrived = self.start(operation, input='{"a": 1}')
            self.assert_field(json.loads(arrived["input"])["hopguard"])
            self.assertTrue(arrived["input"].endswith(',"a": 1}'))
        self.assertEqual(self.extension.report()["call"]["target"], "order")

    def test_an_absent_input_is_an_empty_object(self):
        self.assertEqual(list(json.loads(self.start()["input"])), ["hopguard"])

    def test_a_named_execution_stays_repeatable(self):
        self.assertEqual(self.start(name="once", input="{}")["input"], "{}")
        self.assertEqual(self.outcomes(), {"unsupported": 1})
        self.assertIn("hopguard", self.start("start_sync_execution", name="once", input="{}")["input"])

    def test_the_limit(self):
        self.assertEqual(len(self.start(input=of_size(256 * KIB - 10))["input"]), 256 * KIB - 10)
        self.assertEqual(self.outcomes(), {"no_room": 1})


class Kinesis(Bed):
    def put(self, *data):
        records = [{"Data": each, "PartitionKey": "p"} for each in data]
        before = copy.deepcopy(records)
        self.client("kinesis").put_records(StreamName="clicks", Records=records)
        self.assertEqual(records, before)
        return [base64.b64decode(record["Data"]) for record in self.arrived().json()["Records"]]

    def test_a_record_gets_the_field(self):
        self.client("kinesis").put_record(
            StreamARN="arn:aws:kinesis:eu-central-1:1:stream/clicks", Data=b'{"a":1}', PartitionKey="p"
        )
        data = json.loads(base64.b64decode(self.arrived().json()["Data"]))
        self.assert_field(data["hopguard"])
        self.assertEqual(self.extension.report()["call"]["target"], "clicks")

    def test_records_that_are_no_json_object_stay_as_they_are(self):
        given = [
            b'{"a":1}',
            b'{"a":1}\n{"b":2}',
            b"\x00\xff",
            b'{"a":1,}',
            '{"b":2}',
            b"[1]",
            b'{"a":' + b"[" * 100000 + b"}",
        ]
        arrived = self.put(*given)
        self.assert_field(json.loads(arrived[0])["hopguard"], 0)
        self.assert_field(json.loads(arrived[4])["hopguard"], 4)
        for nth in (1, 2, 3, 5, 6):
            self.assertEqual(arrived[nth], given[nth])
        self.assertEqual(self.outcomes(), {"written": 2, "unsupported": 5})

    def test_limits(self):
        cases = [([MIB - 1], "no_room"), ([MIB], "written"), ([10 * MIB - 1], "no_room"), ([MIB - 200] * 5, "written")]
        for sizes, expected in cases:
            self.aws.requests.clear()
            self.put(*(of_size(size) for size in sizes))
            self.assertEqual(self.outcomes(), {expected: len(sizes)}, sizes)
        self.aws.requests.clear()
        self.put(*(of_size(MIB // 2 - 101) for _ in range(10)))
        self.assertEqual(self.outcomes(), {"written": 6, "no_room": 4}, "1,000 bytes are left of 5 MiB")
