"""DynamoDB: an item attribute, in the tables that were chosen."""

import copy
import re

from tests.local import INJECTOR, STALE, TRACEPARENT, Bed, token


class Written:
    """Equal to the attribute with the nth token: beside it is the span of its call."""

    def __init__(self, nth):
        self.pattern = re.compile("%s %s" % (re.escape(token(nth)), TRACEPARENT.strip("^$")))

    def __eq__(self, other):
        return list(other) == ["S"] and self.pattern.fullmatch(other["S"]) is not None

    def __repr__(self):
        return "{'S': /%s/}" % self.pattern.pattern


OURS = Written(0)


class DynamoDb(Bed):
    def setUp(self):
        super().setUp()
        INJECTOR.tables = frozenset(["orders"])
        self.dynamodb = self.client("dynamodb")

    def call(self, operation, **params):
        self.aws.requests.clear()
        before = copy.deepcopy(params)
        getattr(self.dynamodb, operation)(**params)
        self.assertEqual(params, before)
        return self.arrived().json()

    def update(self, **params):
        return self.call("update_item", TableName="orders", Key={"id": {"S": "1"}}, **params)

    def test_put_item(self):
        arrived = self.call("put_item", TableName="orders", Item={"id": {"S": "1"}})
        self.assertEqual(arrived["Item"], {"id": {"S": "1"}, "hopguard": OURS})
        self.assertEqual(self.outcomes(), {"written": 1})
        stale = {"id": {"S": "1"}, "hopguard": {"S": STALE}}
        table = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders"
        self.assertEqual(self.call("put_item", TableName=table, Item=stale)["Item"]["hopguard"], OURS)
        report = self.extension.report()
        self.assertEqual((report["outcomes"], report["call"]["target"]), ({"replaced": 1}, "orders"))

    def test_each_call_writes_an_attribute_of_its_own(self):
        values = []
        for _ in range(2):
            arrived = self.update(UpdateExpression="SET a = b")
            values.append(arrived["ExpressionAttributeValues"][":hopguard"]["S"])
            self.assertEqual(values[-1].split("-")[-2], self.extension.report()["call"]["span"])
        self.assertNotEqual(*values)

    def test_other_tables_are_none_of_our_business(self):
        arrived = self.call("put_item", TableName="other", Item={"id": {"S": "1"}})
        self.assertEqual(arrived["Item"], {"id": {"S": "1"}})
        report = self.extension.report()
        self.assertNotIn("outcomes", report)
        self.assertEqual(report["call"]["target"], "other")
        self.assertEqual(self.asked(), [])

    def test_an_item_is_never_pushed_over_its_limit(self):
        nested = {"L": [{"M": {"n": {"N": "1"}, "b": {"BOOL": True}, "s": {"SS": ["a", "b"]}, "z": {"NULL": True}}}]}
        for size, expected in [(400 * 1024 - 300, "written"), (400 * 1024 - 120, "no_room")]:
            item = {"id": {"S": "1"}, "nested": nested, "a": {"B": b"x" * size}, "hopguard": {"S": "x"}}
            arrived = self.call("put_item", TableName="orders", Item=item)["Item"]
            self.assertEqual(self.outcomes(), {expected if expected == "no_room" else "replaced": 1}, size)
            self.assertEqual("hopguard" in arrived, expected == "written", "a stale one never survives")

    def test_update_expressions(self):
        cases = [
            (None, "SET #hopguard = :hopguard"),
            ("SET a = :a", "SET #hopguard = :hopguard, a = :a"),
            ("set#a=:a", "SET #hopguard = :hopguard,#a=:a"),
            ("REMOVE #set, offset", "REMOVE #set, offset SET #hopguard = :hopguard"),
            ("ADD n :set SET a = :a", "ADD n :set SET #hopguard = :hopguard, a = :a"),
        ]
        for expression, expected in cases:
            given = {} if expression is None else {"UpdateExpression": expression}
            arrived = self.update(
                ExpressionAttributeNames={"#a": "a"}, ExpressionAttributeValues={":a": {"N": "1"}}, **given
            )
            self.assertEqual(arrived["UpdateExpression"], expected)
            self.assertEqual(arrived["ExpressionAttributeNames"], {"#a": "a", "#hopguard": "hopguard"})
            self.assertEqual(arrived["ExpressionAttributeValues"], {":a": {"N": "1"}, ":hopguard": OURS})
            self.assertEqual(self.outcomes(), {"written": 1})

    def test_an_update_that_writes_the_attribute_itself_is_left_alone(self):
        for given in [
            {"UpdateExpression": "SET hopguard = :a", "ExpressionAttributeValues": {":a": {"S": "x"}}},
            {"UpdateExpression": "SET #a = :a", "ExpressionAttributeNames": {"#a": "hopguard"}},
            {"UpdateExpression": "SET a = :hopguard", "ExpressionAttributeValues": {":hopguard": {"S": "x"}}},
        ]:
            arrived = self.update(**given)
            self.assertEqual({name: arrived[name] for name in given}, given)
            self.assertEqual(self.outcomes(), {"unsupported": 1})

    def test_an_expression_never_grows_too_long(self):
        arrived = self.update(UpdateExpression="SET a = :" + "a" * 4070)
        self.assertNotIn("hopguard", arrived["UpdateExpression"])
        self.assertEqual(self.outcomes(), {"no_room": 1})

    def test_updates_of_the_old_form(self):
        arrived = self.update(AttributeUpdates={"a": {"Action": "PUT", "Value": {"N": "1"}}})
        self.assertEqual(arrived["AttributeUpdates"]["hopguard"], {"Action": "PUT", "Value": OURS})
        self.assertNotIn("UpdateExpression", arrived)

    def test_batch_write(self):
        put = {"PutRequest": {"Item": {"id": {"S": "1"}}}}
        delete = {"DeleteRequest": {"Key": {"id": {"S": "2"}}}}
        arrived = self.call("batch_write_item", RequestItems={"other": [put], "orders": [put, delete, put]})
        items = arrived["RequestItems"]
        self.assertEqual((items["other"], items["orders"][1]), ([put], delete))
        found = [items["orders"][nth]["PutRequest"]["Item"]["hopguard"] for nth in (0, 2)]
        self.assertEqual(found, [Written(0), Written(1)])
        self.assertEqual(self.outcomes(), {"written": 2})
        self.assertEqual([asked["sends"] for asked in self.asked()], [2])

    def transact(self, **params):
        actions = [
            {"Put": {"TableName": "orders", "Item": {"id": {"S": "1"}}}},
            {"Delete": {"TableName": "orders", "Key": {"id": {"S": "2"}}}},
            {"Update": {"TableName": "orders", "Key": {"id": {"S": "3"}}, "UpdateExpression": "SET a = b"}},
            {"Put": {"TableName": "other", "Item": {"id": {"S": "4"}}}},
        ]
        return self.call("transact_write_items", TransactItems=actions, **params)["TransactItems"]

    def test_transactions(self):
        arrived = self.transact()
        self.assertEqual(arrived[0]["Put"]["Item"]["hopguard"], OURS)
        self.assertEqual(arrived[2]["Update"]["ExpressionAttributeValues"], {":hopguard": Written(1)})
        self.assertNotIn("hopguard", str(arrived[1]) + str(arrived[3]))
        self.assertEqual(self.outcomes(), {"written": 2})

    def test_a_transaction_with_a_request_token_stays_repeatable(self):
        self.assertNotIn("hopguard", str(self.transact(ClientRequestToken="once")))
        self.assertEqual(self.outcomes(), {"unsupported": 2})

    def test_the_resource_and_its_plain_values(self):
        table = self.resource("dynamodb").Table("orders")
        item = {"id": "1", "nested": {"a": [1]}}
        table.put_item(Item=item)
        self.assertEqual(item, {"id": "1", "nested": {"a": [1]}})
        arrived = self.arrived().json()["Item"]
        self.assertEqual((arrived["id"], arrived["hopguard"]), ({"S": "1"}, OURS))
        self.aws.requests.clear()
        table.update_item(Key={"id": "1"}, UpdateExpression="SET a = :a", ExpressionAttributeValues={":a": 1})
        self.assertEqual(self.arrived().json()["ExpressionAttributeValues"], {":a": {"N": "1"}, ":hopguard": OURS})
        self.aws.requests.clear()
        self.aws.first = [(200, b'{"UnprocessedItems":{}}')]
        with table.batch_writer() as writer:
            writer.put_item(Item={"id": "1"})
        self.assertIn("hopguard", self.arrived().json()["RequestItems"]["orders"][0]["PutRequest"]["Item"])

    def test_requests_of_the_wrong_shape_are_left_to_botocore(self):
        from botocore.exceptions import BotoCoreError

        for operation, params in [
            ("put_item", {"TableName": "orders"}),
            ("put_item", {"TableName": "orders", "Item": {"id": "1"}}),
            ("put_item", {"TableName": 1, "Item": {}}),
            ("batch_write_item", {"RequestItems": {"orders": [1]}}),
            ("batch_write_item", {"RequestItems": {"orders": 1}}),
            ("transact_write_items", {"TransactItems": [{"Put": 1}]}),
        ]:
            with self.assertRaises(BotoCoreError):
                getattr(self.dynamodb, operation)(**params)
