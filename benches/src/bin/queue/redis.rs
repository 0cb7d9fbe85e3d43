//! A Redis stream that syncs before it answers, on the same file system.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use crate::Result;

/// A server that ends with this value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// `XADD` a second with so many connections, each of which waits for its answer; nothing if there is no server.
pub(crate) async fn measure(directory: &Path, span: Duration, connections: usize) -> Result<Option<f64>> {
    std::fs::create_dir(directory)?;
    let socket = directory.join("socket");
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
    command.arg("--dir").arg(directory).arg("--unixsocket").arg(&socket);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let _server = match child {
        Ok(child) => Server(child),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let began = Instant::now();
    while UnixStream::connect(&socket).await.is_err() {
        if began.elapsed() > Duration::from_secs(10) {
            return Err("redis-server does not come up".into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let start = Instant::now();
    let mut tasks = Vec::new();
    for _connection in 0..connections {
        let stream = UnixStream::connect(&socket).await?;
        tasks.push(tokio::spawn(add(stream, start, span)));
    }
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    Ok(Some(done as f64 / start.elapsed().as_secs_f64()))
}

async fn add(stream: UnixStream, start: Instant, span: Duration) -> Result<u64> {
    let mut stream = BufReader::new(stream);
    let mut request = b"*5\r\n$4\r\nXADD\r\n$5\r\nbench\r\n$1\r\n*\r\n$1\r\np\r\n$512\r\n".to_vec();
    request.extend([0x5A; 512]);
    request.extend(b"\r\n");
    let (mut done, mut line) = (0, String::new());
    while start.elapsed() < span {
        stream.write_all(&request).await?;
        line.clear();
        stream.read_line(&mut line).await?;
        let length: usize = line
            .strip_prefix('$')
            .and_then(|text| text.trim_end().parse().ok())
            .ok_or_else(|| format!("Redis answers {line:?}"))?;
        let mut id = vec![0; length + 2];
        stream.read_exact(&mut id).await?;
        done += 1;
    }
    Ok(done)
}
