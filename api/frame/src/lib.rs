//! The frame of the HTTP interface: what is the same for every operation. A request passes, from the outside in,
//! [`observe`] (id, log line, metrics), [`security_headers`], [`client_address`], [`origins`] (CORS), [`compression`],
//! [`rate`] (how often one caller may ask), [`errors`] (every failure becomes a problem answer), [`refusals`] (what is refused
//! is traced), [`limits`] (how many, how long, how large), the router, and [`routes`] (who calls, which parameters, what the
//! answer shows), before an operation of a service sees it. [`mounting`] puts these together, [`server`] serves them.

pub mod access;
pub mod answers;
pub mod auth;
pub mod client_address;
pub mod comma_separated;
pub mod command;
pub mod compression;
pub mod conditional;
pub mod declared_headers;
pub mod desk;
mod document;
pub mod errors;
#[cfg(test)]
mod frame_tests;
pub mod instants;
pub mod json_tree;
pub mod limits;
pub mod moment;
pub mod mounting;
pub mod observe;
pub mod origins;
pub mod pagination;
pub mod parameter;
pub mod permissions;
pub mod problem;
pub mod problem_code;
pub mod problem_from;
pub mod query;
pub mod rate;
pub mod received;
pub mod refusals;
pub mod request_id;
pub mod routes;
pub mod security_headers;
pub mod server;
pub mod shown;
pub mod shutdown;
pub mod strict_json;
pub mod strict_value;
pub mod tls;
#[cfg(test)]
mod trace_tests;
pub mod unparsed;
pub mod unparsed_code;
mod unread_body;
pub mod written_json;
