//! The program `medicalpro`: reads the settings, runs the command, and ends with its code.

use std::process::ExitCode;

use medicalpro::config::{Cli, Command, ServeConfig};
use medicalpro::error::ProgramError;
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
    match Cli::from_environment().command {
        Command::Serve(config) => logged(&config, || program::run(&config)),
        Command::Services => print_services(),
        Command::RotateSigningKey(config) => logged(&config.serve, || program::rotate_signing_key(&config)),
    }
}

/// Runs a command that logs. The last line says why it failed.
fn logged(config: &ServeConfig, run: impl FnOnce() -> Result<(), ProgramError>) -> ExitCode {
    let _logging = logging::start(config.log_format, &config.log_level);
    match run() {
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
