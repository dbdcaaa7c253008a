use proptest::prelude::*;

use super::*;

const BUCKETS: [&str; 15] = [
    "orders",
    "in",
    "a1-",
    "-a1",
    "a.b.c",
    "a..b",
    "192.168.1.1",
    "with_underscore",
    "Capitals",
    "xn--orders",
    "orders-123456789012-s3alias",
    "0123456789",
    "sixty-three-0123456789012345678901234567890123456789012345678-z",
    "sixty-four-01234567890123456789012345678901234567890123456789--z",
    "odd name%/?",
];

#[tokio::test]
async fn wherever_the_bucket_is() {
    let regions = [
        "us-east-1",
        "eu-central-1",
        "il-central-1",
        "us-gov-west-1",
        "cn-north-1",
        "eusc-de-east-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "eu-isoe-west-1",
        "us-isof-south-1",
        "zz-future-7",
    ];
    let variants = [(false, false), (true, false), (false, true), (true, true)];
    let (mut sent, mut refused) = (0, 0);
    for region in regions {
        for (fips, dual_stack) in variants {
            let place = Place { region, fips, dual_stack, ..Place::default() };
            let pair = Pair::at(place);
            for bucket in BUCKETS {
                let [by_sdk, by_own] = pair.send(&object(bucket, "key", None)).await;
                *if by_sdk.is_some() { &mut sent } else { &mut refused } += 1;
                assert_eq!(by_own, by_sdk, "{place:?} {bucket}");
            }
        }
    }
    assert_eq!((sent, refused), ((11 * 4 - 2) * BUCKETS.len(), 2 * BUCKETS.len()), "FIPS in China");
}

#[tokio::test]
async fn at_an_endpoint_of_the_users() {
    const ONE: &str = "http://127.0.0.1:9";
    const TWO: &str = "https://bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com/";
    const THREE: &str = "http://127.0.0.1:9/store/";
    let endpoints = [
        (Some(ONE), None),
        (None, Some(ONE)),
        (Some(TWO), None),
        (Some(THREE), None),
        (Some(ONE), Some(TWO)),
    ];
    for (endpoint, endpoint_for_s3) in endpoints {
        for (fips, dual_stack) in [(false, false), (true, false), (false, true)] {
            let place =
                Place { region: "us-east-1", endpoint, endpoint_for_s3, fips, dual_stack, token: true };
            let pair = Pair::at(place);
            for bucket in BUCKETS {
                let [by_sdk, by_own] = pair.send(&object(bucket, "a/b", Some("v1"))).await;
                assert_eq!(by_sdk.is_some(), !fips && !dual_stack, "{place:?}");
                assert_eq!(by_own, by_sdk, "{place:?} {bucket}");
            }
        }
    }
}

#[tokio::test]
async fn whatever_the_key_and_the_version_are() {
    let keys = [
        "key",
        "a b/ü.txt",
        "/leading//and/trailing/",
        "./a/../b/.",
        "a+b=c&d?e#f%20%zz",
        "~-._!$'()*,;:@[]",
        "\"<>\\^`{|}",
        "\u{1}\t\n\u{7f}",
        "🐱/𝔸",
        "-",
    ];
    let versions = [None, Some("v1"), Some("null"), Some("3/L4kqtJ+lc=&x"), Some("")];
    for (token, bucket) in [(false, "orders"), (true, "orders"), (true, "a.b.c")] {
        let pair = Pair::at(Place { region: "eu-west-1", token, ..Place::default() });
        for key in keys {
            for version in versions {
                let [by_sdk, by_own] = pair.send(&object(bucket, key, version)).await;
                assert!(by_sdk.is_some());
                assert_eq!(by_own, by_sdk, "{bucket} {key:?} {version:?}");
            }
        }
    }
}

/// S3 has objects with such keys.
#[tokio::test]
async fn the_sdk_takes_white_space_for_nothing() {
    let pair = Pair::at(Place { region: "eu-west-1", ..Place::default() });
    for (key, encoded) in [(" ", "%20"), ("\u{b}", "%0B"), ("\u{85}\t", "%C2%85%09")] {
        let [by_sdk, by_own] = pair.send(&object("orders", key, None)).await;
        assert_eq!(by_sdk, None);
        assert!(format!("{by_own:?}").contains(&format!("amazonaws.com/{encoded}\"")), "{by_own:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn for_any_name(bucket in "[a-z0-9.-]{1,66}|\\PC{1,20}", key in "[ -~]{1,40}|.{1,40}", version in proptest::option::of(".{0,20}")) {
        // See `the_sdk_takes_white_space_for_nothing`.
        prop_assume!(!bucket.trim().is_empty() && !key.trim().is_empty());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        for endpoint in [None, Some("http://127.0.0.1:9")] {
            let pair = Pair::at(Place { region: "us-east-2", endpoint, token: true, ..Place::default() });
            let [by_sdk, by_own] = runtime.block_on(pair.send(&object(&bucket, &key, version.as_deref())));
            prop_assert_eq!(by_own, by_sdk);
        }
    }
}
