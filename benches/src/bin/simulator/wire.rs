//! As little of HTTP as a client needs, so that it costs little beside the server.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use openfactory_simulator::Simulator;

use crate::Result;

/// The user and the password `bench`.
const BASIC: &str = "YmVuY2g6YmVuY2g=";

/// A connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    host: String,
    read: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(simulator: &Simulator) -> Result<Self> {
        let host = simulator.base_url().strip_prefix("http://").ok_or("the simulator speaks TLS")?.to_owned();
        let stream = TcpStream::connect(&host)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, host, read: Vec::new() })
    }

    /// Sends a request and gives the body of its answer, whose status has to be `status`.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &str, status: u16) -> Result<String> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Basic {BASIC}\r\nAccept: application/json\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        self.stream.write_all(request.as_bytes())?;
        self.read.clear();
        let head = loop {
            if let Some(at) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            self.more()?;
        };
        let text =
            String::from_utf8(self.read.get(..head).unwrap_or_default().to_vec())?.to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.ok_or("an answer without a length")?.trim().parse()?;
        while self.read.len() < head + length {
            self.more()?;
        }
        let body = String::from_utf8(self.read.split_off(head))?;
        if text.split(' ').nth(1) != Some(&status.to_string()) {
            return Err(
                format!("{method} {path}: {}: {body}", text.lines().next().unwrap_or_default()).into()
            );
        }
        Ok(body)
    }

    fn more(&mut self) -> Result<()> {
        let mut chunk = [0; 16 * 1024];
        let count = self.stream.read(&mut chunk)?;
        if count == 0 {
            return Err("the connection was closed".into());
        }
        self.read.extend_from_slice(chunk.get(..count).unwrap_or_default());
        Ok(())
    }
}
