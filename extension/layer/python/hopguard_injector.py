"""Writes the lineage of the current invocation into the calls of botocore's clients, and reports every call.

Loaded by `sitecustomize.py` when botocore's clients are imported, boto3's and aiobotocore's alike. Needs nothing but
the standard library, Python 3.8 to 3.14. What it says to the extension and what it hears is in docs/layer-protocol.md;
what it writes, in docs/carriers.md and tests/fixtures/golden/. The rules are those of the Rust crate, in
core/src/propagator/, core/src/event/field.rs and middleware/src/sdk/.

Three things never happen because of it: a call that fails, a call that waits longer than a round trip to the proxy (at
most `TIMEOUT_S`), and a change to an object that belongs to the caller.
"""

import base64
import functools
import json
import os
import re
import socket
import sys
import time

HOPGUARD = "hopguard"
TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

#: What became of a message's lineage. Each is counted by the extension.
WRITTEN, REPLACED, PACKED = "written", "replaced", "packed"
NO_ROOM, UNSUPPORTED, NO_SCOPE = "no_room", "unsupported", "no_scope"


# --- The propagator -------------------------------------------------------------------------------

#: The most members that a W3C `tracestate` may have.
MAX_MEMBERS = 32
TRACEPARENT_CHARS = 55

#: White space as core trims it: ASCII's.
WHITE_SPACE = " \t\n\x0c\r"
MEMBER = re.compile(r"[ -<>-~]+=[ -~]*")


class Outbound:
    """What one message takes along."""

    __slots__ = ("token", "parent", "others")

    def __init__(self, token, parent, others):
        self.token = token
        self.parent = parent
        self.others = others


class Room:
    """How much a carrier can take beyond what it holds: names, and bytes; a text costs `overhead` besides its own."""

    __slots__ = ("slots", "bytes", "overhead")

    def __init__(self, slots, bytes, overhead):
        self.slots = slots
        self.bytes = bytes
        self.overhead = overhead


def size_of(text):
    """Bytes of a text in UTF-8, or of a blob."""
    if not isinstance(text, str):
        return len(text)
    return len(text) if text.isascii() else len(text.encode("utf-8"))


def members(state):
    """The members of a `tracestate` that are `key=value` in printable ASCII; the broken ones are left out."""
    stripped = (member.strip(WHITE_SPACE) for member in state.split(","))
    return [member for member in stripped if MEMBER.fullmatch(member)]


def is_ours(member):
    return member.startswith(HOPGUARD + "=")


def other_members(state):
    return [member for member in members(state) if not is_ours(member)]


def state_with(token, others):
    """A `tracestate` with our member first and then the others, as many as the specification allows."""
    return ",".join([HOPGUARD + "=" + token] + others[: MAX_MEMBERS - 1])


def inject(slots, room, outbound):
    """Writes a lineage into a carrier of named texts, as much as there is room for; the twin of core's `inject`."""

    def size(name, text):
        return len(name) + size_of(text) + room.overhead

    def size_under(name):
        text = slots.text(name)
        return 0 if text is None else size(name, text)

    def fits(new_slots, freed_slots, added, freed):
        return new_slots <= room.slots + freed_slots and added <= room.bytes + freed

    has_parent, has_state, has_packed = (slots.contains(name) for name in (TRACEPARENT, TRACESTATE, HOPGUARD))
    own_state = slots.text(TRACESTATE) or ""
    own_others = other_members(own_state)
    inherited_member = any(is_ours(member) for member in members(own_state))
    written = REPLACED if has_packed or inherited_member else WRITTEN

    others = own_others if has_parent or has_state else other_members(outbound.others)
    state = state_with(outbound.token, others)
    state_before, packed_before = size_under(TRACESTATE), size_under(HOPGUARD)
    freed = state_before + packed_before
    parent_size = 0 if has_parent else len(TRACEPARENT) + TRACEPARENT_CHARS + room.overhead
    state_size = size(TRACESTATE, state)

    whole = fits(int(not has_parent) + int(not has_state), int(has_packed), parent_size + state_size, freed)
    # A `tracestate` without its `traceparent` is of no use to others, but it is a slot that the message already has.
    if whole or (has_state and fits(0, 0, state_size, freed)):
        slots.remove(HOPGUARD)
        if whole and not has_parent:
            slots.put(TRACEPARENT, outbound.parent)
        slots.put(TRACESTATE, state)
        return written

    if inherited_member:
        if own_others:
            slots.put(TRACESTATE, ",".join(own_others))
        else:
            slots.remove(TRACESTATE)
    freed = max(state_before - size_under(TRACESTATE), 0) + packed_before
    freed_slots = int(has_packed) + int(has_state and not slots.contains(TRACESTATE))
    if fits(1, freed_slots, size(HOPGUARD, outbound.token), freed):
        slots.put(HOPGUARD, outbound.token)
        return PACKED
    slots.remove(HOPGUARD)
    return NO_ROOM


class Texts:
    """A carrier that is a plain map of texts."""

    def __init__(self, texts):
        self.texts = texts

    def text(self, name):
        return self.texts.get(name)

    def contains(self, name):
        return name in self.texts

    def put(self, name, text):
        self.texts[name] = text

    def remove(self, name):
        self.texts.pop(name, None)


class Metadata(Texts):
    """An object's user metadata, whose names are those of HTTP headers: `Traceparent` is `traceparent`."""

    def text(self, name):
        return next((text for key, text in self.texts.items() if key.lower() == name), None)

    def contains(self, name):
        return self.text(name) is not None

    def put(self, name, text):
        self.remove(name)
        self.texts[name] = text

    def remove(self, name):
        for key in [key for key in self.texts if key.lower() == name]:
            del self.texts[key]


class Attributes(Texts):
    """The message attributes of SQS and SNS."""

    def text(self, name):
        attribute = self.texts.get(name)
        if attribute is None:
            return None
        if isinstance(attribute.get("StringValue"), str):
            return attribute["StringValue"]
        # Binary is read on arrival too, and so an inherited token may stand in it.
        value = attribute.get("BinaryValue")
        try:
            return value if isinstance(value, str) else bytes(value).decode("utf-8")
        except (TypeError, ValueError):
            return None

    def put(self, name, text):
        self.texts[name] = {"DataType": "String", "StringValue": text}


# --- The field in a JSON object -------------------------------------------------------------------

