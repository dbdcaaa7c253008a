//! A forwarder in front of the cloud that tells which calls were made through it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::{AbortHandle, JoinSet},
};

/// A running forwarder, from [`Cloud::tap`](crate::Cloud::tap).
///
/// A function calls through it where its environment says so for a service, as it does for [`Faults`](crate::Faults).
#[derive(Debug)]
pub struct Tap {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
    listener: AbortHandle,
}

/// One call, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The service that the signature names, for example `sqs`.
    pub service: String,
    /// The operation, for example `SendMessage`; of a REST service the method, for example `HEAD`.
    pub operation: String,
    /// Where the request goes, without its query.
    pub path: String,
}

impl Tap {
    pub(crate) async fn start(upstream: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("cannot bind a loopback port")?;
        let address = listener.local_addr().context("a bound port has no address")?;
        let calls = Arc::<Mutex<Vec<Call>>>::default();
        let listening = tokio::spawn(listen(listener, upstream, Arc::clone(&calls)));
        Ok(Self { address, calls, listener: listening.abort_handle() })
    }

    /// Where calls that are to be counted are to go.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The calls so far, in the order in which they were sent on.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many of them were this operation.
    #[must_use]
    pub fn count(&self, service: &str, operation: &str) -> usize {
        self.calls().iter().filter(|call| call.service == service && call.operation == operation).count()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn listen(listener: TcpListener, upstream: u16, calls: Arc<Mutex<Vec<Call>>>) {
    // The connections end with this task, for they belong to it.
    let mut connections = JoinSet::new();
    while let Ok((caller, _)) = listener.accept().await {
        connections.spawn(forward(caller, upstream, Arc::clone(&calls)));
        while connections.try_join_next().is_some() {}
    }
}

/// Passes a connection on. Where it fails on either side, both are closed, as the caller would see it without the tap.
async fn forward(caller: TcpStream, upstream: u16, calls: Arc<Mutex<Vec<Call>>>) -> Result<()> {
    let cloud = TcpStream::connect(("127.0.0.1", upstream)).await?;
    caller.set_nodelay(true)?;
    cloud.set_nodelay(true)?;
    let (from_caller, mut to_caller) = caller.into_split();
    let (mut from_cloud, to_cloud) = cloud.into_split();
    tokio::select! {
        requests = pass_requests(from_caller, to_cloud, &calls) => requests,
        answers = tokio::io::copy(&mut from_cloud, &mut to_caller) => answers.map(drop).map_err(Into::into),
    }
}

async fn pass_requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    calls: &Mutex<Vec<Call>>,
) -> Result<()> {
    let mut bytes = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if from.read_buf(&mut bytes).await? == 0 {
                // The caller has said all; its last answer may still be on its way.
                return std::future::pending().await;
            }
        };
        let request = Head::parse(bytes.get(..head).unwrap_or_default())?;
        while bytes.len() < head + request.length {
            if from.read_buf(&mut bytes).await? == 0 {
                bail!("a request ends in its body");
            }
        }
        let rest = bytes.split_off(head + request.length);
        let call = request.call(bytes.get(head..).unwrap_or_default());
        calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        to.write_all(&bytes).await?;
        bytes = rest;
    }
}

/// The head of a request, as far as it tells what is asked.
struct Head {
    method: String,
    path: String,
    service: String,
    target: Option<String>,
    length: usize,
}

impl Head {
    fn parse(head: &[u8]) -> Result<Self> {
        let head = std::str::from_utf8(head).context("a head is no text")?;
        let mut lines = head.split("\r\n");
        let mut line = lines.next().unwrap_or_default().split(' ');
        let (method, path) = (line.next().unwrap_or_default(), line.next().unwrap_or_default());
        let header = |name: &str| {
            let mut headers = head.split("\r\n").filter_map(|line| line.split_once(':'));
            headers.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
        };
        if header("transfer-encoding").is_some() {
            bail!("a request has a body of unknown length");
        }
        let length = header("content-length").map_or(Ok(0), |length| length.parse());
        // `Credential=KEY/DATE/REGION/SERVICE/aws4_request`
        let signature = header("authorization").unwrap_or_default();
        Ok(Self {
            method: method.to_owned(),
            path: path.split('?').next().unwrap_or_default().to_owned(),
            service: signature.split('/').nth(3).unwrap_or_default().to_owned(),
            target: header("x-amz-target").and_then(|target| Some(target.rsplit('.').next()?.to_owned())),
            length: length.context("a length is no number")?,
        })
    }

    fn call(self, body: &[u8]) -> Call {
        // SNS has its operation in a form.
        let action = || {
            let body = std::str::from_utf8(body).ok().filter(|_| self.service == "sns")?;
            body.split('&').find_map(|field| field.strip_prefix("Action=")).map(str::to_owned)
        };
        let operation = self.target.clone().or_else(action).unwrap_or(self.method);
        Call { service: self.service, operation, path: self.path }
    }
}
