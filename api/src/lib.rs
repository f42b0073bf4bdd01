//! The outermost ring of the house: HTTP and realtime, who acts, configuration, and the program `medicalpro`.

pub mod allocations;
pub mod auth;
pub mod config;
pub mod demo;
pub mod embedded;
pub mod french;
pub mod http;
pub mod logging;
pub mod messaging;
pub mod metrics;
pub mod migrating;
pub mod patient_links;
pub mod program;
pub mod ready_file;
pub mod realtime;
pub mod reminders;
pub mod resources;
pub mod serve;
pub mod services;
pub mod shutdown;
pub mod state;
pub mod waiting;
pub mod welcome;