FIELD_NAME = HOPGUARD.encode()
#: An escape that may stand for one of the name's letters.
FIELD_ESCAPE = re.compile(rb"\\u00(?:6[1478Ff]|7[025])")
JSON_SPACE = re.compile(rb"[ \n\r\t]*")
JSON_SCALAR = re.compile(rb'[^,:}\]" \n\r\t]*')
JSON_NESTED = re.compile(rb'["{}\[\]]')
JSON_ESCAPES = {code: "\\u%04x" % code for code in range(0x20)}
JSON_ESCAPES.update({ord('"'): '\\"', ord("\\"): "\\\\"})


class Cursor:
    """A place in a JSON text, as in core: tolerant of shapes, spent where the text is broken, never recursive."""

    SPENT = sys.maxsize

    def __init__(self, text):
        self.text = text
        self.at = 0

    def finish(self):
        """Whether the text held nothing but the values read, white space aside."""
        return self.peek() == b"" and self.at == len(self.text)

    def peek(self):
        """The next byte that is no white space; empty at the end."""
        if self.at >= len(self.text):
            return b""
        self.at = JSON_SPACE.match(self.text, self.at).end()
        return self.text[self.at : self.at + 1]

    def eat(self, expected):
        eaten = self.peek() == expected
        self.at += int(eaten)
        return eaten

    def members(self):
        """The members of the object that is next: where each begins, its key as it is written, where its value lies."""
        if not self.eat(b"{"):
            return
        while True:
            comma = self.eat(b",")
            next_byte, start = self.peek(), self.at
            if next_byte == b"}" and not comma:
                self.at += 1
                return
            key = self.string() if next_byte == b'"' else None
            if key is None or not self.eat(b":"):
                self.at = self.SPENT
                return
            self.peek()
            value = self.at
            self.skip()
            yield start, key, value, self.at

    def string(self):
        """Consumes a string, and gives what stands between its quotes."""
        start = self.at + 1
        end = self.text.find(b'"', start)
        while end >= 0 and self.is_escaped(start, end):
            end = self.text.find(b'"', end + 1)
        if end < 0:
            self.at = self.SPENT
            return None
        self.at = end + 1
        return self.text[start:end]

    def is_escaped(self, start, end):
        before = end
        while before > start and self.text[before - 1] == 0x5C:
            before -= 1
        return (end - before) % 2 == 1

    def skip(self):
        """Consumes any value."""
        next_byte = self.peek()
        if next_byte == b'"':
            self.string()
        elif next_byte in (b"{", b"["):
            self.skip_nested()
        elif next_byte in (b",", b":", b"}", b"]", b""):
            self.at = self.SPENT
        else:
            self.at = JSON_SCALAR.match(self.text, self.at).end()

    def skip_nested(self):
        depth = 0
        while True:
            found = JSON_NESTED.search(self.text, self.at)
            if found is None:
                self.at = self.SPENT
                return
            self.at = found.start()
            if found.group() == b'"':
                if self.string() is None:
                    return
                continue
            self.at += 1
            depth += 1 if found.group() in b"{[" else -1
            if depth == 0:
                return


def key_text(key):
    """A key as it is meant; one that is no text or has a broken escape equals no name."""
    if b"\\" not in key:
        return key.decode("utf-8", "replace")
    try:
        return json.loads('"%s"' % key.decode("utf-8"), strict=False)
    except ValueError:
        return None


def without_field(text):
    """The JSON object without our field, every other byte kept; `None` where there is nothing to take out."""
    if FIELD_NAME not in text and FIELD_ESCAPE.search(text) is None:
        return None
    cursor, out, end, kept, found = Cursor(text), [], None, False, False
    for start, key, _, stop in cursor.members():
        keep = key_text(key) != HOPGUARD
        found = found or not keep
        if end is None:
            out.append(text[:start])
        elif keep:
            # Before the first that is kept the comma goes, and white space after it stays.
            separator = text[end:start]
            out.append(separator if kept else separator[separator.find(b",") + 1 :])
        if keep:
            out.append(text[start:stop])
            kept = True
        end = stop
    if not found or not cursor.finish():
        return None
    out.append(text[end:])
    return b"".join(out)


def with_field(text, traceparent, tracestate):
    """The JSON object with our field as its first member, every other byte kept; `None` where the text is no object."""
    found = object_start(text)
    if found is None:
        return None
    start, has_members = found
    stripped = without_field(text)
    if stripped is not None:
        text = stripped
        has_members = object_start(text)[1]
    field = '"%s":{"%s":"%s","%s":"%s"}' % (
        HOPGUARD,
        TRACEPARENT,
        traceparent.translate(JSON_ESCAPES),
        TRACESTATE,
        tracestate.translate(JSON_ESCAPES),
    )
    return b"".join((text[:start], field.encode("utf-8"), b"," if has_members else b"", text[start:]))


def object_start(text):
    """Where the first member of a JSON object begins, or its end, and whether it has a member."""
    cursor = Cursor(text)
    if not cursor.eat(b"{") or not text.rstrip(b" \t\n\x0c\r").endswith(b"}"):
        return None
    start = cursor.at
    next_byte = cursor.peek()
    return (start, next_byte == b'"') if next_byte in (b'"', b"}") else None


def write_field(text, bytes_left, outbound):
    """Writes a lineage into a JSON object; gives the text, changed or not, and the outcome."""
    state = state_with(outbound.token, other_members(outbound.others))
    written = with_field(text, outbound.parent, state)
    if written is None:
        return text, UNSUPPORTED
    stale_removed = without_field(text)
    if len(written) - len(text) <= bytes_left:
        return written, WRITTEN if stale_removed is None else REPLACED
    return (text if stale_removed is None else stale_removed), NO_ROOM


# --- The proxy and the reports --------------------------------------------------------------------

#: The longest that a call waits for the proxy.
TIMEOUT_S = 0.25
#: After so many questions in a row without an answer, nobody asks for so long: a hundred calls must not wait in vain.
MAX_FAILURES = 3
REST_S = 5.0
LATE = "the proxy did not answer in time"
MAX_IDLE_CONNECTIONS = 8
MAX_REPLY_BYTES = 1024 * 1024
MAX_REPORT_BYTES = 8192
MAX_TEXT_CHARS = 200
#: The longest name that is told of a target: that of a topic.
MAX_TARGET_CHARS = 256
#: Targets of one invocation whose answer is kept.
MAX_KEPT_TARGETS = 64
#: Attempts of one call that are told apart, and the longest name of what went wrong in one.
MAX_TRIES = 16
MAX_ERROR_CHARS = 64

