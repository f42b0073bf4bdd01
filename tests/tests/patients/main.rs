//! Patients through the HTTP interface of a real server.

mod access;
mod archive;
mod duplicates;
mod history;
mod list;
mod permissions;
mod register;
mod restrict;
mod retries;
mod revise;
mod validation;
