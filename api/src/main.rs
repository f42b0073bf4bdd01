//! `medicalpro`: the backend of a medical practice.

use std::process::ExitCode;

use api::config::{Cli, Command};
use api::{logging, program};

/// A request is many small allocations, most of them JSON: this allocator does them at half the cost of the C library's (see
/// docs/performance.md).
#[cfg(not(feature = "count-allocations"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The same allocator, with its calls counted for the benchmark.
#[cfg(feature = "count-allocations")]
#[global_allocator]
static ALLOCATOR: api::allocations::Counting<mimalloc::MiMalloc> = api::allocations::Counting(mimalloc::MiMalloc);

fn main() -> ExitCode {
    let outcome = match Cli::from_environment().command {
        Command::Serve(config) => {
            logging::start(config.log_format, &config.log_level);
            program::run(&config)
        }
        Command::RotateSigningKey(config) => {
            logging::start(config.serve.log_format, &config.serve.log_level);
            program::rotate_signing_key(&config)
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the program ends");
            ExitCode::FAILURE
        }
    }
}
