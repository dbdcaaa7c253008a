"""SQS and SNS: message attributes, as they arrive."""

import copy
import json

from tests.local import CHAIN, STALE, Bed, token

QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:orders"


def text(value):
    return {"DataType": "String", "StringValue": value}


def own(count):
    return {"own%d" % nth: text("x") for nth in range(count)}


def sns_attributes(form, prefix="MessageAttributes"):
    """The attributes of a message in SNS's query protocol."""
    found, nth = {}, 1
    while "%s.entry.%d.Name" % (prefix, nth) in form:
        at = "%s.entry.%d." % (prefix, nth)
        found[form[at + "Name"]] = text(form.get(at + "Value.StringValue"))
        nth += 1
    return found


class Sqs(Bed):
    def send(self, **params):
        self.client("sqs").send_message(QueueUrl=QUEUE, MessageBody="{}", **params)
        return self.arrived().json()

    def test_a_message_gets_two_attributes(self):
        self.extension.others = "rojo=1,,broken,congo=t61"
        attributes = self.send()["MessageAttributes"]
        self.assertEqual(sorted(attributes), ["traceparent", "tracestate"])
        self.assertEqual(attributes["tracestate"]["StringValue"], "hopguard=" + token(0) + ",rojo=1,congo=t61")
        report = self.extension.report()
        self.assertEqual(report["outcomes"], {"written": 1})
        self.assertEqual(
            attributes["traceparent"]["StringValue"], "00-%s-%s-01" % (CHAIN, report["call"]["span"]), "the call's span"
        )
        self.assertEqual(report["call"]["target"], "orders")

    def test_the_room_decides_the_form(self):
        for count, expected in [(8, "written"), (9, "packed"), (10, "no_room")]:
            self.aws.requests.clear()
            attributes = self.send(MessageAttributes=own(count))["MessageAttributes"]
            self.assertLessEqual(len(attributes), 10)
            self.assertEqual(self.outcomes(), {expected: 1})
            self.assertEqual("hopguard" in attributes, expected == "packed")

    def test_an_inherited_token_never_survives(self):
        stale = {"hopguard": {"DataType": "Binary", "BinaryValue": STALE.encode()}}
        self.assertNotIn("hopguard", self.send(MessageAttributes=stale)["MessageAttributes"])
        self.assertEqual(self.outcomes(), {"replaced": 1})
        self.aws.requests.clear()
        full = dict(own(9), tracestate=text("hopguard=" + STALE))
        attributes = self.send(MessageAttributes=full)["MessageAttributes"]
        self.assertEqual(attributes["tracestate"], text("hopguard=" + token(0)))
        self.assertEqual(self.outcomes(), {"replaced": 1})

    def test_what_belongs_to_the_caller_stays_as_it_was(self):
        params = {"QueueUrl": QUEUE, "MessageBody": "x", "MessageAttributes": {"a": text("b")}}
        before = copy.deepcopy(params)
        client = self.client("sqs")
        client.send_message(**params)
        client.send_message(**params)
        self.assertEqual(params, before)
        entries = [
            {"Id": "0", "MessageBody": "x"},
            {"Id": "1", "MessageBody": "y", "MessageAttributes": {"a": text("b")}},
        ]
        before = copy.deepcopy(entries)
        client.send_message_batch(QueueUrl=QUEUE, Entries=entries)
        self.assertEqual(entries, before)

    def test_a_message_is_never_pushed_over_a_limit(self):
        for size, expected in [(256 * 1024, "no_room"), (256 * 1024 + 1, "written"), (1024 * 1024, "no_room")]:
            self.aws.requests.clear()
            self.client("sqs").send_message(QueueUrl=QUEUE, MessageBody="x" * size)
            self.assertEqual(self.outcomes(), {expected: 1}, size)
            self.assertEqual("MessageAttributes" in self.arrived().json(), expected == "written")

    def test_bytes_are_counted_and_not_characters(self):
        self.client("sqs").send_message(QueueUrl=QUEUE, MessageBody="é" * (128 * 1024))
        self.assertEqual(self.outcomes(), {"no_room": 1})

    def test_a_batch_keeps_its_order_and_each_entry_its_room(self):
        entries = [
            {"Id": str(count), "MessageBody": "x", "MessageAttributes": own(count)} for count in (0, 9, 8, 10, 1)
        ]
        self.client("sqs").send_message_batch(QueueUrl=QUEUE, Entries=entries)
        arrived = self.arrived().json()["Entries"]
        self.assertEqual([entry["Id"] for entry in arrived], ["0", "9", "8", "10", "1"])
        self.assert_attributes(arrived[0]["MessageAttributes"], 0)
        self.assertEqual(arrived[1]["MessageAttributes"]["hopguard"], text(token(1)))
        self.assert_attributes(arrived[2]["MessageAttributes"], 2)
        self.assertEqual(arrived[3]["MessageAttributes"], own(10))
        self.assert_attributes(arrived[4]["MessageAttributes"], 4)
        self.assertEqual(self.outcomes(), {"written": 3, "packed": 1, "no_room": 1})
        self.assertEqual([asked["sends"] for asked in self.asked()], [5])

    def test_a_batch_shares_one_limit(self):
        # 240 bytes are left of 256 KiB: enough for two attributes of one entry and one of another.
        entries = [{"Id": str(nth), "MessageBody": "x" * (64 * 1024 - 60)} for nth in range(4)]
        self.client("sqs").send_message_batch(QueueUrl=QUEUE, Entries=entries)
        arrived = self.arrived().json()["Entries"]
        attributes = [item for entry in arrived for item in entry.get("MessageAttributes", {}).items()]
        total = sum(len(entry["MessageBody"]) for entry in arrived)
        total += sum(len(name) + len("String") + len(value["StringValue"]) for name, value in attributes)
        self.assertLessEqual(total, 256 * 1024)
        self.assertEqual(self.outcomes(), {"written": 1, "packed": 1, "no_room": 2})

    def test_a_stream_is_left_alone(self):
        import io

        attributes = {"a": {"DataType": "Binary", "BinaryValue": io.BytesIO(b"x")}}
        try:
            arrived = self.send(MessageAttributes=attributes)
        except Exception as error:
            self.assertNotIn("hopguard", str(error), "refused by botocore itself")
        else:
            self.assertEqual(list(arrived["MessageAttributes"]), ["a"])
            self.assertEqual(self.outcomes(), {"unsupported": 1})
        self.assertEqual(self.asked(), [])

    def test_what_botocore_refuses_is_refused_as_before(self):
        from botocore.exceptions import ParamValidationError

        client = self.client("sqs")
        for wrong in [{"MessageAttributes": "x"}, {"MessageAttributes": {"a": "b"}}, {"MessageAttributes": None}]:
            with self.assertRaises(ParamValidationError):
                client.send_message(QueueUrl=QUEUE, MessageBody="x", **wrong)
        for wrong in ["x", [1], None, {}]:
            with self.assertRaises(ParamValidationError):
                client.send_message_batch(QueueUrl=QUEUE, Entries=wrong)
        with self.assertRaises(ParamValidationError):
            client.send_message(QueueUrl=QUEUE)

    def test_the_resource_is_a_client_too(self):
        self.resource("sqs").Queue(QUEUE).send_messages(Entries=[{"Id": "1", "MessageBody": "x"}])
        self.assert_attributes(self.arrived().json()["Entries"][0]["MessageAttributes"])

    def test_receiving_carries_nothing(self):
        self.client("sqs").receive_message(QueueUrl=QUEUE)
        report = self.extension.report()
        self.assertEqual(report["call"]["operation"], "ReceiveMessage")
        self.assertNotIn("outcomes", report)
        self.assertEqual(self.asked(), [])