TOKEN = re.compile(
    r"01-[0-9a-f]{32}-(?:0|[1-9][0-9]{0,9})-(?:x|0|[1-9][0-9]{0,9})"
    r"-[0-9a-f]{8}:[1-9][0-9]{0,4}(?:\.[0-9a-f]{8}:[1-9][0-9]{0,4}){0,11}(?:-[A-Za-z0-9_-]{16})?"
)
TRACE = re.compile(r"(?!0{32})[0-9a-f]{32}")
SPAN = re.compile(r"(?!0{16})[0-9a-f]{16}")
FLAGS = re.compile(r"[0-9a-f]{2}")


class Answer:
    """What the proxy says about the sends of one call."""

    __slots__ = ("invocation", "trace", "parent", "flags", "others", "tokens", "reusable")

    def __init__(self, body, sends):
        reply = json.loads(body)
        self.invocation = reply.get("invocation")
        self.trace, self.parent, self.flags = reply["trace"], reply["parent"], reply["flags"]
        self.others = ",".join(other_members(reply.get("others") or ""))
        self.tokens = reply["tokens"]
        self.reusable = reply.get("reusable") is True
        shapes = [(TRACE, self.trace), (SPAN, self.parent), (FLAGS, self.flags)]
        shapes += [(TOKEN, token) for token in self.tokens]
        if not all(shape.fullmatch(text) for shape, text in shapes):
            raise ValueError("the proxy's answer has a field of the wrong shape")
        if len(self.tokens) < 1 or (len(self.tokens) != sends and not self.reusable):
            raise ValueError("the proxy's answer has %d tokens for %d sends" % (len(self.tokens), sends))

    def token(self, nth):
        return self.tokens[0 if self.reusable else nth]


class NoScope(Exception):
    """No invocation is under way that could send, or several are and none was named."""


class Proxy:
    """Asks the proxy for tokens, over connections that are kept."""

    def __init__(self, address):
        self.address = address
        self.idle = []
        self.failures = 0
        self.rests_until = 0.0
        #: The invocation of the last answer, the answer, and those that serve its further calls, by service and target.
        self.latest = (None, None, {})

    def forget(self):
        """Closes the connections; after a fork, since they are the parent's."""
        idle, self.idle = self.idle, []
        for connection in idle:
            connection.socket.close()

    def known(self, invocation):
        """The latest answer, where it is about this invocation."""
        latest, answer, _ = self.latest
        return answer if invocation is not None and invocation == latest else None

    def ask(self, invocation, sends, service=None, target=None):
        """The answer for so many sends to a target; `None` while nobody asks. Raises `NoScope`, or what went wrong."""
        latest, _, kept = self.latest
        if invocation is None or invocation != latest:
            kept = {}
        elif (service, target) in kept:
            return kept[service, target]
        if time.monotonic() < self.rests_until:
            return None
        question = {"invocation": invocation, "sends": sends, "service": service, "target": target}
        body = json.dumps({name: value for name, value in question.items() if value or name == "invocation"}).encode()
        try:
            status, body = self.post("/hopguard/v1/sends", body, time.monotonic() + TIMEOUT_S)
        except Exception:
            self.failed()
            raise
        self.failures = 0
        if status in (404, 409):
            raise NoScope
        if status != 200:
            raise ValueError("the proxy answered with status %d" % status)
        answer = Answer(body, sends)
        if answer.reusable and len(kept) < MAX_KEPT_TARGETS:
            kept[service, target] = answer
        self.latest = (invocation, answer, kept)
        return answer

    def failed(self):
        self.failures += 1
        if self.failures >= MAX_FAILURES:
            self.failures = 0
            self.rests_until = time.monotonic() + REST_S

    def post(self, path, body, deadline):
        """One exchange on a kept connection; on a new one where there is none, or where the proxy has closed it."""
        head = "POST %s HTTP/1.1\r\nhost: %s:%d\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        request = (head % (path, self.address[0], self.address[1], len(body))).encode() + body
        connection = self.kept()
        if connection is not None:
            try:
                return self.exchange(connection, request, deadline)
            except ConnectionError:
                pass
        return self.exchange(Connection(self.address, deadline), request, deadline)

    def kept(self):
        try:
            return self.idle.pop()
        except IndexError:
            return None

    def exchange(self, connection, request, deadline):
        reusable = False
        try:
            status, body, reusable = connection.exchange(request, deadline)
        finally:
            if reusable and len(self.idle) < MAX_IDLE_CONNECTIONS:
                self.idle.append(connection)
            else:
                connection.socket.close()
        return status, body


