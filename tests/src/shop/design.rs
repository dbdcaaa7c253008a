//! The designs, what they deploy, and what is asked of them.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{Shop, workflow::Workflow};
use crate::{function::Function, http::call};

/// What a web page asks of the shop.
const ROUTES: [&str; 12] = [
    "POST /orders",
    "GET /orders/{order}",
    "GET /orders",
    "PATCH /orders/{order}",
    "DELETE /orders/{order}",
    "POST /payments",
    "GET /payments",
    "POST /invoices",
    "GET /invoices",
    "GET /invoices/{order}",
    "DELETE /invoices/{order}",
    "POST /news",
];
/// What a monolith's package weighs beside its own code.
const VENDORED_BYTES: u64 = 60 * 1_000_000;

/// One thing that the shop does, in the design that waits and in the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair {
    /// An order is paid and invoiced.
    Order,
    /// A receipt is kept as an object and as a row.
    Receipt,
    /// Everything that the shop's web page asks.
    Web,
    /// A checkout of several steps.
    Checkout,
}

/// One design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Design {
    /// Order calls payment calls invoice, and each waits.
    Synchronous,
    /// The same, over queues.
    Queued,
    /// The object, then the row.
    Serial,
    /// Both at once.
    Parallel,
    /// One function with every route.
    Monolith,
    /// A function for each thing.
    Split,
    /// A function that calls the steps.
    Orchestrator,
    /// A state machine that does.
    StateMachine,
}

impl Pair {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Order, Self::Receipt, Self::Web, Self::Checkout];

    /// The design that waits, and the better one.
    #[must_use]
    pub const fn designs(self) -> [Design; 2] {
        match self {
            Self::Order => [Design::Synchronous, Design::Queued],
            Self::Receipt => [Design::Serial, Design::Parallel],
            Self::Web => [Design::Monolith, Design::Split],
            Self::Checkout => [Design::Orchestrator, Design::StateMachine],
        }
    }
}

impl Design {
    /// The functions that it deploys for itself.
    #[must_use]
    pub const fn functions(self) -> &'static [&'static str] {
        match self {
            Self::Synchronous => &["order-sync", "payment-sync", "invoice-sync"],
            Self::Queued => &["order", "payment", "invoice"],
            Self::Serial => &["receipt-serial"],
            Self::Parallel => &["receipt-parallel"],
            Self::Monolith => &["shop"],
            Self::Split => &["orders", "payments", "invoices"],
            Self::Orchestrator => &["checkout"],
            Self::StateMachine => &[],
        }
    }

    /// The steps of a checkout are the same functions in both designs.
    pub const STEPS: [&'static str; 6] =
        ["reserve-stock", "check-fraud", "charge-card", "book-courier", "book-parcel", "send-receipt"];
}

