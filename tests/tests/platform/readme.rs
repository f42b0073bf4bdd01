//! The README's first request, run as it stands there.

use std::process::Command;

use system_tests::server::{Server, program};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_request_of_the_readme_works_as_written() {
    let server = Server::shared();
    let secretary = server.report.accounts.iter().find(|account| account.role == "secretary").unwrap();
    let readme = include_str!("../../../README.md");
    let (_, request) = readme.split_once("## A first request").unwrap();
    let (_, script) = request.split_once("```sh\n").unwrap();
    let (script, _) = script.split_once("```").unwrap();
    let mut script = script.to_owned();
    for (written, here) in [
        ("http://127.0.0.1:3000", server.report.url.as_str()),
        ("the password printed by make run", &secretary.password),
        ("target/release/medicalpro-replay", program("medicalpro-replay").to_str().unwrap()),
        ("$(scripts/data-dir.sh)", server.data_dir.to_str().unwrap()),
    ] {
        assert!(script.contains(written), "the README no longer says {written}");
        script = script.replace(written, here);
    }
    let output = Command::new("bash").args(["-euc", &script]).output().unwrap();
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    for expected in ["\"patientNumber\":\"P", "\"total\":1", "\"eventType\":\"PatientRegistered\"", "Version 1"] {
        assert!(said.contains(expected), "{expected} is missing:\n{said}\n{complained}");
    }
}
