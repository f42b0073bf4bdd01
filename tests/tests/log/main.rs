//! The promises of the log, each with real concurrency: many writers on several pools, as on several servers.

mod access;
mod events;
mod expected_version;
mod functions;
mod guards;
mod idempotency;
mod immutability;
mod not_understood;
mod order;
mod personal_data;
mod reservations;