impl Shop<'_> {
    /// Deploys a design, and has it serve so many requests, one after the other. The start of its environments is not in what is
    /// measured, except a monolith's and its parts'.
    ///
    /// # Errors
    /// What the cloud answers; [`Missing`](crate::Missing) in the chain of causes where this machine lacks what a layered function needs.
    pub async fn serve(&self, design: Design, requests: u64) -> Result<()> {
        match design {
            Design::Synchronous => self.synchronous(requests).await,
            Design::Queued => self.queued(requests).await,
            Design::Serial => self.receipts("receipt-serial", "receipt/serial.py", requests).await,
            Design::Parallel => self.receipts("receipt-parallel", "receipt/parallel.py", requests).await,
            Design::Monolith => self.monolith(requests).await,
            Design::Split => self.split(requests).await,
            Design::Orchestrator => self.orchestrator(requests).await,
            Design::StateMachine => self.state_machine(requests).await,
        }
    }

    async fn synchronous(&self, requests: u64) -> Result<()> {
        let order = self.function("order-sync", "synchronous/order.py").env("PAYMENT", "payment-sync");
        let payment = self.function("payment-sync", "synchronous/payment.py").env("INVOICE", "invoice-sync");
        let invoice = self.function("invoice-sync", "synchronous/invoice.py");
        let (order, ..) = tokio::try_join!(order.deploy(), payment.deploy(), invoice.deploy())?;
        let functions = Design::Synchronous.functions();
        ask(&order, [json!({ "order": 0 })]).await?;
        self.forget(functions, 1).await?;
        ask(&order, (1..=requests).map(|number| json!({ "order": number }))).await?;
        self.written(functions, requests).await
    }

    async fn queued(&self, requests: u64) -> Result<()> {
        let (payments, invoices) = (self.cloud.queue("payments"), self.cloud.queue("invoices"));
        let (payments, invoices) = tokio::try_join!(payments.create(), invoices.create())?;
        let order = self.function("order", "queued/order.py").env("PAYMENTS", payments.url());
        let payment = self.function("payment", "queued/payment.py").env("INVOICES", invoices.url());
        let invoice = self.function("invoice", "queued/invoice.py");
        let (order, payment, invoice) = tokio::try_join!(order.deploy(), payment.deploy(), invoice.deploy())?;
        payment.consume(&payments).batch_size(1).create().await?;
        invoice.consume(&invoices).batch_size(1).create().await?;
        let functions = Design::Queued.functions();
        ask(&order, [json!({ "order": 0 })]).await?;
        self.forget(functions, 1).await?;
        // One after the other, so that no environment has to start while it is measured.
        for number in 1..=requests {
            ask(&order, [json!({ "order": number })]).await?;
            self.written(functions, number).await?;
        }
        Ok(())
    }

    async fn receipts(&self, name: &str, file: &str, requests: u64) -> Result<()> {
        self.table(name).await?;
        let bucket = self.cloud.bucket(name).await?;
        let receipt = self.slowly(self.function(name, file)).env("BUCKET", bucket.name()).env("TABLE", name);
        let receipt = receipt.deploy().await?;
        ask(&receipt, [json!({ "order": 0 })]).await?;
        self.forget(&[name], 1).await?;
        ask(&receipt, (1..=requests).map(|number| json!({ "order": number }))).await?;
        self.written(&[name], requests).await
    }

    /// Its first invocation is kept: what a monolith costs, it costs at its start.
    async fn monolith(&self, requests: u64) -> Result<()> {
        self.table("shop").await?;
        let bucket = self.cloud.bucket("shop").await?;
        bucket.put("invoices/1", b"an invoice", &[]).await?;
        let queue = self.cloud.queue("shop").create().await?;
        let topic = self.cloud.topic("shop").await?;
        let shop = self
            .function_of("shop", self.with_vendored()?)
            .env("BUCKET", bucket.name())
            .env("TABLE", "shop")
            .env("QUEUE", queue.url())
            .env("TOPIC", topic.arn());
        let shop = shop.deploy().await?;
        let served = ROUTES.len() * usize::try_from(requests)?;
        ask(&shop, ROUTES.into_iter().cycle().take(served).map(web_request)).await?;
        self.written(&["shop"], u64::try_from(served)?).await
    }

    async fn split(&self, requests: u64) -> Result<()> {
        self.table("orders").await?;
        let bucket = self.cloud.bucket("invoices").await?;
        let queue = self.cloud.queue("split-payments").create().await?;
        let orders = self.function("orders", "split/orders.py").env("TABLE", "orders");
        let payments = self.function("payments", "split/payments.py").env("QUEUE", queue.url());
        let invoices = self.function("invoices", "split/invoices.py").env("BUCKET", bucket.name());
        let functions = tokio::try_join!(orders.deploy(), payments.deploy(), invoices.deploy())?;
        for (function, route) in
            [(functions.0, "POST /orders"), (functions.1, "POST /payments"), (functions.2, "POST /invoices")]
        {
            ask(&function, (1..=requests).map(|_| web_request(route))).await?;
        }
        self.written(Design::Split.functions(), requests).await
    }

    async fn orchestrator(&self, requests: u64) -> Result<()> {
        for step in Design::STEPS {
            let step = self.function(step, "step/step.py").deploy().await?;
            ask(&step, [json!({ "order": 0 })]).await?;
        }
        self.forget(&Design::STEPS, 1).await?;
        let checkout = self.function("checkout", "orchestrator/checkout.py").deploy().await?;
        let mut orders = orders();
        ask(&checkout, orders.next()).await?;
        self.forget(&["checkout"], 1).await?;
        ask(&checkout, orders.take(usize::try_from(requests)?)).await?;
        self.written(&["checkout"], requests).await
    }

    /// The steps are those that the orchestrator deployed.
    async fn state_machine(&self, requests: u64) -> Result<()> {
        let machine = Workflow::create(self.cloud).await?;
        for order in orders().skip(1).take(usize::try_from(requests)?) {
            machine.run(self.cloud, &order).await?;
        }
        Ok(())
    }

    async fn table(&self, name: &str) -> Result<()> {
        let input = json!({ "TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": "order", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "order", "KeyType": "HASH" }] });
        call(self.cloud.port(), "dynamodb", "DynamoDB_20120810.CreateTable", &input).await.map(drop)
    }

    /// The monolith's code with a file beside it, as heavy as the dependencies of such a function are. Nothing is written to the
    /// disk for it: the file is a hole.
    fn with_vendored(&self) -> Result<PathBuf> {
        let folder = self.spans.join("monolith");
        fs::create_dir_all(&folder)?;
        let source = folder.join("app.py");
        fs::copy(self.code.join("monolith/app.py"), &source).context("the monolith's code")?;
        fs::File::create(folder.join("vendored.bin"))?.set_len(VENDORED_BYTES)?;
        Ok(source)
    }
}

/// Checkouts of every kind: small and large, by parcel and by courier.
fn orders() -> impl Iterator<Item = Value> {
    (0_u64..).map(|number| json!({ "order": number, "amount": number * 700, "express": number % 3 == 2 }))
}

fn web_request(route: &str) -> Value {
    let (method, path) = route.split_once(' ').unwrap_or(("GET", route));
    json!({ "version": "2.0", "routeKey": route, "rawPath": path, "headers": {}, "pathParameters": { "order": "1" },
        "requestContext": { "http": { "method": method, "path": path }, "routeKey": route } })
}

async fn ask(function: &Function, events: impl IntoIterator<Item = Value>) -> Result<()> {
    for event in events {
        let answer = function.invoke(&event).await?;
        ensure!(answer.error.is_none(), "{} failed: {}", function.name(), answer.payload);
    }
    Ok(())
}
