//! The real program `medicalpro`, as a process of its own with its embedded servers, and clients that speak HTTP to it.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{LazyLock, mpsc};
use std::time::{Duration, Instant};

use embedded_servers::ScratchDir;
use serde::Deserialize;
use serde_json::Value;

use crate::apart::{self, Beside};

/// How long a server may take to be ready: a debug build on a busy machine, with a first `initdb`.
const START: Duration = Duration::from_secs(60);

/// A running `medicalpro serve`.
pub struct Server {
    process: Child,
    /// What it said in its ready file.
    pub report: ReadyReport,
    /// Its data folder.
    pub data_dir: PathBuf,
    log: PathBuf,
    /// What stands behind it, if it is six processes.
    _beside: Option<Beside>,
}

/// What a server says of itself when it is ready.
#[derive(Clone, Debug, Deserialize)]
pub struct ReadyReport {
    /// Its process.
    pub pid: u32,
    /// Where HTTP is served.
    pub url: String,
    /// Where metrics are served.
    pub metrics_url: String,
    /// The accounts of the demo practice; none without it.
    #[serde(default)]
    pub accounts: Vec<DemoAccount>,
}

/// An account of the demo practice.
#[derive(Clone, Debug, Deserialize)]
pub struct DemoAccount {
    /// By which it logs in.
    pub email: String,
    /// Its password.
    pub password: String,
    /// Its role.
    pub role: String,
}

/// Hundreds of tests come from one address, and load tests as one user: the limits have tests of their own.
pub const NO_RATE_LIMITS: [(&str, &str); 3] =
    [("MEDICALPRO_RATE_LIMIT_USER", "0"), ("MEDICALPRO_RATE_LIMIT_ADDRESS", "0"), ("MEDICALPRO_RATE_LIMIT_AUTH", "0")];

/// The program under test, which one `cargo` built with this one: it stands in the folder above a test's own, and beside
/// another program.
pub fn program(name: &str) -> PathBuf {
    let ours = std::env::current_exe().expect("this program has a path");
    let beside = ours.parent().expect("target/<profile>");
    let places = [beside.join(name), beside.parent().expect("target/<profile>").join(name)];
    let found = places.into_iter().find(|place| place.exists());
    found.unwrap_or_else(|| panic!("{name} is not built: run `cargo build --workspace` first"))
}

impl Server {
    /// Starts a server with the demo practice on this data folder, and waits until it is ready.
    pub fn start(data_dir: &Path, arguments: &[&str]) -> Self {
        Self::start_logging_to(data_dir, arguments, |log| log.into())
    }

    /// The same, and what it writes to its log, which nobody reads but the caller.
    pub fn start_unread(data_dir: &Path, arguments: &[&str]) -> (Self, ChildStderr) {
        let mut server = Self::start_logging_to(data_dir, arguments, |_| Stdio::piped());
        let unread = server.process.stderr.take().expect("a pipe");
        (server, unread)
    }