class Connection:
    """One HTTP/1.1 connection to the proxy: `http.client` costs more than the round trip."""

    def __init__(self, address, deadline):
        self.socket = socket.create_connection(address, remaining(deadline))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def exchange(self, request, deadline):
        """The status and the body of the reply, and whether the connection can be kept."""
        self.socket.settimeout(remaining(deadline))
        self.socket.sendall(request)
        received = self.receive_until(b"\r\n\r\n", b"", deadline)
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        status = int(lines[0].split(b" ")[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip().lower()
        if headers.get(b"transfer-encoding") == b"chunked":
            body = self.chunks(body, deadline)
        else:
            length = int(headers[b"content-length"])
            body = self.receive_bytes(length, body, deadline)[:length]
        return status, body, headers.get(b"connection") != b"close"

    def chunks(self, received, deadline):
        body = b""
        while True:
            received = self.receive_until(b"\r\n", received, deadline)
            size, _, received = received.partition(b"\r\n")
            size = int(size.split(b";")[0], 16)
            received = self.receive_bytes(size + 2, received, deadline)
            if size == 0:
                return body
            body, received = body + received[:size], received[size + 2 :]

    def receive_until(self, end, received, deadline):
        while end not in received:
            received += self.receive(received, deadline)
        return received

    def receive_bytes(self, count, received, deadline):
        while len(received) < count:
            received += self.receive(received, deadline)
        return received

    def receive(self, received, deadline):
        if len(received) > MAX_REPLY_BYTES:
            raise ValueError("the proxy's reply does not end")
        # What has arrived is read even if it is late: other threads may have kept this one waiting, and not the proxy.
        self.socket.settimeout(max(deadline - time.monotonic(), 0))
        try:
            more = self.socket.recv(65536)
        except BlockingIOError:
            raise socket.timeout(LATE) from None
        if not more:
            raise ConnectionResetError("the proxy closed the connection")
        return more


def remaining(deadline):
    """Seconds until the deadline, which has passed at 0."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise socket.timeout(LATE)
    return left


class Reports:
    """Sends reports, which nobody waits for and which may be lost."""

    def __init__(self, address):
        self.address = address
        self.socket = None
        self.faults = set()

    def forget(self):
        """Closes the socket; after a fork, since it is the parent's."""
        opened, self.socket = self.socket, None
        if opened is not None:
            opened.close()

    def send(self, report):
        if self.address is None:
            return
        try:
            datagram = json.dumps(report, separators=(",", ":")).encode()
            if len(datagram) <= MAX_REPORT_BYTES:
                self.opened().sendto(datagram, self.address)
        except Exception:
            pass

    def opened(self):
        if self.socket is None:
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            opened.setblocking(False)
            self.socket = opened
        return self.socket

    def fault(self, where, error):
        """An error of ours that was swallowed; each place is reported once."""
        if where in self.faults:
            return
        self.faults.add(where)
        text = "%s: %s" % (type(error).__name__, error)
        self.send({"fault": {"injector": "python", "where": where, "error": text[:MAX_TEXT_CHARS]}})


# --- What each call can carry ---------------------------------------------------------------------

KIB, MIB = 1024, 1024 * 1024

#: SQS takes 10 attributes; SNS takes more, but throws a message away whose raw delivery to SQS has more than 10.
MAX_ATTRIBUTES = 10
#: The limit until 2025, which older queues, topics and some Regions keep, and today's. What fits into one stays there.
MESSAGE_LIMITS = (256 * KIB, MIB)
#: EventBridge's entries are to be smaller than its limits.
EVENT_LIMITS = (256 * KIB - 1, MIB - 1)
RECORD_LIMITS = (MIB, 10 * MIB)
RECORDS_LIMITS = (5 * MIB, 10 * MIB)
INPUT_LIMITS = (256 * KIB,)
ITEM_LIMITS = (400 * KIB,)
BATCH_WRITE_LIMITS = (16 * MIB,)
TRANSACTION_LIMITS = (4 * MIB,)
#: User metadata, names and values. The header prefix is counted too, to stay on the safe side.
MAX_METADATA = 2048
METADATA_PREFIX = len("x-amz-meta-")
#: The longest client context, in bytes of JSON: 3,583 characters of base64, which come in fours.
MAX_CLIENT_CONTEXT_JSON = 3583 // 4 * 3
MAX_EXPRESSION = 4096
UNLIMITED = sys.maxsize


def bytes_left(size, limits):
    """How many bytes may be added to what has this size, so that it is pushed over none of the limits."""
    return next((limit - size for limit in limits if size <= limit), 0)


class Sizes:
    """The sizes of a call's messages, each with its own limits and all of them under one more."""

    def __init__(self, sizes, limits, total_limits):
        self.sizes = sizes
        self.total = sum(sizes)
        self.limits = limits
        self.total_limits = total_limits

    def left(self, nth):
        return min(bytes_left(self.total, self.total_limits), bytes_left(self.sizes[nth], self.limits))

    def changed(self, nth, size):
        self.total += size - self.sizes[nth]
        self.sizes[nth] = size


class Plan:
    """What one call could carry: a writer a message, in order, `None` where a message can carry nothing; and the
    parameters that the call gets once all have written. Writers change copies alone."""

    def __init__(self):
        self.writers = []
        self.changes = {}


def entries_of(params, name):
    """Copies of the entries of a batch; none where one is of the wrong shape, which botocore will refuse."""
    entries = params.get(name)
    right = isinstance(entries, (list, tuple)) and all(isinstance(entry, dict) for entry in entries)
    return [dict(entry) for entry in entries] if right else []


def single(plan_messages):
    """A planner for a call that is itself its only message."""

    def plan_single(plan, params, tables):
        plan.changes = dict(params)
        plan_messages(plan, [plan.changes])

    return plan_single


def batch(name, plan_messages):
    """A planner for a call whose messages are a list of entries."""

    def plan_batch(plan, params, tables):
        entries = entries_of(params, name)
        plan.changes = {name: entries} if entries else {}
        plan_messages(plan, entries)

    return plan_batch


# SQS and SNS


def sqs_messages(plan, entries):
    attribute_messages(plan, entries, "MessageBody")


def sns_messages(plan, entries):
    attribute_messages(plan, entries, "Message")


def attribute_messages(plan, entries, body_name):
    """Message attributes of each entry, in a limit of bytes that the entries share."""
    found = [message_size(entry, body_name) for entry in entries]
    sizes = Sizes([size or 0 for size in found], MESSAGE_LIMITS, MESSAGE_LIMITS)
    for nth, entry in enumerate(entries):
        # Nothing behind a text message to a phone could loop, and its attributes are AWS's own.
        can_carry = found[nth] is not None and "PhoneNumber" not in entry
        writer = functools.partial(write_attributes, entry, body_name, sizes, nth)
        plan.writers.append(writer if can_carry else None)


def message_size(entry, body_name):
    """Bytes of body and attributes; `None` where a value is a stream, or of a shape that botocore will refuse."""
    try:
        attributes = entry.get("MessageAttributes", {})
        sizes = (size_of(name) + attribute_size(value) for name, value in attributes.items())
        return size_of(entry.get(body_name, "")) + sum(sizes)
    except (AttributeError, TypeError, ValueError):
        return None


def attribute_size(attribute):
    return sum(size_of(attribute.get(name, "")) for name in ("DataType", "StringValue", "BinaryValue"))


def write_attributes(entry, body_name, sizes, nth, outbound):
    attributes = dict(entry.get("MessageAttributes", {}))
    room = Room(max(MAX_ATTRIBUTES - len(attributes), 0), sizes.left(nth), len("String"))
    outcome = inject(Attributes(attributes), room, outbound)
    if attributes or "MessageAttributes" in entry:
        entry["MessageAttributes"] = attributes
    sizes.changed(nth, message_size(entry, body_name))
    return outcome


# S3


def s3_object(plan, entries):
    metadata = entries[0].get("Metadata", {})
    can_carry = isinstance(metadata, dict)
    plan.writers.append(functools.partial(write_metadata, entries[0], metadata) if can_carry else None)


def s3_copy(plan, entries):
    if entries[0].get("MetadataDirective") == "REPLACE":
        s3_object(plan, entries)
    else:
        # The copy takes the source's metadata along, with the token of whoever wrote the source.
        plan.writers.append(None)


def write_metadata(entry, metadata, outbound):
    metadata = dict(metadata)
    size = sum(METADATA_PREFIX + size_of(name) + size_of(text) for name, text in metadata.items())
    room = Room(UNLIMITED, max(MAX_METADATA - size, 0), METADATA_PREFIX)
    outcome = inject(Metadata(metadata), room, outbound)
    if metadata or "Metadata" in entry:
        entry["Metadata"] = metadata
    return outcome


# Fields in JSON objects: Lambda's payload, EventBridge's detail, Step Functions' input, Kinesis's data


def bytes_of(value):
    """The bytes of a text or a blob; `None` where it is neither (a stream, for example) or no UTF-8."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    try:
        return value.encode("utf-8") if isinstance(value, str) else None
    except UnicodeEncodeError:
        return None


def field_messages(plan, entries, name, size, limits, total_limits):
    """The field in the JSON object that stands in each entry under a name. An absent one is no empty object."""
    sizes = Sizes([size(entry) for entry in entries], limits, total_limits)
    for nth, entry in enumerate(entries):
        text = bytes_of(entry.get(name))
        can_carry = text is not None and object_start(text) is not None
        writer = functools.partial(write_entry_field, entry, name, text, sizes, nth)
        plan.writers.append(writer if can_carry else None)


def write_entry_field(entry, name, text, sizes, nth, outbound):
    written, outcome = write_field(text, sizes.left(nth), outbound)
    if written is not text:
        entry[name] = written.decode("utf-8") if isinstance(entry[name], str) else written
        sizes.changed(nth, sizes.sizes[nth] + len(written) - len(text))
    return outcome


def sizes_of(*names):
    """A function that adds up the sizes of an entry's texts and blobs; what is neither counts as nothing."""

    def size(entry):
        return sum(len(bytes_of(entry.get(name)) or b"") for name in names)

    return size


def lambda_invoke(plan, entries):
    kind = entries[0].get("InvocationType", "RequestResponse")
    if kind == "DryRun":
        # It invokes nothing.
        return
    if kind != "Event":
        plan.writers.append(functools.partial(write_client_context, entries[0]))
    elif "DurableExecutionName" in entries[0]:
        # The same name with another payload is an error: the call could not be repeated any more.
        plan.writers.append(None)
    else:
        # Lambda drops the client context of asynchronous invocations.
        field_messages(plan, entries, "Payload", sizes_of("Payload"), MESSAGE_LIMITS, MESSAGE_LIMITS)


def event_size(entry):
    """As EventBridge counts it."""
    resources = entry.get("Resources") or ()
    size = sizes_of("Source", "DetailType", "Detail")(entry) + (14 if "Time" in entry else 0)
    return size + sum(len(bytes_of(resource) or b"") for resource in resources)


def events(plan, entries):
    field_messages(plan, entries, "Detail", event_size, EVENT_LIMITS, EVENT_LIMITS)


def start_execution(plan, entries):
    if "name" in entries[0]:
        # The same name with another input is an error: the call could not be repeated any more.
        plan.writers.append(None)
    else:
        start_sync_execution(plan, entries)


def start_sync_execution(plan, entries):
    # Step Functions makes an empty object of an absent input.
    entries[0].setdefault("input", "{}")
    field_messages(plan, entries, "input", sizes_of("input"), INPUT_LIMITS, INPUT_LIMITS)


def kinesis_records(plan, entries):
    size = sizes_of("Data", "PartitionKey")
    field_messages(plan, entries, "Data", size, RECORD_LIMITS, RECORDS_LIMITS)
    # Several objects, one after the other, are usual here, and are no JSON object.
    plan.writers = [
        writer if writer and is_object(entry["Data"]) else None for writer, entry in zip(plan.writers, entries)
    ]


def is_object(text):
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


# Lambda's client context


def write_client_context(params, outbound):
    """Writes `traceparent` and `tracestate` into the `custom` object of a client context."""
    try:
        fields, custom, texts = read_client_context(params.get("ClientContext"))
    except (TypeError, ValueError, RecursionError):
        return UNSUPPORTED
    before = dict(texts)
    fields["custom"] = object_text(custom)
    left = max(MAX_CLIENT_CONTEXT_JSON - size_of(object_text(fields)), 0)
    outcome = inject(Texts(texts), Room(UNLIMITED, left, len('"":"",')), outbound)
    if texts == before:
        return outcome
    for name in (TRACEPARENT, TRACESTATE, HOPGUARD):
        custom.pop(name, None)
        if name in texts:
            custom[name] = json.dumps(texts[name], ensure_ascii=False)
    fields["custom"] = object_text(custom)
    written = object_text(fields).encode("utf-8")
    # Only escapes in the sender's own `tracestate` can make it longer than there was room for.
    if len(written) > MAX_CLIENT_CONTEXT_JSON and outcome != NO_ROOM:
        return NO_ROOM
    params["ClientContext"] = base64.b64encode(written).decode("ascii")
    return outcome


def read_client_context(context):
    """The members of a client context and of its `custom`, as they are written, and what stands under our names.

    Raises where it is no base64 of a JSON object, or `custom` in it is none, or what stands under our names is no text.
    """
    text = base64.b64decode(context, validate=True) if context else b"{}"
    fields = object_members(text)
    custom = object_members(fields.get("custom", "{}").encode("utf-8"))
    texts = {name: json.loads(custom[name]) for name in (TRACEPARENT, TRACESTATE, HOPGUARD) if name in custom}
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("a name of ours holds no text")
    return fields, custom, texts


def object_members(text):
    """The members of a JSON object: the values as they are written, so that numbers stay what they are."""
    if not isinstance(json.loads(text.decode("utf-8")), dict):
        raise ValueError("no JSON object")
    cursor = Cursor(text)
    return {key_text(key): text[value:stop].decode("utf-8") for _, key, value, stop in cursor.members()}


def object_text(fields):
    """The JSON object with these members. In the client context it is counted in bytes, and so not escaped."""
    written = ("%s:%s" % (json.dumps(name, ensure_ascii=False), value) for name, value in fields.items())
    return "{%s}" % ",".join(written)


# DynamoDB, for the tables that were chosen


def table_of(name):
    """The name of a table, which may be given as an ARN."""
    return name.split("table/", 1)[1].split("/")[0] if name.startswith("arn:") and "table/" in name else name


def value_size(value):
    """The most that a value of DynamoDB counts in its item."""
    ((kind, content),) = value.items()
    if kind in ("S", "B"):
        return size_of(content)
    if kind == "M":
        return 3 + sum(1 + size_of(name) + value_size(inner) for name, inner in content.items())
    if kind == "L":
        return 3 + sum(1 + value_size(inner) for inner in content)
    if kind in ("SS", "BS"):
        return sum(size_of(inner) for inner in content)
    return 21 * len(content) if kind == "NS" else 21


def item_size(item):
    try:
        return sum(size_of(name) + value_size(value) for name, value in item.items())
    except (AttributeError, TypeError, ValueError, RecursionError):
        return None


class Items:
    """The items of one call that go to chosen tables: each put or update is a copy that its writer changes."""

    def __init__(self, plan, tables, total_limits):
        self.plan = plan
        self.tables = tables
        self.sizes = Sizes([], ITEM_LIMITS, total_limits)

    def put(self, table, request):
        """A request with an `Item`."""
        if table_of(table) in self.tables:
            self.add(request, item_size(request.get("Item")), write_item)

    def update(self, request):
        """A request with an `UpdateExpression` or `AttributeUpdates`."""
        if table_of(request.get("TableName", "")) in self.tables:
            self.add(request, 0, write_update)

    def add(self, request, size, write):
        nth = len(self.sizes.sizes)
        self.sizes.sizes.append(size or 0)
        self.sizes.total += size or 0
        writer = functools.partial(write, request, self.sizes, nth)
        self.plan.writers.append(None if size is None else writer)


def attribute_text(outbound):
    """The token and the call's own span: an attribute that a later update leaves in its item is so known for an old one."""
    return "%s %s" % (outbound.token, outbound.parent)


def write_item(request, sizes, nth, outbound):
    item = dict(request["Item"])
    text = attribute_text(outbound)
    stale = item.pop(HOPGUARD, None)
    freed = 0 if stale is None else len(HOPGUARD) + value_size(stale)
    added = len(HOPGUARD) + len(text)
    fits = added <= sizes.left(nth) + freed
    if fits:
        item[HOPGUARD] = {"S": text}
    request["Item"] = item
    sizes.changed(nth, sizes.sizes[nth] - freed + (added if fits else 0))
    if not fits:
        return NO_ROOM
    return WRITTEN if stale is None else REPLACED


SET_CLAUSE = re.compile(r"(?<![\w#:.])SET(?![\w.])", re.IGNORECASE)
OWN_NAME = re.compile(r"(?<![\w#:])hopguard(?!\w)")
LEGACY_PARAMETERS = ("AttributeUpdates", "Expected", "ConditionalOperator")


def write_update(request, sizes, nth, outbound):
    """Sets the attribute beside whatever the update does. How large the item will be, nobody knows."""
    value = {"S": attribute_text(outbound)}
    if any(name in request for name in LEGACY_PARAMETERS):
        updates = dict(request.get("AttributeUpdates") or {})
        outcome = REPLACED if HOPGUARD in updates else WRITTEN
        updates[HOPGUARD] = {"Action": "PUT", "Value": value}
        request["AttributeUpdates"] = updates
        return outcome
    expression = request.get("UpdateExpression", "")
    names = dict(request.get("ExpressionAttributeNames") or {})
    values = dict(request.get("ExpressionAttributeValues") or {})
    is_taken = "#hopguard" in names or ":hopguard" in values or HOPGUARD in names.values()
    if is_taken or OWN_NAME.search(expression):
        # A path that is written twice is an error.
        return UNSUPPORTED
    assignment = "SET #hopguard = :hopguard"
    if SET_CLAUSE.search(expression):
        expression = SET_CLAUSE.sub(assignment + ",", expression, count=1)
    else:
        expression = (expression + " " + assignment).lstrip()
    if len(expression) > MAX_EXPRESSION:
        return NO_ROOM
    names["#hopguard"], values[":hopguard"] = HOPGUARD, value
    request["UpdateExpression"] = expression
    request["ExpressionAttributeNames"], request["ExpressionAttributeValues"] = names, values
    return WRITTEN


def put_item(plan, params, tables):
    plan.changes = dict(params)
    Items(plan, tables, ITEM_LIMITS).put(params.get("TableName", ""), plan.changes)


def update_item(plan, params, tables):
    plan.changes = dict(params)
    Items(plan, tables, ITEM_LIMITS).update(plan.changes)


def batch_write_item(plan, params, tables):
    items = Items(plan, tables, BATCH_WRITE_LIMITS)
    requests_by_table = {}
    for table, requests in params.get("RequestItems", {}).items():
        requests_by_table[table] = copies = [copied(request, "PutRequest") for request in requests]
        for request in copies:
            if "PutRequest" in request:
                items.put(table, request["PutRequest"])
    plan.changes = {"RequestItems": requests_by_table}


def transact_write_items(plan, params, tables):
    items = Items(plan, tables, TRANSACTION_LIMITS)
    copies = [copied(copied(action, "Put"), "Update") for action in params.get("TransactItems", ())]
    for action in copies:
        if "Put" in action:
            items.put(action["Put"].get("TableName", ""), action["Put"])
        elif "Update" in action:
            items.update(action["Update"])
    plan.changes = {"TransactItems": copies}


def copied(request, name):
    """A copy of a request, and of what stands in it under a name."""
    request = dict(request)
    if name in request:
        request[name] = dict(request[name])
    return request


PLANNERS = {
    ("SQS", "SendMessage"): single(sqs_messages),
    ("SQS", "SendMessageBatch"): batch("Entries", sqs_messages),
    ("SNS", "Publish"): single(sns_messages),
    ("SNS", "PublishBatch"): batch("PublishBatchRequestEntries", sns_messages),
    ("S3", "PutObject"): single(s3_object),
    ("S3", "CopyObject"): single(s3_copy),
    ("S3", "CreateMultipartUpload"): single(s3_object),
    ("Lambda", "Invoke"): single(lambda_invoke),
    ("Lambda", "InvokeWithResponseStream"): single(lambda_invoke),
    ("EventBridge", "PutEvents"): batch("Entries", events),
    ("SFN", "StartExecution"): single(start_execution),
    ("SFN", "StartSyncExecution"): single(start_sync_execution),
    ("Kinesis", "PutRecord"): single(kinesis_records),
    ("Kinesis", "PutRecords"): batch("Records", kinesis_records),
    ("DynamoDB", "PutItem"): put_item,
    ("DynamoDB", "UpdateItem"): update_item,
    ("DynamoDB", "BatchWriteItem"): batch_write_item,
    ("DynamoDB", "TransactWriteItems"): transact_write_items,
}


# --- Which call needs another one's answer --------------------------------------------------------

#: The rules are those of core/src/dependence.rs, on what boto3 has parsed.
MAX_BODY_BYTES = 16 * 1024
MAX_TEXTS = 64
MAX_REMEMBERED = 1024
MAX_AFTER = 8
MAX_DEPTH = 12
MAX_VALUES = 1024
SHORTEST_TEXT, LONGEST_TEXT = 6, 128
#: Invocations whose outputs are remembered; a process of Lambda's runtime has one at a time.
MAX_INVOCATIONS = 8


class Shown:
    """The texts that parameters or an answer show, by their hashes: what they say is not kept."""

    __slots__ = ("hashes", "values")

    def __init__(self, value=None):
        self.hashes = set()
        self.values = MAX_VALUES
        self.walk(value, MAX_DEPTH)

    def walk(self, value, depth):
        self.values -= 1
        if self.values < 0 or depth < 0 or len(self.hashes) >= MAX_TEXTS:
            return
        if isinstance(value, str):
            self.text(value, depth)
        elif isinstance(value, dict):
            for name, member in value.items():
                if name != "ResponseMetadata":
                    self.walk(member, depth - 1)
        elif isinstance(value, (list, tuple)):
            for element in value:
                self.walk(element, depth - 1)
        elif isinstance(value, (bytes, bytearray)) and value[:1] in (b"{", b"["):
            self.json(bytes(value[:MAX_BODY_BYTES]), depth)

    def text(self, text, depth):
        if text[:1] in ("{", "["):
            self.json(text[:MAX_BODY_BYTES], depth)
        elif SHORTEST_TEXT <= len(text) <= LONGEST_TEXT and not (text.isascii() and text.isalpha()):
            self.hashes.add(hash(text))

    def json(self, text, depth):
        """Takes JSON inside of a text; one that is cut off shows nothing."""
        try:
            self.walk(json.loads(text), depth - 1)
        except (ValueError, RecursionError):
            pass


class Outputs:
    """What the calls of an invocation brought that had not been in their own parameters, each with the call's span."""

    def __init__(self):
        self.known = {}

    def of(self, invocation):
        known = self.known.get(invocation)
        if known is None:
            while len(self.known) >= MAX_INVOCATIONS:
                self.known.pop(next(iter(self.known)), None)
            known = self.known[invocation] = {}
        return known

    def shown_in(self, invocation, shown):
        """The spans of the calls whose output is shown."""
        known = self.known.get(invocation)
        if not known:
            return []
        spans = {known[text]: None for text in shown.hashes if text in known}
        return list(spans)[:MAX_AFTER]

    def remember(self, call, output):
        known = self.of(call.invocation)
        for text in output.hashes - call.shown.hashes:
            if len(known) >= MAX_REMEMBERED:
                return
            known.setdefault(text, call.span)

    def watch(self, call, parsed):
        """Sees what the caller reads of a streamed answer, such as the payload of an Invoke: the stream stays what it is."""
        for body in parsed.values():
            if type(body).__module__ != "botocore.response" or not hasattr(body, "read"):
                continue
            body.read = self.watching(call, body.read)

    def watching(self, call, read):
        @functools.wraps(read)
        def read_and_see(*args, **kwargs):
            chunk = read(*args, **kwargs)
            try:
                if 0 < len(chunk) <= MAX_BODY_BYTES:
                    self.remember(call, Shown(chunk))
            except Exception:
                pass
            return chunk

        return read_and_see


# --- Calls ----------------------------------------------------------------------------------------

#: Where the target of a call is named, by service: parameters that hold a name, an ARN or a queue's URL.
TARGETS = {
    "SQS": ("QueueUrl", "QueueName"),
    "SNS": ("TopicArn", "TargetArn", "Name"),
    "S3": ("Bucket",),
    "Lambda": ("FunctionName",),
    "EventBridge": ("EventBusName",),
    "SFN": ("stateMachineArn", "executionArn", "name"),
    "Kinesis": ("StreamName", "StreamARN"),
    "DynamoDB": ("TableName",),
}


def target_of(service, operation, params):
    """The name of the queue, topic, bucket and so on that a call is about; `None` where there is not exactly one."""
    for name in TARGETS.get(service, ()):
        if isinstance(params.get(name), str):
            return short_name(service, params[name])[:MAX_TARGET_CHARS]
    if operation == "PutEvents":
        names = {entry.get("EventBusName", "default") for entry in params.get("Entries", ())}
    elif operation == "BatchWriteItem":
        names = set(params.get("RequestItems", ()))
    else:
        return None
    return short_name(service, names.pop())[:MAX_TARGET_CHARS] if len(names) == 1 else None


def short_name(service, name):
    """The name at the end of an ARN or a URL, without a version or alias."""
    if service == "DynamoDB":
        return table_of(name)
    if service == "SQS":
        return name.rsplit("/", 1)[-1]
    fields = name.split(":")
    if service == "Lambda" and len(fields) in (2, 3):
        # `name:alias` and `account:function:name`.
        return fields[-1] if len(fields) == 3 else fields[0]
    if fields[0] != "arn":
        return name
    # arn:partition:service:region:account:type:name, or arn:partition:service:region:account:type/name
    return fields[6] if len(fields) > 6 else fields[-1].rsplit("/", 1)[-1]


class Call:
    """One call of a client, from its parameters to its answer. It travels in botocore's context of the request."""

    __slots__ = (
        "service",
        "operation",
        "invocation",
        "trace",
        "parent",
        "span",
        "target",
        "start_ns",
        "attempts",
        "tries",
        "kind",
        "shown",
        "after",
        "outcomes",
    )

    def __init__(self, service, operation, invocation):
        self.service = service
        self.operation = operation
        self.invocation = invocation
        self.trace = self.parent = self.target = None
        self.span = new_span()
        self.start_ns = 0
        self.attempts = 1
        self.tries = []
        self.kind = None
        self.shown = Shown()
        self.after = []
        self.outcomes = {}

    @property
    def place(self):
        return "%s.%s" % (self.service, self.operation)

    def count(self, outcome, times=1):
        if times:
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + times

    def belongs_to(self, answer):
        """Takes over where the call stands in its trace."""
        self.trace, self.parent = answer.trace, answer.parent
        self.invocation = self.invocation or answer.invocation

    def report(self, status, error):
        call = {
            "invocation": self.invocation,
            "trace": self.trace,
            "parent": self.parent,
            "span": self.span,
            "service": self.service,
            "operation": self.operation,
            "start_ns": str(self.start_ns),
            "end_ns": str(time.time_ns()),
            "attempts": self.attempts,
            "status": status,
            "error": None if error is None else str(error)[:MAX_TEXT_CHARS],
            "target": self.target,
            "type": self.kind,
            "after": self.after or None,
            "tries": self.tries or None,
        }
        known = {name: value for name, value in call.items() if value is not None or name == "invocation"}
        return dict({"call": known}, **self.counted())

    def try_begins(self):
        if len(self.tries) < MAX_TRIES:
            self.tries.append({"start_ns": str(time.time_ns())})

    def try_ends(self, status, error):
        if self.tries and "end_ns" not in self.tries[-1]:
            ended = {"end_ns": str(time.time_ns()), "status": status, "error": error and str(error)[:MAX_ERROR_CHARS]}
            self.tries[-1].update({name: value for name, value in ended.items() if value is not None})

    def settle(self):
        """An attempt whose end nobody told of is none."""
        self.tries = [one for one in self.tries if "end_ns" in one]

    def counted(self):
        return {"outcomes": self.outcomes} if self.outcomes else {}


def new_span():
    """A span id, never zero."""
    span = os.urandom(8)
    return span.hex() if any(span) else new_span()


#: Where a call is kept in botocore's context, and where it is noted that the caller named a request token.
CALL = "hopguard.call"
REPEATABLE = "hopguard.repeatable"


class Injector:
    """What the handlers of all clients share."""

    def __init__(self, hook, environ):
        self.hook = hook
        self.proxy = Proxy(address_of(environ["HOPGUARD_PROXY"]))
        self.reports = Reports(address_of(environ["HOPGUARD_REPORTS"]) if environ.get("HOPGUARD_REPORTS") else None)
        names = environ.get("HOPGUARD_DYNAMODB_TABLES", "").split(",")
        self.tables = frozenset(table_of(name.strip()) for name in names if name.strip())
        self.outputs = Outputs()

    def forget(self):
        self.proxy.forget()
        self.reports.forget()

    def attend(self, client):
        """Registers for the events of a client, behind the handlers of everybody else."""
        events = client.meta.events
        if client.meta.service_model.service_id == "DynamoDB":
            events.register("provide-client-params.dynamodb.TransactWriteItems", self.guarded(self.note_request_token))
        events.register_last("before-parameter-build", self.guarded(self.before_call))
        events.register_last("request-created", self.guarded(self.attempt_begins))
        events.register_first("response-received", self.guarded(self.attempt_ends))
        events.register("needs-retry", self.guarded(self.between_attempts))
        events.register_last("after-call", self.guarded(self.after_call))
        events.register_last("after-call-error", self.guarded(self.after_error))

    def guarded(self, handle):
        """A handler whose errors are reported, and go no further."""

        @functools.wraps(handle)
        def guarded_handle(**kwargs):
            try:
                handle(**kwargs)
            except Exception as error:
                self.reports.fault(kwargs.get("event_name", handle.__name__), error)

        return guarded_handle

    def note_request_token(self, params, context, **_):
        # Later botocore makes up a token where the caller named none.
        if "ClientRequestToken" in params:
            context[REPEATABLE] = True

    def before_call(self, params, model, context, **_):
        call = Call(model.service_model.service_id, model.name, self.hook.invocation)
        planner = PLANNERS.get((call.service, call.operation))
        if context.get("is_presign_request"):
            # Whoever sends a presigned request would have to send our headers too, or its signature fails.
            if planner is not None:
                self.reports.send({"outcomes": {UNSUPPORTED: 1}})
            return
        context[CALL] = call
        try:
            call.target = target_of(call.service, call.operation, params)
        except Exception as error:
            self.reports.fault(call.place, error)
        try:
            if planner is not None:
                self.write_lineage(planner, params, context, call)
            if call.service == "Lambda" and isinstance(params.get("InvocationType"), str):
                call.kind = params["InvocationType"][:MAX_ERROR_CHARS]
            if self.reports.address is not None:
                call.shown = Shown(params)
                call.after = self.outputs.shown_in(call.invocation, call.shown)
            known = None if call.trace else self.proxy.known(call.invocation)
            if known is not None:
                call.belongs_to(known)
        except Exception as error:
            self.reports.fault(call.place, error)
        call.start_ns = time.time_ns()

    def write_lineage(self, planner, params, context, call):
        plan = Plan()
        planner(plan, params, self.tables)
        if context.get(REPEATABLE):
            # The same request token with other items is an error: the call could not be repeated any more.
            plan.writers = [None for _ in plan.writers]
        carrying = sum(writer is not None for writer in plan.writers)
        call.count(UNSUPPORTED, len(plan.writers) - carrying)
        answer = self.ask(call, len(plan.writers), carrying) if carrying else None
        if answer is None:
            return
        call.belongs_to(answer)
        parent = "00-%s-%s-%s" % (answer.trace, call.span, answer.flags)
        outcomes = [
            writer(Outbound(answer.token(nth), parent, answer.others))
            for nth, writer in enumerate(plan.writers)
            if writer is not None
        ]
        # All have written. The dictionary is the call's own; what it holds is the caller's, and was copied.
        params.update(plan.changes)
        for outcome in outcomes:
            call.count(outcome)

    def ask(self, call, sends, carrying):
        try:
            return self.proxy.ask(call.invocation, sends, call.service, call.target)
        except NoScope:
            call.count(NO_SCOPE, carrying)
        except Exception as error:
            self.reports.fault("proxy", error)
        return None

    def attempt_begins(self, request, **_):
        call = getattr(request, "context", {}).get(CALL)
        if call is not None:
            call.try_begins()

    def attempt_ends(self, response_dict, parsed_response, context, exception, **_):
        call = context.get(CALL)
        if call is None:
            return
        status = response_dict.get("status_code") if response_dict else None
        error = type(exception).__name__ if exception is not None else None
        if status is not None and status >= 300:
            error = (parsed_response or {}).get("Error", {}).get("Code", "Unknown")
        call.try_ends(status, error)

    def between_attempts(self, attempts, request_dict, **_):
        call = request_dict["context"].get(CALL)
        if call is not None:
            call.attempts = attempts

    def after_call(self, http_response, parsed, context, **_):
        call = context.pop(CALL, None)
        if call is None:
            return
        retries = parsed.get("ResponseMetadata", {}).get("RetryAttempts")
        call.attempts = call.attempts if retries is None else retries + 1
        error = None
        if http_response.status_code >= 300:
            error = context.get("error_code_override") or parsed.get("Error", {}).get("Code", "Unknown")
        call.settle()
        self.reports.send(call.report(http_response.status_code, error))
        if self.reports.address is not None and error is None:
            self.outputs.remember(call, Shown(parsed))
            self.outputs.watch(call, parsed)

    def after_error(self, exception, context, **_):
        call = context.pop(CALL, None)
        if call is not None:
            call.try_ends(None, type(exception).__name__)
            call.settle()
            self.reports.send(call.report(None, type(exception).__name__))


def address_of(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


def watch(client_class, hook, environ):
    """Attends to every client that is made from now on; aiobotocore's class is made from botocore's. Called once."""
    injector = Injector(hook, environ)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=injector.forget)
    make = client_class.__init__

    @functools.wraps(make)
    def make_and_attend(self, *args, **kwargs):
        make(self, *args, **kwargs)
        try:
            injector.attend(self)
        except Exception as error:
            injector.reports.fault("attend", error)

    client_class.__init__ = make_and_attend
    return injector
