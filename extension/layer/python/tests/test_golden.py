"""The golden files, which core is tested against too."""

import json
import os
import unittest

import hopguard_injector as injector
from tests.local import layer

GOLDEN = layer("..", "..", "..", "tests", "fixtures", "golden")


def cases(file):
    with open(os.path.join(GOLDEN, file), encoding="utf-8") as opened:
        return json.load(opened)


class Golden(unittest.TestCase):
    def test_inject(self):
        for case in cases("inject.json"):
            with self.subTest(case["name"]):
                carrier, outbound = dict(case["carrier"]), case["outbound"]
                given = injector.Outbound(outbound["token"], outbound["parent"], outbound["others"])
                outcome = injector.inject(injector.Texts(carrier), injector.Room(**case["room"]), given)
                self.assertEqual(carrier, case["result"])
                self.assertEqual(outcome, case["outcome"])

    def test_inject_into_message_attributes(self):
        for case in cases("inject.json"):
            with self.subTest(case["name"]):
                attributes, outbound = injector.Attributes({}), case["outbound"]
                for name, text in case["carrier"].items():
                    attributes.put(name, text)
                given = injector.Outbound(outbound["token"], outbound["parent"], outbound["others"])
                outcome = injector.inject(attributes, injector.Room(**case["room"]), given)
                self.assertEqual({name: attributes.text(name) for name in attributes.texts}, case["result"])
                self.assertEqual(outcome, case["outcome"])

    def test_field(self):
        for case in cases("field.json"):
            with self.subTest(case["name"]):
                text = case["text"].encode()
                written = injector.with_field(text, case["traceparent"], case["tracestate"])
                self.assertEqual(written and written.decode(), case["written"])
                removed = injector.without_field(text)
                self.assertEqual(removed and removed.decode(), case["removed"])

    def test_every_token_that_core_reads_is_passed_on(self):
        # The injector does not read tokens. It only refuses what cannot be one.
        for case in cases("token.json"):
            with self.subTest(case["name"]):
                taken = injector.TOKEN.fullmatch(case["token"]) is not None
                if "lineage" in case:
                    self.assertTrue(taken)
                elif case["rejected"] in ("too_long", "version"):
                    self.assertFalse(taken)


if __name__ == "__main__":
    unittest.main()
