//! `medicalpro`: the backend of a medical practice.

use std::process::ExitCode;

use api::config::{Cli, Command};
use api::{logging, program};

fn main() -> ExitCode {
    match Cli::from_environment().command {
        Command::Serve(config) => {
            logging::start(config.log_format, &config.log_level);
            match program::run(&config) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    tracing::error!(%error, "the server does not run");
                    ExitCode::FAILURE
                }
            }
        }
    }
}
