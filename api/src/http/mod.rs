//! The frame of the HTTP interface: what is the same for every operation. A request passes, from the outside in,
//! [`observe`] (id, log line, metrics), [`compression`], [`errors`] (every failure becomes a problem answer), [`limits`]
//! (how many, how long, how large), the router, and [`routes`] (who calls, which parameters), before a handler of
//! [`crate::resources`] sees it. [`server`] puts these together.

pub mod auth;
pub mod command;
pub mod compression;
pub mod conditional;
pub mod document;
pub mod errors;
#[cfg(test)]
mod frame_tests;
pub mod json_tree;
pub mod limits;
pub mod mapping;
pub mod observe;
pub mod pagination;
pub mod parameter;
pub mod problem;
pub mod problem_code;
pub mod query;
pub mod request_id;
pub mod routes;
pub mod server;
pub mod strict_json;
pub mod strict_value;
pub mod wire;
pub mod wire_code;
