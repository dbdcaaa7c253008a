//! What a small shop's functions did in some minutes: every kind of finding, a loop that was cut, and ordinary work.

use serde_json::json;

use super::{Run, Spans};

/// Numbers that look random and are always the same.
struct Dice(u64);

impl Dice {
    /// From 0 up to 1.
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1_u64 << 24) as f64
    }

    fn around(&mut self, mean: f64) -> f64 {
        mean * (0.7 + 0.6 * self.roll())
    }
}

/// The whole sample.
pub fn shop() -> Spans {
    let mut spans = Spans::default();
    let mut dice = Dice(7);
    for number in 0..24 {
        order(&mut spans, &mut dice, trace(1, number), f64::from(number) * 2_300.0 + 140.0, number == 17);
    }
    for number in 0..40 {
        thumbnail(&mut spans, &mut dice, trace(2, number), f64::from(number) * 1_350.0 + 90.0);
    }
    invoice_loop(&mut spans, &mut dice, trace(3, 1), 31_000.0);
    for number in 0..60 {
        shop_api(&mut spans, &mut dice, trace(4, number), f64::from(number) * 900.0 + 33.0, number);
    }
    for number in 0..8 {
        fulfilment(&mut spans, &mut dice, trace(5, number), f64::from(number) * 6_400.0 + 700.0, number);
    }
    spans
}

