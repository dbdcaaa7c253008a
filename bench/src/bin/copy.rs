//! The least that a Runtime API proxy does: it copies bytes, two blocking threads a connection, and reads no HTTP.
//!
//! It publishes its address where the layer does.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::{fs, thread};

use anyhow::{Context as _, Result, ensure};

const BUFFER: usize = 256 * 1024;

fn main() -> Result<()> {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").context("AWS_LAMBDA_RUNTIME_API is not set")?;
    let listener = TcpListener::bind("127.0.0.1:0").context("no port")?;
    fs::write("/tmp/hopguard/addresses", format!("proxy {}\n", listener.local_addr()?))
        .context("cannot publish the address")?;
    let upstream = api.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A connection that fails is closed.
            let _ = join(stream, &upstream);
        }
    });
    events(&api)
}

fn join(runtime: TcpStream, api: &str) -> io::Result<()> {
    let lambda = TcpStream::connect(api)?;
    runtime.set_nodelay(true)?;
    lambda.set_nodelay(true)?;
    let (back, forth) = ((lambda.try_clone()?, runtime.try_clone()?), (runtime, lambda));
    for (from, to) in [back, forth] {
        thread::spawn(move || copy(from, to));
    }
    Ok(())
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(read @ 1..) = from.read(&mut buffer)
        && to.write_all(buffer.get(..read).unwrap_or_default()).is_ok()
    {}
    let _ = to.shutdown(Shutdown::Both);
}

/// Registers, and asks for events until the environment ends.
fn events(api: &str) -> Result<()> {
    let mut stream = TcpStream::connect(api).context("no Extensions API")?;
    stream.set_nodelay(true)?;
    let body = r#"{"events":["INVOKE","SHUTDOWN"]}"#;
    write!(
        stream,
        "POST /2020-01-01/extension/register HTTP/1.1\r\nHost: {api}\r\nLambda-Extension-Name: copy\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let answer = read(&mut stream)?;
    let id = answer.lines().find_map(|line| line.strip_prefix("Lambda-Extension-Identifier: "));
    let id = id.context("the Extensions API names no identifier")?;
    let ask = format!(
        "GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: {api}\r\nLambda-Extension-Identifier: {id}\r\n\r\n"
    );
    loop {
        stream.write_all(ask.as_bytes())?;
        if read(&mut stream)?.contains("\"SHUTDOWN\"") {
            return Ok(());
        }
    }
}

/// One answer; the bench writes each at once.
fn read(stream: &mut TcpStream) -> Result<String> {
    let mut buffer = vec![0; 4096];
    let length = stream.read(&mut buffer)?;
    ensure!(length > 0, "the Extensions API is gone");
    buffer.truncate(length);
    Ok(String::from_utf8_lossy(&buffer).into_owned())
}
