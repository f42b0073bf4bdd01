//! The program `medicalpro-replay`: one question to the log, one answer on the standard output. The progress of longer work
//! goes to the standard error.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use replay_tools::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let answer = ask(&cli).and_then(|answer| Ok(io::stdout().lock().write_all(&answer)?));
    match answer {
        Ok(()) => ExitCode::SUCCESS,
        Err(replay_tools::ReplayError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told if this fails.
            let _ = writeln!(io::stderr().lock(), "error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

/// The whole answer. Gathered before any of it is written, so that a failure half-way leaves no half answer behind.
fn ask(cli: &Cli) -> Result<Vec<u8>, replay_tools::ReplayError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut answer = Vec::new();
    runtime.block_on(replay_tools::run(cli, &mut answer))?;
    Ok(answer)
}
