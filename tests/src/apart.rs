//! The product as six processes, one for each service, behind nginx with the file of `deploy/`: clients see one server.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use embedded_servers::{EmbeddedServers, Options};
use event_store_schema::MasterKeys;

use crate::server::{NO_RATE_LIMITS, ReadyReport, program, spawn_dying_with_us, wait_for_report};

/// The variable by which the tests' shared server becomes six processes.
pub const APART: &str = "MEDICALPRO_TEST_APART";

/// The services, in the order in which they start. The first one seeds the demo practice.
const SERVICES: [&str; 6] = ["auth", "patients", "appointments", "records", "notifications", "analytics"];

/// How long nginx may take to listen.
const NGINX_START: Duration = Duration::from_secs(10);

/// The processes behind the first one. They end with this, the servers underneath last.
pub struct Beside {
    processes: Vec<Child>,
    // In a lock because it is no thing to share: nobody asks it anything.
    _underneath: Mutex<EmbeddedServers>,
}

impl Drop for Beside {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Starts everything on this data folder: nginx, what it said of itself, and what stands behind it.
pub fn start(data_dir: &Path, log: &Path) -> (Child, ReadyReport, Beside) {
    let underneath = EmbeddedServers::start(Options::new(data_dir)).expect("PostgreSQL and NATS");
    let master_key = MasterKeys::generate().expect("randomness").to_string();
    std::fs::write(data_dir.join("master.key"), &master_key).expect("the master key is kept");
    let postgres_url = underneath.postgres().url("postgres", underneath.postgres().superuser());
    let mut processes = Vec::new();
    let mut reports = Vec::new();
    for service in SERVICES {
        let ready_file = data_dir.with_extension(format!("{service}.json"));
        let _ = std::fs::remove_file(&ready_file);
        let output = std::fs::OpenOptions::new().create(true).append(true).open(log).expect("a log file");
        let mut command = Command::new(program("medicalpro"));
        command
            .args(["serve", "--services", service, "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"])
            .args((service == SERVICES[0]).then_some("--demo"))
            .args(["--trusted-proxies", "127.0.0.1/32", "--data-dir"])
            .arg(data_dir)
            .arg("--ready-file")
            .arg(&ready_file)
            .env("DATABASE_URL", &postgres_url)
            .env("NATS_URL", underneath.nats_url())
            .env("MEDICALPRO_MASTER_KEY", &master_key)
            .envs(NO_RATE_LIMITS)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("the log file twice"))
            .stderr(output);
        let mut process = spawn_dying_with_us(command);
        reports.push(wait_for_report(&ready_file, &mut process, log));
        processes.push(process);
    }
    let (nginx, url) = start_nginx(data_dir, &reports);
    let first = reports.swap_remove(0);
    (nginx, ReadyReport { url, ..first }, Beside { processes, _underneath: Mutex::new(underneath) })
}

/// nginx on a free port, with the file of `deploy/` and the ports that the services have.
fn start_nginx(data_dir: &Path, reports: &[ReadyReport]) -> (Child, String) {
    let deployed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/nginx/medicalpro.conf");
    let mut site = std::fs::read_to_string(deployed).expect("the file of deploy/");
    for (number, report) in (3001..).zip(reports) {
        let usual = format!("127.0.0.1:{number}");
        assert!(site.contains(&usual), "nginx knows no {usual}");
        site = site.replace(&usual, report.url.strip_prefix("http://").expect("an address"));
    }
    let address = free_address();
    site = site.replace("127.0.0.1:3000", &address);
    let folder = data_dir.with_extension("nginx");
    std::fs::create_dir_all(&folder).expect("a folder for nginx");
    let path = folder.join("nginx.conf");
    let here = folder.display();
    let whole = format!(
        "daemon off;\nmaster_process off;\npid {here}/nginx.pid;\nerror_log {here}/error.log;\n\
         events {{ worker_connections 1024; }}\nhttp {{\naccess_log off;\n\
         client_body_temp_path {here}/body;\nproxy_temp_path {here}/proxy;\nfastcgi_temp_path {here}/fastcgi;\n\
         uwsgi_temp_path {here}/uwsgi;\nscgi_temp_path {here}/scgi;\n{site}}}\n"
    );
    std::fs::write(&path, whole).expect("nginx's settings");
    // One process, so that nothing is left of it when it is killed.
    let mut command = Command::new(nginx());
    command.arg("-c").arg(&path).arg("-p").arg(&folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = spawn_dying_with_us(command);
    let deadline = Instant::now() + NGINX_START;
    while std::net::TcpStream::connect(&address).is_err() {
        let ended = process.try_wait().expect("nginx can be asked");
        assert!(ended.is_none() && Instant::now() < deadline, "nginx does not listen; see {here}/error.log");
        std::thread::sleep(Duration::from_millis(20));
    }
    (process, format!("http://{address}"))
}

/// Debian keeps it where only root looks.
fn nginx() -> PathBuf {
    let usual = PathBuf::from("/usr/sbin/nginx");
    if usual.exists() { usual } else { PathBuf::from("nginx") }
}

/// An address on which nobody listens at this moment.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").to_string()
}
