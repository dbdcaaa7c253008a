//! Reading an event allocates its list of records, and what a lineage itself is made of; nothing else per record.

use base64::Engine as _;
use hopguard_core::event::{Event, Reader};
use hopguard_core::{FunctionId, Policy, Verdict};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TOKEN: &str = "01-0af7651916cd43dd8448eb211c80319c-3-256-68fd508a:2.a87bd80c:1";

fn attribute(name: &str, text: &str) -> String {
    format!(
        r#""{name}":{{"stringValue":"{text}","stringListValues":[],"binaryListValues":[],"dataType":"String"}}"#
    )
}

/// A batch as Lambda writes it, with a body that is escaped JSON.
fn sqs(records: usize, attributes: &str) -> Vec<u8> {
    let record = |nth| {
        format!(
            r#"{{"messageId":"059f36b4-87a3-44ab-83d2-66197583{nth:04x}","receiptHandle":"AQEBzWwaftRI0KuVm4tP","body":"{{\"order\":{{\"id\":1}}}}","attributes":{{"ApproximateReceiveCount":"1","AWSTraceHeader":"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:bd4cecd5:0","SentTimestamp":"1795474347592","MessageGroupId":"a"}},"messageAttributes":{{{attributes}}},"md5OfBody":"098f6bcd4621d373cade4e832627b4f6","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-central-1:123456789012:orders","awsRegion":"eu-central-1"}}"#
        )
    };
    let records: Vec<_> = (0..records).map(record).collect();
    format!(r#"{{"Records":[{}]}}"#, records.join(",")).into_bytes()
}

/// How often memory is taken while the event is read and each of its records is judged.
fn allocations(event: &[u8], lineages: usize) -> u64 {
    let (reader, policy, function) = (Reader::default(), Policy::default(), FunctionId::from_bits(1));
    let judge = |event: &Event<'_>| {
        let lineages = event.records().iter().filter_map(|record| record.inbound.lineage);
        let arrived = lineages.map(|lineage| lineage.arrive(function, policy.branch_credit));
        arrived.filter(|lineage| policy.judge(lineage, function) == Verdict::Allow).count()
    };
    let mut judged = 0;
    let counted = allocation_counter::measure(|| judged = judge(&reader.read(event)));
    assert_eq!(judged, lineages);
    assert_eq!(counted.count_current, 0, "nothing is kept");
    counted.count_total
}

#[test]
fn a_record_takes_no_memory_of_its_own() {
    let state = format!("hopguard={TOKEN}");
    let w3c = format!("{},{}", attribute("traceparent", PARENT), attribute("tracestate", &state));
    let packed = attribute("hopguard", TOKEN);
    for (name, attributes) in [("W3C", &w3c), ("packed", &packed)] {
        assert_eq!(allocations(&sqs(1, attributes), 1), 1, "{name}: the list");
        assert_eq!(allocations(&sqs(10, attributes), 10), 1, "{name}: the list");
        // The list of a batch beyond ten records grows, each time to twice its size.
        assert_eq!(allocations(&sqs(100, attributes), 100), 1 + 4, "{name}: the list");
    }
    assert_eq!(allocations(&sqs(10, ""), 0), 1, "only AWS's own header: the list");
    assert_eq!(allocations(br#"{"Records":[{"messageId":"1","body":"a"}]}"#, 0), 0, "nothing in it matters");
}

#[test]
fn records_of_a_stream_are_decoded_into_one_buffer() {
    let data = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let stream = |records: usize, data: &str| {
        let record = format!(
            r#"{{"kinesis":{{"sequenceNumber":"4956","data":"{data}"}},"eventSource":"aws:kinesis","eventSourceARN":"arn:s"}}"#
        );
        format!(r#"{{"Records":[{}]}}"#, vec![record; records].join(",")).into_bytes()
    };
    let carrying = data(&format!(
        r#"{{"order":1,"hopguard":{{"traceparent":"{PARENT}","tracestate":"hopguard={TOKEN}"}}}}"#
    ));
    assert_eq!(allocations(&stream(10, &carrying), 10), 2, "the list and the buffer");
    assert_eq!(allocations(&stream(10, &data(r#"{"order":1,"text":"hop guard"}"#)), 0), 0);
}

#[test]
fn the_members_of_others_are_one_text_a_record() {
    let state = format!("rojo=00f067aa0ba902b7,hopguard={TOKEN},congo=t61rcWkgMzE");
    let w3c = format!("{},{}", attribute("traceparent", PARENT), attribute("tracestate", &state));
    assert_eq!(allocations(&sqs(10, &w3c), 10), 1 + 10);
}