    fn start_logging_to(data_dir: &Path, arguments: &[&str], stderr: impl FnOnce(std::fs::File) -> Stdio) -> Self {
        let ready_file = data_dir.with_extension("ready.json");
        let _ = std::fs::remove_file(&ready_file);
        let log = data_dir.with_extension("log");
        let output = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log file");
        let mut command = Command::new(program("medicalpro"));
        command
            .args(["serve", "--demo", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
            .arg("--data-dir")
            .arg(data_dir)
            .arg("--ready-file")
            .arg(&ready_file)
            .envs(NO_RATE_LIMITS)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("the log file twice"))
            .stderr(stderr(output));
        let mut process = spawn_dying_with_us(command);
        let report = wait_for_report(&ready_file, &mut process, &log);
        Self { process, report, data_dir: data_dir.to_owned(), log, _beside: None }
    }

    /// Starts the six services in a process each, with the demo practice, behind nginx.
    pub fn start_apart(data_dir: &Path) -> Self {
        let log = data_dir.with_extension("log");
        let (process, report, beside) = apart::start(data_dir, &log);
        Self { process, report, data_dir: data_dir.to_owned(), log, _beside: Some(beside) }
    }

    /// The server that the tests of a program share: one process, or six if [`apart::APART`] is set. Each test takes a practice of its own in it.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<(Server, ScratchDir)> = LazyLock::new(|| {
            let folder = ScratchDir::new("server").expect("a folder for the server");
            let data_dir = folder.path().join("data");
            let apart = std::env::var_os(apart::APART).is_some_and(|set| !set.is_empty());
            (if apart { Server::start_apart(&data_dir) } else { Server::start(&data_dir, &[]) }, folder)
        });
        &SHARED.0
    }

    /// What it has written to its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it at once.
    pub fn kill(mut self) {
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("it ends");
    }

    /// Asks it to stop and waits; whether it ended well.
    pub fn stop(mut self) -> bool {
        let pid = libc::pid_t::try_from(self.process.id()).expect("a process id");
        // SAFETY: a signal to a child that has not been waited for, whose id hence is still its own.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        self.process.wait().expect("it ends").success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a server that is being started says of itself, once it is ready.
pub(crate) fn wait_for_report(ready_file: &Path, process: &mut Child, log: &Path) -> ReadyReport {
    let deadline = Instant::now() + START;
    loop {
        if let Ok(json) = std::fs::read(ready_file) {
            return serde_json::from_slice(&json).expect("the ready file is JSON");
        }
        let ended = process.try_wait().expect("the process can be asked");
        if ended.is_some() || Instant::now() > deadline {
            let mut said = String::new();
            let _ = std::fs::File::open(log).and_then(|mut file| file.read_to_string(&mut said));
            panic!("the server is not ready (ended: {ended:?}):\n{said}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Spawns a process that gets SIGKILL when this test program ends, however it ends. The signal comes when the *thread*
/// that spawned it ends, so that is a thread which never does.
pub fn spawn_dying_with_us(mut command: Command) -> Child {
    static SPAWNER: LazyLock<mpsc::Sender<(Command, mpsc::Sender<Child>)>> = LazyLock::new(|| {
        let (sender, requests) = mpsc::channel::<(Command, mpsc::Sender<Child>)>();
        std::thread::spawn(move || {
            for (mut command, answer) in requests {
                let _ = answer.send(command.spawn().expect("the program starts"));
            }
        });
        sender
    });
    // SAFETY: prctl is async-signal-safe and touches nothing of the parent.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    let (answer, child) = mpsc::channel();
    SPAWNER.send((command, answer)).expect("the spawner never ends");
    child.recv().expect("the spawner answers")
}

/// A client of the HTTP interface, logged in or not.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body, if it is JSON; `null` otherwise.
    pub body: Value,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// A header, if it is there and readable.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The answer, if it has this status; a panic that shows it otherwise.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// A problem answer of this status and code; a panic that shows it otherwise.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.body["code"], code, "{}", answer.text);
        assert_eq!(answer.body["status"], status);
        answer
    }

    /// The fields of a problem's violations, sorted.
    pub fn violated_fields(&self) -> Vec<&str> {
        let violations = self.body["violations"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut fields: Vec<_> = violations.iter().filter_map(|violation| violation["field"].as_str()).collect();
        fields.sort_unstable();
        fields
    }
}

impl Client {
    /// A client of this server that is not logged in.
    pub fn anonymous(server: &Server) -> Self {
        Self::at(&server.report.url)
    }

    /// A client of the server at this address that is not logged in.
    pub fn at(url: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { http, base: url.to_owned(), token: None }
    }

    /// The same client, with its token, of another server.
    pub fn of(&self, url: impl Into<String>) -> Self {
        Self { base: url.into(), ..self.clone() }
    }

    /// The same client with a token.
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// The same client without a token.
    pub fn signed_out(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// Its token.
    pub fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    /// Logs in.
    pub async fn log_in(&self, email: &str, password: &str) -> Self {
        let body = serde_json::json!({"email": email, "password": password});
        let answer = self.post("/auth/login", &body).await.expect(200);
        self.with_token(answer.body["access_token"].as_str().expect("a token"))
    }

    /// A request to a path under `/api/v1`, to be dressed up.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.raw(method, &format!("/api/v1{path}"))
    }

    /// A request to any path.
    pub fn raw(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(reqwest::Method::GET, path)).await
    }

    /// POST of a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(reqwest::Method::POST, path).json(body)).await
    }

    /// PUT of a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        send(self.request(reqwest::Method::PUT, path).json(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        send(self.request(reqwest::Method::DELETE, path)).await
    }
}

/// Sends a request and reads the answer whole.
pub async fn send(request: reqwest::RequestBuilder) -> Answer {
    try_send(request).await.expect("the server answers")
}

/// The same for a server that may be away.
pub async fn try_send(request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status, headers, body, text })
}