fn trace(kind: u128, number: u32) -> u128 {
    ((kind << 64) + u128::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

/// Create order → process payment → create invoice, each waiting for the next.
fn order(spans: &mut Spans, dice: &mut Dice, trace: u128, at: f64, slow: bool) {
    let bank = if slow { 2_900.0 } else { dice.around(310.0) };
    let (save, pdf, put) = (dice.around(22.0), dice.around(95.0), dice.around(64.0));
    let invoice_at = at + 52.0 + bank + save;
    let invoice_took = pdf + put + 9.0;
    let payment_took = 30.0 + bank + save + invoice_took + 12.0;
    let order_took = 16.0 + payment_took + 14.0;
    let mut run = Run::new("create-order", "http", trace, at, order_took)
        .memory(512)
        .with("hopguard.route", json!("POST /orders"));
    if at < 200.0 {
        run = run.with("faas.coldstart", json!(true)).with("hopguard.init_ns", json!(412_000_000));
    }
    let order = spans.run(run);
    let write = spans.call(&order, "DynamoDB.PutItem", "orders", at + 3.0, at + 14.0);
    let invoke =
        spans.call(&order, "Lambda.Invoke", "process-payment", at + 15.0, at + 15.0 + payment_took + 6.0);
    drop(write);
    let payment = spans.run(
        Run::new("process-payment", "invoke", trace, at + 18.0, payment_took)
            .memory(1024)
            .sent_by(&invoke, 1, 1),
    );
    let attempts = if slow {
        json!([
            Spans::attempt(at + 30.0, 1000.0, Some("TimeoutError")),
            Spans::attempt(at + 1_080.0, 1000.0, Some("TimeoutError")),
            Spans::attempt(at + 2_200.0, bank - 2_170.0, None)
        ])
    } else {
        json!([])
    };
    let again = if slow { vec![("http.request.resend_count", json!(2))] } else { Vec::new() };
    spans.call_with(
        &payment,
        "SecretsManager.GetSecretValue",
        "bank/token",
        at + 22.0,
        at + 30.0,
        &[],
        json!([]),
        json!([]),
    );
    spans.call_with(
        &payment,
        "PaymentService.Charge",
        "bank.example",
        at + 30.0,
        at + 30.0 + bank,
        &again,
        attempts,
        json!([]),
    );
    spans.call(&payment, "DynamoDB.UpdateItem", "payments", at + 31.0 + bank, at + 31.0 + bank + save);
    let invoke = spans.call(
        &payment,
        "Lambda.Invoke",
        "create-invoice",
        invoice_at - 3.0,
        invoice_at + invoice_took + 3.0,
    );
    let invoice = spans.run(
        Run::new("create-invoice", "invoke", trace, invoice_at, invoice_took)
            .memory(1024)
            .sent_by(&invoke, 2, 1),
    );
    spans.call(&invoice, "S3.PutObject", "invoices", invoice_at + pdf, invoice_at + pdf + put);
    let publish = spans.call(
        &order,
        "SNS.Publish",
        "order-created",
        at + payment_took + 22.0,
        at + payment_took + 29.0,
    );
    let mail = dice.around(48.0);
    let mailed = spans.run(
        Run::new("send-mail", "sns", trace, at + payment_took + 60.0, mail + 8.0)
            .memory(256)
            .sent_by(&publish, 1, 1),
    );
    spans.call(
        &mailed,
        "SESv2.SendEmail",
        "shop@example.com",
        at + payment_took + 63.0,
        at + payment_took + 63.0 + mail,
    );
}

/// Reads from S3 and then writes to DynamoDB three times, one after the other.
fn thumbnail(spans: &mut Spans, dice: &mut Dice, trace: u128, at: f64) {
    let (read, scale) = (dice.around(85.0), dice.around(60.0));
    let writes = [dice.around(24.0), dice.around(31.0), dice.around(22.0)];
    let took = read + scale + writes.iter().sum::<f64>() + 12.0;
    let run =
        Run::new("thumbnail", "s3", trace, at, took).memory(1024).with("aws.s3.bucket", json!("photos"));
    let made = spans.run(run);
    spans.call(&made, "S3.GetObject", "photos", at + 3.0, at + 3.0 + read);
    let mut from = at + 5.0 + read + scale;
    for (table, took) in ["images", "albums", "usage"].into_iter().zip(writes) {
        spans.call(&made, "DynamoDB.PutItem", table, from, from + took);
        from += took + 1.0;
    }
}

/// Two functions that feed each other, cut at the sixth visit.
fn invoice_loop(spans: &mut Spans, dice: &mut Dice, trace: u128, at: f64) {
    let (mut at, mut sender) = (at, None);
    for hop in 0..11_u32 {
        let (function, queue) =
            if hop % 2 == 0 { ("sync-orders", "ledger") } else { ("sync-ledger", "orders") };
        let blocked = hop == 10;
        let took = if blocked { 6.0 } else { dice.around(74.0) };
        let mut run = Run::new(function, "sqs", trace, at, took).memory(256);
        (run.hop, run.visits, run.sender) = (hop, hop / 2 + 1, sender);
        run = run.with("messaging.batch.message_count", json!(1));
        if hop == 0 {
            run = run.with("messaging.destination.name", json!("orders"));
        }
        if blocked {
            run = run.with("hopguard.blocked", json!(true)).with("error.type", json!("hopguard::Blocked"));
        }
        let made = spans.run(run);
        if !blocked {
            spans.call(&made, "DynamoDB.UpdateItem", "ledger", at + 4.0, at + took * 0.55);
            sender = Some(spans.call(&made, "SQS.SendMessage", queue, at + took * 0.6, at + took - 3.0).span);
        }
        at += took + dice.around(60.0);
    }
}

/// One function for every route.
fn shop_api(spans: &mut Spans, dice: &mut Dice, trace: u128, at: f64, number: u32) {
    const ROUTES: [(&str, &[(&str, &str)]); 8] = [
        ("GET /products", &[("DynamoDB.Query", "products")]),
        ("GET /products/{id}", &[("DynamoDB.GetItem", "products"), ("S3.GetObject", "descriptions")]),
        ("GET /cart", &[("DynamoDB.GetItem", "carts")]),
        ("POST /cart", &[("DynamoDB.UpdateItem", "carts"), ("EventBridge.PutEvents", "shop")]),
        ("GET /search", &[("CloudSearch.Search", "products")]),
        (
            "POST /login",
            &[("CognitoIdentityProvider.InitiateAuth", "customers"), ("DynamoDB.PutItem", "sessions")],
        ),
        ("GET /orders", &[("DynamoDB.Query", "orders")]),
        ("POST /upload", &[("S3.PutObject", "uploads"), ("SQS.SendMessage", "scan")]),
    ];
    let (route, calls) = ROUTES[number as usize % ROUTES.len()];
    let times: Vec<f64> = calls.iter().map(|_| dice.around(26.0)).collect();
    let took = times.iter().sum::<f64>() + dice.around(20.0);
    let mut run =
        Run::new("shop-api", "http", trace, at, took).memory(2048).with("hopguard.route", json!(route));
    if number.is_multiple_of(20) {
        run = run
            .with("faas.coldstart", json!(true))
            .with("hopguard.init_ns", json!(1_840_000_000_u64))
            .with("hopguard.package_bytes", json!(96_400_000));
    }
    if number == 33 {
        run = run.with("error.type", json!("ConditionalCheckFailedException"));
    }
    let made = spans.run(run);
    let mut from = at + 6.0;
    for ((operation, target), took) in calls.iter().zip(times) {
        spans.call(&made, operation, target, from, from + took);
        from += took;
    }
}

/// Leads many steps, and chooses among them.
fn fulfilment(spans: &mut Spans, dice: &mut Dice, trace: u128, at: f64, number: u32) {
    let shipped: &[&str] = &["reserve-stock", "book-courier", "print-label", "notify-customer"];
    let returned: &[&str] = &["find-return", "check-goods", "refund", "notify-customer"];
    let steps = if number.is_multiple_of(3) { returned } else { shipped };
    let times: Vec<f64> = steps.iter().map(|_| dice.around(240.0)).collect();
    let took = times.iter().sum::<f64>() + 60.0;
    let made = spans.run(
        Run::new("fulfilment", "sqs", trace, at, took)
            .memory(512)
            .with("messaging.destination.name", json!("fulfilment")),
    );
    let mut from = at + 8.0;
    for (step, took) in steps.iter().zip(times) {
        let invoke = spans.call(&made, "Lambda.Invoke", step, from, from + took);
        let run = spans
            .run(Run::new(step, "invoke", trace, from + 4.0, took - 8.0).memory(256).sent_by(&invoke, 1, 1));
        spans.call(&run, "DynamoDB.UpdateItem", step, from + 12.0, from + took * 0.7);
        from += took + 6.0;
    }
}
