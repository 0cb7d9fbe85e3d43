//! Asking a satellite receiver: gpsd by its JSON, or the receiver's own device by NMEA 0183.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use rustix::fs::{FileType, Mode, OFlags};
use serde::Deserialize;

use crate::constraint::Position;
use crate::live::{FactError, Fix};
use crate::nmea;

/// How long a receiver is listened to. They speak once a second.
const PATIENCE: Duration = Duration::from_secs(4);

/// How much is listened to, in bytes.
const MAX_BYTES: usize = 64 << 10;

const WATCH: &[u8] = b"?WATCH={\"enable\":true,\"json\":true};\n";

/// `gpsd:HOST:PORT` or `nmea:/PATH`.
pub(super) fn position(name: &str) -> Result<Fix, FactError> {
    let failed = |error: io::Error| FactError::Receiver { reason: error.to_string() };
    if let Some(address) = name.strip_prefix("gpsd:") {
        return gpsd(address).map_err(failed)?.ok_or(FactError::NoFix);
    }
    let Some(path) = name.strip_prefix("nmea:") else { return Err(FactError::NoSuchReceiver) };
    match rustix::fs::open(
        path,
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
    ) {
        Ok(opened) => sentences(File::from(opened)).map_err(failed)?.ok_or(FactError::NoFix),
        Err(rustix::io::Errno::NOENT) => Err(FactError::NoSuchReceiver),
        Err(errno) => Err(failed(errno.into())),
    }
}

fn gpsd(address: &str) -> io::Result<Option<Fix>> {
    let unknown = || io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    let address = address.to_socket_addrs()?.next().ok_or_else(unknown)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(WATCH)?;
    let now = SystemTime::now();
    listen(&mut stream, |line| report(line, now))
}

/// A file is read to its end, a device listened to; in a file the last word counts, and is as old as the file.
fn sentences(mut device: File) -> io::Result<Option<Fix>> {
    let stat = rustix::fs::fstat(&device)?;
    let regular = FileType::from_raw_mode(stat.st_mode).is_file();
    let fix = |line: &[u8], age| match nmea::parse(std::str::from_utf8(line).ok()?) {
        Ok(sentence) => Some(sentence.position.map(|position| Fix::new(position, age))),
        Err(_) => None,
    };
    if regular {
        let age = device.metadata()?.modified()?.elapsed().unwrap_or(Duration::ZERO);
        let mut bytes = Vec::new();
        (&device).take(MAX_BYTES as u64).read_to_end(&mut bytes)?;
        let mut lines = bytes.split(|byte| *byte == b'\n').rev();
        return Ok(lines.find_map(|line| fix(line.trim_ascii_end(), age)).flatten());
    }
    listen(&mut device, |line| fix(line, Duration::ZERO))
}

/// Reads lines until one of them is an answer with a position, for as long as is waited and as much as is read. Lines that
/// say that there is no position are waited over: a receiver may be about to have one.
fn listen(
    source: &mut impl Read,
    mut answer: impl FnMut(&[u8]) -> Option<Option<Fix>>,
) -> io::Result<Option<Fix>> {
    let begun = Instant::now();
    let mut line = Vec::new();
    let mut chunk = [0; 1024];
    let mut total = 0;
    while begun.elapsed() < PATIENCE && total < MAX_BYTES {
        match source.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                total += read;
                for &byte in chunk.get(..read).unwrap_or_default() {
                    if byte != b'\n' {
                        line.push(byte);
                    } else if let Some(Some(fix)) = answer(std::mem::take(&mut line).trim_ascii_end()) {
                        return Ok(Some(fix));
                    }
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// A report of gpsd, class TPV (gpsd_json(5)): none for another line, no position without a fix.
fn report(line: &[u8], now: SystemTime) -> Option<Option<Fix>> {
    #[derive(Deserialize)]
    struct Report {
        class: String,
        #[serde(default)]
        mode: u8,
        lat: Option<f64>,
        lon: Option<f64>,
        time: Option<String>,
    }
    let report: Report = serde_json::from_slice(line).ok()?;
    if report.class != "TPV" {
        return None;
    }
    let (Some(lat), Some(lon), 2..) = (report.lat, report.lon, report.mode) else { return Some(None) };
    let position = format!("{lat:.7},{lon:.7}").parse::<Position>();
    let said = report.time.and_then(|time| time.parse::<Timestamp>().ok());
    let said = said.and_then(|time| SystemTime::try_from(time).ok());
    let age = said.and_then(|said| now.duration_since(said).ok()).unwrap_or(Duration::ZERO);
    Some(position.ok().map(|position| Fix::new(position, age)))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn gpsd_is_asked_for_its_reports() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut asked).unwrap();
            assert!(asked.starts_with("?WATCH="), "{asked}");
            let time = Timestamp::now() - jiff::SignedDuration::from_secs(90);
            let lines = format!(
                "{{\"class\":\"VERSION\",\"release\":\"3.25\"}}\nnoise\n{{\"class\":\"TPV\",\"mode\":1}}\n\
                 {{\"class\":\"TPV\",\"mode\":3,\"lat\":48.1371,\"lon\":11.5754,\"time\":\"{time}\"}}\n"
            );
            stream.write_all(lines.as_bytes()).unwrap();
        });
        let fix = position(&format!("gpsd:{address}")).unwrap();
        server.join().unwrap();
        assert_eq!(fix.position.to_string(), "48.1371000,11.5754000");
        assert!(fix.age >= Duration::from_secs(89) && fix.age < Duration::from_secs(1000), "{fix:?}");
        // Nobody is there any more.
        assert!(matches!(position(&format!("gpsd:{address}")), Err(FactError::Receiver { .. })));
    }

    #[test]
    fn a_receivers_device_speaks_nmea() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let name = format!("nmea:{}", path.display());
        assert!(matches!(position(&name), Err(FactError::NoSuchReceiver)));
        std::fs::write(&path, "noise\r\n$GPGLL,4916.45,N,12311.12,W,225444,A,*1D\r\n$GPGSV,x*00\r\n")
            .unwrap();
        assert_eq!(position(&name).unwrap().position.to_string(), "49.2741666,-123.1853333");
        // The last word counts.
        std::fs::write(
            &path,
            "$GPGLL,4916.45,N,12311.12,W,225444,A,*1D\n$GPRMC,225444,V,,,,,,,191194,,*35\n",
        )
        .unwrap();
        assert!(matches!(position(&name), Err(FactError::NoFix)));
        std::fs::write(&path, "").unwrap();
        assert!(matches!(position(&name), Err(FactError::NoFix)));
        // What nobody speaks into hangs nobody.
        let pipe = directory.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert!(matches!(position(&format!("nmea:{}", pipe.display())), Err(FactError::NoFix)));
    }
}
