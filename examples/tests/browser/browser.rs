//! A browser for a test, gone at its end.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use openfactory_examples::tls::install_provider;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::LoggingPrefsLogLevel;
use thirtyfour::prelude::*;

/// How often something is looked for before it is given up, and how long between.
const LOOKS: usize = 200;
const BETWEEN: Duration = Duration::from_millis(50);

/// Flags for a browser without a window, as root, that asks nothing of anybody but the pages under test.
const FLAGS: [&str; 10] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,900",
];

pub(crate) struct Browser {
    pub(crate) driver: WebDriver,
    _chromedriver: ChromeDriver,
    files: TempDir,
}

/// A program on the search path.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

impl Browser {
    /// Starts one; none where this machine has no Chromium, which is said, or refused if nothing may be skipped.
    pub(crate) async fn start(test: &str) -> Option<Self> {
        let (Some(chromium), Some(chromedriver)) = (find("chromium"), find("chromedriver")) else {
            let reason = format!("SKIPPED: {test}: needs chromium and chromedriver");
            assert!(std::env::var_os("OPENFACTORY_STRICT").is_none_or(|strict| strict != "1"), "{reason}");
            eprintln!("{reason}");
            return None;
        };
        install_provider();
        let files = tempfile::tempdir().unwrap();
        let chromedriver = ChromeDriver::start(&chromedriver);
        let mut capabilities = DesiredCapabilities::chrome();
        capabilities.set_binary(chromium.to_str().unwrap()).unwrap();
        for flag in FLAGS {
            capabilities.add_arg(flag).unwrap();
        }
        let profile = files.path().join("profile");
        capabilities.add_arg(&format!("--user-data-dir={}", profile.display())).unwrap();
        capabilities.accept_insecure_certs(true).unwrap();
        capabilities.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        let driver =
            WebDriver::new(format!("http://127.0.0.1:{}", chromedriver.port), capabilities).await.unwrap();
        Some(Self { driver, _chromedriver: chromedriver, files })
    }

    pub(crate) async fn goto(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    pub(crate) async fn path(&self) -> String {
        self.driver.current_url().await.unwrap().path().to_owned()
    }

    /// The text that a person sees.
    pub(crate) async fn text(&self) -> String {
        self.script("return document.body.innerText").await.as_str().unwrap().to_owned()
    }

    /// Waits until the page shows this.
    pub(crate) async fn shows(&self, wanted: &str) {
        for _ in 0..LOOKS {
            if self.text().await.contains(wanted) {
                return;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        panic!("{wanted:?} never came: {}", self.text().await);
    }

    /// Clicks the first link or button of this text, and waits until another page is there.
    pub(crate) async fn click(&self, text: &str) {
        let path = format!("//*[self::a or self::button][normalize-space()='{text}']");
        let element =
            self.driver.find(By::XPath(path)).await.unwrap_or_else(|_| panic!("there is no {text:?}"));
        self.script("window.leaving = true").await;
        element.click().await.unwrap();
        for _ in 0..LOOKS {
            if self.script("return window.leaving === undefined && document.readyState").await == "complete" {
                return;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        panic!("{text:?} led nowhere");
    }

    /// Logs in to the simulator's page, whose form is there.
    pub(crate) async fn log_in(&self, user: &str, password: &str) {
        self.driver.find(By::Id("user_name")).await.unwrap().send_keys(user).await.unwrap();
        self.driver.find(By::Id("password")).await.unwrap().send_keys(password).await.unwrap();
        self.click("Log in").await;
    }

    pub(crate) async fn script(&self, script: &str) -> Value {
        self.driver.execute(script, Vec::new()).await.unwrap().json().clone()
    }

    /// What the browser complained of since this was last asked: violations of the content security policy above all.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = self.driver.browser_log().await.unwrap();
        log.into_iter().filter(|entry| entry.level == "SEVERE").map(|entry| entry.message).collect()
    }

    /// Shows the page as on a screen of this size, in this colour scheme.
    pub(crate) async fn screen(&self, width: u32, height: u32, scheme: &str) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        let cdp = self.driver.cdp();
        cdp.send_raw("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        cdp.send_raw("Emulation.setEmulatedMedia", features).await.unwrap();
    }

    /// Takes a picture of the page, to be looked at where OPENFACTORY_SCREENSHOTS names a folder.
    pub(crate) async fn picture(&self, name: &str) {
        let folder = std::env::var_os("OPENFACTORY_SCREENSHOTS").map(PathBuf::from);
        let folder = folder.unwrap_or_else(|| self.files.path().to_owned());
        std::fs::create_dir_all(&folder).unwrap();
        let file: &Path = &folder.join(format!("{name}.png"));
        self.driver.screenshot(file).await.unwrap();
        assert!(std::fs::read(file).unwrap().starts_with(b"\x89PNG"), "{name}");
    }

    pub(crate) async fn close(self) {
        self.driver.clone().quit().await.unwrap();
    }
}

/// ChromeDriver and all that it started.
struct ChromeDriver {
    process: Child,
    port: u16,
}

impl ChromeDriver {
    /// Starts it on a free port. It looks for one before it listens, so several that start at once may meet.
    fn start(program: &Path) -> Self {
        for _ in 0..5 {
            let mut process = Command::new(program)
                .arg("--port=0")
                .process_group(0)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            if let Some(port) = port(&mut process) {
                return Self { process, port };
            }
            process.wait().unwrap();
        }
        panic!("ChromeDriver does not start");
    }
}

impl Drop for ChromeDriver {
    fn drop(&mut self) {
        // A browser whose session was not closed outlives its driver: both are of one process group.
        let group = Pid::from_child(&self.process);
        let ended = kill_process_group(group, Signal::KILL).map_err(std::io::Error::from);
        if let Err(error) = ended.and_then(|()| self.process.wait()) {
            eprintln!("ChromeDriver could not be ended: {error}");
        }
    }
}

/// The port that ChromeDriver says it took; none if it ended instead.
fn port(chromedriver: &mut Child) -> Option<u16> {
    let said = BufReader::new(chromedriver.stdout.take()?);
    for line in said.lines() {
        let line = line.unwrap();
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return port.trim_end_matches('.').parse().ok();
        }
    }
    None
}
