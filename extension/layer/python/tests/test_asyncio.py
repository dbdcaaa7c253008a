"""aiobotocore: the same events, in an event loop."""

import asyncio
import time

import aiobotocore.session

from tests.local import Bed, token

QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders"
SESSION = aiobotocore.session.get_session()


class Aio(Bed):
    def client(self, service, **config):
        settings = self.settings(**config)
        return SESSION.create_client(service, **settings)

    def run_with(self, service, use, **config):
        async def run():
            async with self.client(service, **config) as client:
                return await use(client)

        return asyncio.run(run())

    def test_a_message(self):
        self.run_with("sqs", lambda client: client.send_message(QueueUrl=QUEUE, MessageBody="x"))
        self.assert_attributes(self.arrived().json()["MessageAttributes"])
        report = self.extension.report()
        self.assertEqual((report["outcomes"], report["call"]["target"]), ({"written": 1}, "orders"))
        self.assertEqual((report["call"]["status"], report["call"]["attempts"]), (200, 1))

    def test_many_at_once(self):
        async def send(client):
            sends = (client.put_object(Bucket="b", Key=str(nth), Body=b"x") for nth in range(50))
            await asyncio.gather(*sends)

        self.run_with("s3", send)
        parents = {request.headers["x-amz-meta-traceparent"] for request in self.aws.requests}
        states = {request.headers["x-amz-meta-tracestate"] for request in self.aws.requests}
        self.assertEqual((len(self.aws.requests), len(parents)), (50, 50))
        self.assertEqual(states, {"hopguard=" + token(0)})
        self.assertEqual({self.extension.report()["call"]["operation"] for _ in range(50)}, {"PutObject"})
        self.assertEqual(self.extension.connections, 1, "one after the other, in the loop's thread")

    def test_a_proxy_that_hangs_stops_the_loop_three_times(self):
        self.extension.instead = lambda _: time.sleep(5)

        async def send(client):
            sends = (client.send_message(QueueUrl=QUEUE, MessageBody="x") for _ in range(20))
            await asyncio.gather(*sends)

        started = time.monotonic()
        self.run_with("sqs", send)
        self.assertLess(time.monotonic() - started, 2)
        self.assertEqual((len(self.asked()), len(self.aws.requests)), (3, 20))

    def test_errors_and_retries(self):
        async def get(client):
            try:
                await client.get_item(TableName="orders", Key={"id": {"S": "1"}})
            except client.exceptions.ResourceNotFoundException:
                return True

        self.aws.first = [(500, b"{}"), (400, b'{"__type":"x#ResourceNotFoundException"}')]
        retries = {"total_max_attempts": 3, "mode": "standard"}
        self.assertTrue(self.run_with("dynamodb", get, retries=retries))
        call = self.extension.report()["call"]
        self.assertEqual((call["attempts"], call["status"], call["error"]), (2, 400, "ResourceNotFoundException"))

    def test_presigned_urls(self):
        params = {"Bucket": "b", "Key": "k"}
        url = self.run_with("s3", lambda client: client.generate_presigned_url("put_object", Params=params))
        self.assertNotIn("trace", url)
        self.assertEqual(self.extension.report("outcomes"), {"outcomes": {"unsupported": 1}})
