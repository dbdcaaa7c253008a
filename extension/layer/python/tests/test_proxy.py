"""What is asked of the proxy, and that a call goes out whatever it answers."""

import json
import multiprocessing
import os
import socket
import threading
import time

import hopguard_injector
from tests.local import CHAIN, HOOK, INJECTOR, INVOCATION, PARENT, Bed, http_reply, token

QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders"


class Proxy(Bed):
    def setUp(self):
        super().setUp()
        self.sqs = self.client("sqs")

    def send(self):
        """What arrives of one message, and how long the call took."""
        self.aws.requests.clear()
        started = time.monotonic()
        self.sqs.send_message(QueueUrl=QUEUE, MessageBody="x")
        return self.arrived().json(), time.monotonic() - started

    def assert_sent_without(self, outcomes=None):
        arrived, seconds = self.send()
        self.assertNotIn("MessageAttributes", arrived)
        report = self.extension.report()
        self.assertEqual(report.get("outcomes"), outcomes)
        self.assertEqual(report["call"]["status"], 200)
        return seconds

    def test_what_is_asked(self):
        self.send()
        orders = {"sends": 1, "service": "SQS", "target": "orders"}
        self.assertEqual(self.asked(), [dict(orders, invocation=INVOCATION)])
        request = self.extension.requests[0]
        self.assertEqual((request.method, request.path), ("POST", "/hopguard/v1/sends"))
        self.assertEqual(request.headers["content-type"], "application/json")
        HOOK.invocation = None
        self.send()
        self.assertEqual(self.asked()[1], dict(orders, invocation=None))

    def test_each_call_asks_over_one_connection(self):
        for _ in range(5):
            self.send()
        self.assertEqual((len(self.asked()), self.extension.connections), (5, 1))

    def test_a_reusable_answer_serves_its_invocation_and_no_other(self):
        self.extension.reusable = True
        self.send()
        arrived, _ = self.send()
        self.assert_attributes(arrived["MessageAttributes"])
        entries = [{"Id": str(nth), "MessageBody": "x"} for nth in range(3)]
        self.sqs.send_message_batch(QueueUrl=QUEUE, Entries=entries)
        for entry in self.aws.requests[-1].json()["Entries"]:
            self.assert_attributes(entry["MessageAttributes"])
        self.assertEqual(len(self.asked()), 1)
        HOOK.invocation = "next"
        self.send()
        self.assertEqual([asked["invocation"] for asked in self.asked()[1:]], ["next"])

    def test_a_reusable_answer_serves_its_target_and_no_other(self):
        """A message to its own source shares the credit, while one to anything else does not."""

        def reply(request):
            asked = request.json()
            self.extension.reusable = asked["target"] != "orders"
            return 200, json.dumps(self.extension.tokens(asked["invocation"], asked["sends"])).encode()

        self.extension.instead = reply
        for name in ("orders", "bills", "orders", "bills", "orders"):
            self.sqs.send_message(QueueUrl=QUEUE.replace("orders", name), MessageBody="x")
        self.client("sns").publish(TopicArn="arn:aws:sns:eu-central-1:123456789012:bills", Message="x")
        asked = [(asked["service"], asked["target"]) for asked in self.asked()]
        own, other = ("SQS", "orders"), ("SQS", "bills")
        self.assertEqual(asked, [own, other, own, own, ("SNS", "bills")])

    def test_the_targets_of_an_invocation_that_are_kept_are_bounded(self):
        self.extension.reusable = True
        names = ["q%d" % nth for nth in range(hopguard_injector.MAX_KEPT_TARGETS + 5)]
        for name in names + names[:1] + names[-1:]:
            self.sqs.send_message(QueueUrl=QUEUE.replace("orders", name), MessageBody="x")
        self.assertEqual(len(self.asked()), len(names) + 1, "the first is kept, the last is not")

    def test_without_an_invocation_nothing_is_reused(self):
        self.extension.reusable = True
        HOOK.invocation = None
        self.send()
        self.send()
        self.assertEqual(len(self.asked()), 2)

    def test_no_scope(self):
        for status in (404, 409):
            self.extension.instead = (status, b"")
            self.assert_sent_without({"no_scope": 1})
        self.assertTrue(self.extension.no_report("fault"))

    def test_the_proxy_is_down(self):
        INJECTOR.proxy = hopguard_injector.Proxy(("127.0.0.1", free_port()))
        self.assertLess(self.assert_sent_without(), 0.2)
        self.assert_sent_without()

    def test_garbage(self):
        good = self.extension.tokens(INVOCATION, 1)
        replies = [
            (400, b"no"),
            (500, b""),
            (200, b""),
            (200, b"[]"),
            (200, b"\xff"),
            (200, b"{}"),
            (200, b"[" * 100000),
            b"garbage\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\n" + b"x" * 2000000,
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            None,
        ]
        for wrong in [
            {"tokens": []},
            {"tokens": None},
            {"tokens": ["x"]},
            {"tokens": [1]},
            {"tokens": [token(0), token(1)]},
            {"tokens": [token(0) + ",rojo=1"]},
            {"tokens": [token(0) + "\n"]},
            {"trace": "0" * 32},
            {"trace": CHAIN + "0"},
            {"parent": "0" * 16},
            {"parent": None},
            {"flags": "1"},
            {"others": 1},
        ]:
            replies.append((200, json.dumps(dict(good, **wrong)).encode()))
        for reply in replies:
            self.extension.instead = lambda _, reply=reply: reply
            self.assertLess(self.assert_sent_without(), 0.25, reply)
            INJECTOR.proxy.rests_until = 0
        self.extension.instead = None
        self.assert_attributes(self.send()[0]["MessageAttributes"])

    def test_others_are_cleaned(self):
        body = json.dumps(dict(self.extension.tokens(INVOCATION, 1), others="a=1,b\n=2,hopguard=x, c=3"))
        self.extension.instead = (200, body.encode())
        state = self.send()[0]["MessageAttributes"]["tracestate"]["StringValue"]
        self.assertEqual(state, "hopguard=" + token(0) + ",a=1,c=3")

    def test_a_reply_in_chunks(self):
        body = json.dumps(self.extension.tokens(INVOCATION, 1)).encode()
        chunks = b"%x;x=y\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (10, body[:10], len(body) - 10, body[10:])
        self.extension.instead = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
        for _ in range(2):
            self.assert_attributes(self.send()[0]["MessageAttributes"])
        self.assertEqual(self.extension.connections, 1)

    def test_the_proxy_hangs(self):
        self.extension.instead = lambda _: time.sleep(5)
        for _ in range(3):
            seconds = self.assert_sent_without()
            self.assertGreater(seconds, 0.2)
            self.assertLess(seconds, 0.6)
        self.assertLess(self.assert_sent_without(), 0.2, "nobody waits a fourth time so soon")
        self.assertEqual(len(self.asked()), 3)
        self.extension.instead = None
        INJECTOR.proxy.rests_until = 0
        self.assert_attributes(self.send()[0]["MessageAttributes"])

    def test_one_answer_ends_a_row_of_failures(self):
        for _ in range(3):
            self.extension.instead = lambda _: None
            self.assert_sent_without()
            self.assert_sent_without()
            self.extension.instead = None
            self.assert_attributes(self.send()[0]["MessageAttributes"])
            self.extension.report()

    def test_an_answer_that_is_there_counts_however_busy_the_function_was(self):
        def answer_in_time(connection):
            connection.recv(4096)
            connection.sendall(http_reply(200, json.dumps(self.extension.tokens(INVOCATION, 1)).encode()))
            connection.recv(4096)

        proxy = hopguard_injector.Proxy(serve_once(answer_in_time))
        connection = hopguard_injector.Connection(proxy.address, time.monotonic() + 1)
        connection.socket.sendall(b"x")
        time.sleep(0.2)
        self.assertTrue(connection.receive(b"", time.monotonic() - 1).startswith(b"HTTP/1.1 200"))
        with self.assertRaises(socket.timeout):
            connection.receive(b"", time.monotonic() - 1)
        connection.socket.close()

    def test_the_proxy_drips(self):
        def drip(connection):
            connection.recv(4096)
            try:
                for byte in http_reply(200, json.dumps(self.extension.tokens(INVOCATION, 1)).encode()):
                    connection.sendall(bytes([byte]))
                    time.sleep(0.01)
            except OSError:
                pass

        INJECTOR.proxy = hopguard_injector.Proxy(serve_once(drip))
        self.assertLess(self.assert_sent_without(), 0.6)

    def test_a_connection_that_the_proxy_has_closed(self):
        self.extension.closes = True
        for _ in range(3):
            self.assert_attributes(self.send()[0]["MessageAttributes"])
            self.assertEqual(len(INJECTOR.proxy.idle), 1)
            time.sleep(0.05)
        self.assertEqual(self.extension.connections, 3)
        self.assertTrue(self.extension.no_report("fault"))

    def test_a_connection_that_is_not_to_be_kept(self):
        body = json.dumps(self.extension.tokens(INVOCATION, 1)).encode()
        self.extension.instead = (200, body, [("Connection", "close")])
        self.send()
        self.send()
        self.assertEqual((self.extension.connections, INJECTOR.proxy.idle), (2, []))

    def test_each_fault_is_reported_once(self):
        self.extension.instead = (500, b"")
        self.send()
        self.send()
        fault = self.extension.report("fault")["fault"]
        expected = "ValueError: the proxy answered with status 500"
        self.assertEqual(fault, {"injector": "python", "where": "proxy", "error": expected})
        self.assertTrue(self.extension.no_report("fault"))

    def plan_with(self, planner):
        """Plans SendMessage in this way until the test has ended."""
        kept = hopguard_injector.PLANNERS["SQS", "SendMessage"]
        hopguard_injector.PLANNERS["SQS", "SendMessage"] = planner
        self.addCleanup(hopguard_injector.PLANNERS.__setitem__, ("SQS", "SendMessage"), kept)

    def test_an_error_of_ours_is_swallowed_and_reported(self):
        def broken(plan, params, tables):
            raise TypeError("ours " + "x" * 10000)

        self.plan_with(broken)
        self.assertNotIn("MessageAttributes", self.send()[0])
        fault = self.extension.report("fault")["fault"]
        self.assertEqual(fault["where"], "SQS.SendMessage")
        self.assertTrue(fault["error"].startswith("TypeError: ours x"))
        self.assertLessEqual(len(fault["error"]), 200)
        self.assertEqual(
            self.extension.report()["call"]["operation"], "SendMessage", "the call is reported all the same"
        )

    def test_an_error_after_the_call_is_swallowed_too(self):
        def broken(call, status, error):
            raise ValueError("ours")

        kept = hopguard_injector.Call.report
        hopguard_injector.Call.report = broken
        self.addCleanup(setattr, hopguard_injector.Call, "report", kept)
        self.send()
        self.assertEqual(self.extension.report("fault")["fault"]["where"], "after-call.sqs.SendMessage")

    def test_half_an_injection_is_none(self):
        # The second entry fails; the first one is not sent with lineage either.
        def writes(plan, params, tables):
            plan.changes = {"MessageBody": "changed"}
            plan.writers = [lambda outbound: "written", lambda outbound: 1 / 0]

        self.plan_with(writes)
        self.assertEqual(self.send()[0]["MessageBody"], "x")

    def test_a_fork_has_connections_of_its_own(self):
        self.send()
        self.extension.report()
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=self.send_in_child) for _ in range(4)]
        for child in children:
            child.start()
        self.sqs.send_message(QueueUrl=QUEUE, MessageBody="x")
        for child in children:
            child.join(20)
            self.assertEqual(child.exitcode, 0)
        for request in self.aws.requests:
            self.assert_attributes(request.json()["MessageAttributes"])
        self.assertEqual(len(self.aws.requests), 2 + len(children))
        self.assertEqual(self.extension.connections, 1 + len(children))
        spans = {self.extension.report()["call"]["span"] for _ in range(1 + len(children))}
        self.assertEqual(len(spans), 1 + len(children))

    def send_in_child(self):
        try:
            assert INJECTOR.proxy.idle == [] and INJECTOR.reports.socket is None
            # botocore's own connections cannot be shared with the parent.
            self.client("sqs").send_message(QueueUrl=QUEUE, MessageBody="x")
        except BaseException:
            os._exit(1)
        os._exit(0)


