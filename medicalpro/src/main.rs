//! The program `medicalpro`: reads the settings, runs the command, and ends with its code.

use std::process::ExitCode;

use medicalpro::config::{Cli, Command};
use medicalpro::{logging, ownership, program};

/// A request is many small allocations, most of them JSON: this allocator does them at half the cost of the C library's (see
/// docs/performance.md).
#[cfg(not(feature = "count-allocations"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The same allocator, with its calls counted for the benchmark.
#[cfg(feature = "count-allocations")]
#[global_allocator]
static ALLOCATOR: medicalpro::allocations::Counting<mimalloc::MiMalloc> =
    medicalpro::allocations::Counting(mimalloc::MiMalloc);

fn main() -> ExitCode {
    let outcome = match Cli::from_environment().command {
        Command::Serve(config) => {
            logging::start(config.log_format, &config.log_level);
            program::run(&config)
        }
        Command::Services => return print_services(),
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

/// Prints who owns what. It needs no database.
fn print_services() -> ExitCode {
    match ownership::Ownership::of_the_product() {
        Ok(ownership) => {
            let written = std::io::Write::write_all(&mut std::io::stdout(), ownership.to_string().as_bytes());
            if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            tracing::error!(%error, "the services do not fit together");
            ExitCode::FAILURE
        }
    }
}
