"""S3: user metadata, as it arrives."""

import copy
import io
import os
import tempfile
import threading

from boto3.s3.transfer import TransferConfig

from tests.local import STALE, Bed, token


def metadata(request):
    prefix = "x-amz-meta-"
    return {name[len(prefix) :]: value for name, value in request.headers.items() if name.startswith(prefix)}


class S3(Bed):
    def put(self, **params):
        self.aws.requests.clear()
        self.client("s3").put_object(Bucket="photos", Key="a", Body=b"x", **params)
        return metadata(self.arrived())

    def test_put_object(self):
        given = {"title": "x"}
        arrived = self.put(Metadata=given)
        self.assertEqual(given, {"title": "x"})
        self.assertEqual(arrived.pop("title"), "x")
        self.assert_field(arrived)
        report = self.extension.report()
        self.assertEqual((report["outcomes"], report["call"]["target"]), ({"written": 1}, "photos"))
        self.assert_field(self.put())

    def test_names_are_those_of_headers(self):
        arrived = self.put(Metadata={"Hopguard": STALE, "TraceState": "a=1,hopguard=%s,b=2" % STALE})
        self.assertEqual(arrived["tracestate"], "hopguard=" + token(0) + ",a=1,b=2")
        self.assertEqual(sorted(arrived), ["traceparent", "tracestate"])
        self.assertEqual(self.outcomes(), {"replaced": 1})
        own = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
        self.assertEqual(self.put(Metadata={"Traceparent": own})["traceparent"], own)

    def test_the_limit(self):
        for size, expected in [(1800, "written"), (1900, "packed"), (2000, "no_room"), (3000, "no_room")]:
            arrived = self.put(Metadata={"a": "x" * (size - len("x-amz-meta-a"))})
            self.assertEqual(self.outcomes(), {expected: 1}, size)
            self.assertLessEqual(sum(len("x-amz-meta-") + len(n) + len(v) for n, v in arrived.items()), max(2048, size))

    def test_copies(self):
        client = self.client("s3")
        given = {"a": "b"}
        client.copy_object(
            Bucket="b", Key="k", CopySource={"Bucket": "s", "Key": "k"}, MetadataDirective="REPLACE", Metadata=given
        )
        self.assertEqual(given, {"a": "b"})
        arrived = metadata(self.arrived())
        self.assertEqual(arrived.pop("a"), "b")
        self.assert_field(arrived)
        self.assertEqual(self.outcomes(), {"written": 1})
        for directive in ({}, {"MetadataDirective": "COPY"}):
            self.aws.requests.clear()
            client.copy_object(Bucket="b", Key="k", CopySource="s/k", **directive)
            self.assertEqual(metadata(self.arrived()), {})
            self.assertEqual(self.outcomes(), {"unsupported": 1})

    def test_create_multipart_upload(self):
        self.client("s3").create_multipart_upload(Bucket="b", Key="k")
        self.assert_field(metadata(self.arrived()))

    def test_presigned_urls_are_left_alone(self):
        client = self.client("s3")
        params = {"Bucket": "b", "Key": "k", "Metadata": {"a": "b"}}
        before = copy.deepcopy(params)
        url = client.generate_presigned_url("put_object", Params=params)
        self.assertEqual(params, before)
        self.assertNotIn("trace", url)
        self.assertEqual(self.extension.report("outcomes"), {"outcomes": {"unsupported": 1}}, "nothing was called")
        client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
        client.generate_presigned_post(Bucket="b", Key="k")
        self.assertTrue(self.extension.no_report("outcomes"))
        self.assertEqual((self.asked(), self.aws.requests), ([], []))

    def test_a_transfer_in_one_part(self):
        client = self.client("s3")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a")
            with open(path, "wb") as file:
                file.write(b"x" * 100)
            client.upload_file(path, "b", "k", ExtraArgs={"Metadata": {"a": "b"}})
        request = self.arrived()
        self.assertIn(b"x" * 100, request.body)
        arrived = metadata(request)
        self.assertEqual(arrived.pop("a"), "b")
        self.assert_field(arrived)

    def test_a_transfer_in_parts_and_threads(self):
        config = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20, max_concurrency=4)
        self.client("s3").upload_fileobj(io.BytesIO(b"x" * (21 << 20)), "b", "k", Config=config)
        created = [request for request in self.aws.requests if "uploads" in request.path]
        self.assertEqual([sorted(metadata(request)) for request in created], [["traceparent", "tracestate"]])
        operations = [self.extension.report()["call"]["operation"] for _ in range(7)]
        self.assertEqual(operations.count("UploadPart"), 5)
        self.assertEqual((operations[0], operations[-1]), ("CreateMultipartUpload", "CompleteMultipartUpload"))
        self.assertEqual(len(self.asked()), 1)

    def test_many_threads_share_a_client(self):
        client = self.client("s3", max_pool_connections=16)
        errors = []

        def put(nth):
            try:
                for _ in range(5):
                    client.put_object(Bucket="b", Key=str(nth), Body=b"x")
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=put, args=(nth,)) for nth in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        self.assertEqual(len(self.aws.requests), 60)
        for request in self.aws.requests:
            self.assert_field(metadata(request))
        spans = {metadata(request)["traceparent"] for request in self.aws.requests}
        self.assertEqual(len(spans), 60, "each call has its span")
        self.assertLessEqual(self.extension.connections, 40, "connections are kept")