class Sns(Bed):
    def test_publish(self):
        self.client("sns").publish(TopicArn=TOPIC, Message="x", MessageAttributes={"a": text("b")})
        attributes = sns_attributes(self.arrived().form())
        self.assertEqual(attributes["a"], text("b"))
        self.assert_attributes(attributes)
        report = self.extension.report()
        self.assertEqual((report["outcomes"], report["call"]["target"]), ({"written": 1}, "orders"))

    def test_nine_attributes_leave_one_slot_since_raw_delivery_takes_ten(self):
        self.client("sns").publish(TopicArn=TOPIC, Message="x", MessageAttributes=own(9))
        attributes = sns_attributes(self.arrived().form())
        self.assertEqual(attributes["hopguard"], text(token(0)))
        self.assertEqual(len(attributes), 10)

    def test_publish_batch(self):
        entries = [{"Id": "a", "Message": "x"}, {"Id": "b", "Message": "y", "MessageAttributes": own(9)}]
        self.client("sns").publish_batch(TopicArn=TOPIC, PublishBatchRequestEntries=entries)
        form = self.arrived().form()
        at = "PublishBatchRequestEntries.member.%d.MessageAttributes"
        self.assert_attributes(sns_attributes(form, at % 1), 0)
        self.assertEqual(sns_attributes(form, at % 2)["hopguard"], text(token(1)))

    def test_a_text_to_a_phone_carries_nothing(self):
        self.client("sns").publish(PhoneNumber="+4912345", Message="x")
        self.assertEqual(sns_attributes(self.arrived().form()), {})
        report = self.extension.report()
        self.assertEqual(report["outcomes"], {"unsupported": 1})
        self.assertNotIn("12345", json.dumps(report))
        self.assertEqual(self.asked(), [])