class Reports(Bed):
    def test_the_shape_of_a_report(self):
        before = time.time_ns()
        self.client("sqs").send_message(QueueUrl=QUEUE, MessageBody="x")
        call = self.extension.report()["call"]
        start, end = int(call.pop("start_ns")), int(call.pop("end_ns"))
        self.assertTrue(before <= start <= end <= time.time_ns())
        self.assertRegex(call.pop("span"), "^[0-9a-f]{16}$")
        self.assertEqual([one["status"] for one in call.pop("tries")], [200])
        expected = {
            "invocation": INVOCATION,
            "trace": CHAIN,
            "parent": PARENT,
            "service": "SQS",
            "operation": "SendMessage",
            "attempts": 1,
            "status": 200,
            "target": "orders",
        }
        self.assertEqual(call, expected)

    def test_calls_that_carry_nothing(self):
        client = self.client("dynamodb")
        client.get_item(TableName="orders", Key={"id": {"S": "1"}})
        call = self.extension.report()["call"]
        self.assertEqual((call["operation"], call["target"], call["status"]), ("GetItem", "orders", 200))
        self.assertNotIn("trace", call, "nobody was asked")
        self.client("sqs").send_message(QueueUrl=QUEUE, MessageBody="x")
        client.get_item(TableName="orders", Key={"id": {"S": "1"}})
        self.extension.report()
        call = self.extension.report()["call"]
        self.assertEqual((call["trace"], call["parent"]), (CHAIN, PARENT), "known from the send")
        HOOK.invocation = "next"
        client.get_item(TableName="orders", Key={"id": {"S": "1"}})
        self.assertNotIn("trace", self.extension.report()["call"], "of another invocation")

    def test_the_invocation_of_the_answer(self):
        HOOK.invocation = None
        self.client("sqs").send_message(QueueUrl=QUEUE, MessageBody="x")
        self.assertEqual(self.extension.report()["call"]["invocation"], INVOCATION)
        self.client("sqs").receive_message(QueueUrl=QUEUE)
        self.assertIsNone(self.extension.report()["call"]["invocation"])

    def test_errors_and_retries(self):
        client = self.client("dynamodb", retries={"total_max_attempts": 3, "mode": "standard"})
        error = b'{"__type":"x#ProvisionedThroughputExceededException"}'
        self.aws.first = [(400, error), (500, b"{}")]
        client.get_item(TableName="orders", Key={"id": {"S": "1"}})
        call = self.extension.report()["call"]
        self.assertEqual((call["attempts"], call["status"]), (3, 200))
        self.assertNotIn("error", call)
        self.aws.first = [(400, b'{"__type":"x#ResourceNotFoundException"}')]
        with self.assertRaises(client.exceptions.ResourceNotFoundException):
            client.get_item(TableName="orders", Key={"id": {"S": "1"}})
        call = self.extension.report()["call"]
        self.assertEqual((call["attempts"], call["status"], call["error"]), (1, 400, "ResourceNotFoundException"))

    def test_retries_send_the_same_lineage(self):
        self.aws.first = [(500, b"{}"), (503, b"{}")]
        retries = {"total_max_attempts": 3, "mode": "legacy"}
        self.client("sqs", retries=retries).send_message(QueueUrl=QUEUE, MessageBody="x")
        bodies = {request.body for request in self.aws.requests}
        self.assertEqual((len(self.aws.requests), len(bodies), len(self.asked())), (3, 1, 1))
        report = self.extension.report()
        self.assertEqual((report["call"]["attempts"], report["outcomes"]), (3, {"written": 1}))

    def test_where_no_answer_came(self):
        from botocore.exceptions import EndpointConnectionError

        client = self.client("sqs", retries={"total_max_attempts": 2, "mode": "standard"})
        self.aws.close()
        with self.assertRaises(EndpointConnectionError):
            client.send_message(QueueUrl=QUEUE, MessageBody="x")
        report = self.extension.report()
        self.assertEqual(report["call"]["error"], "EndpointConnectionError")
        self.assertEqual((report["call"]["attempts"], report["outcomes"]), (2, {"written": 1}))
        self.assertNotIn("status", report["call"])

    def test_nobody_listens(self):
        INJECTOR.reports = hopguard_injector.Reports(("127.0.0.1", free_port()))
        client = self.client("sqs")
        for _ in range(5):
            client.send_message(QueueUrl=QUEUE, MessageBody="x")
        INJECTOR.reports = hopguard_injector.Reports(None)
        client.send_message(QueueUrl=QUEUE, MessageBody="x")
        self.assertEqual(len(self.aws.requests), 6)

    def test_long_names_make_no_long_reports(self):
        long = "https://sqs.eu-central-1.amazonaws.com/123456789012/" + "é" * 20000
        self.client("sqs").send_message(QueueUrl=long, MessageBody="x")
        self.assertEqual(len(self.extension.report()["call"]["target"]), 256)

    def test_targets(self):
        lambda_arn = "arn:aws:lambda:eu-central-1:123456789012:function:resize"
        cases = [
            ("Lambda", "Invoke", {"FunctionName": "resize"}, "resize"),
            ("Lambda", "Invoke", {"FunctionName": "resize:live"}, "resize"),
            ("Lambda", "Invoke", {"FunctionName": lambda_arn}, "resize"),
            ("Lambda", "Invoke", {"FunctionName": lambda_arn + ":live"}, "resize"),
            ("Lambda", "Invoke", {"FunctionName": "123456789012:function:resize"}, "resize"),
            ("SNS", "Publish", {"TopicArn": "arn:aws:sns:eu-central-1:123456789012:orders.fifo"}, "orders.fifo"),
            ("S3", "PutObject", {"Bucket": "photos"}, "photos"),
            ("S3", "PutObject", {"Bucket": "arn:aws:s3:eu-central-1:1:accesspoint/ap"}, "ap"),
            ("S3", "ListBuckets", {}, None),
            ("EventBridge", "PutEvents", {"Entries": [{}]}, "default"),
            ("EventBridge", "PutEvents", {"Entries": [{"EventBusName": "a"}, {}]}, None),
            ("EventBridge", "PutEvents", {"Entries": [{"EventBusName": "arn:aws:events:e:1:event-bus/a"}]}, "a"),
            ("SFN", "StartExecution", {"stateMachineArn": "arn:aws:states:e:1:stateMachine:m:live"}, "m"),
            ("Kinesis", "PutRecord", {"StreamARN": "arn:aws:kinesis:e:1:stream/s"}, "s"),
            ("DynamoDB", "Query", {"TableName": "arn:aws:dynamodb:e:1:table/t/index/i"}, "t"),
            ("DynamoDB", "BatchWriteItem", {"RequestItems": {"t": []}}, "t"),
            ("DynamoDB", "BatchWriteItem", {"RequestItems": {"t": [], "u": []}}, None),
            ("STS", "GetCallerIdentity", {}, None),
        ]
        for service, operation, params, expected in cases:
            self.assertEqual(hopguard_injector.target_of(service, operation, params), expected, params)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def serve_once(talk):
    """The address of a server that talks to one client."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection, listener:
            talk(connection)

    threading.Thread(target=serve, daemon=True).start()
    return listener.getsockname()
