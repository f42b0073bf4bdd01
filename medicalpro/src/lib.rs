//! The program `medicalpro`: configuration, the servers underneath, the services that it serves, health, metrics and logs. It
//! knows all rooms; no room knows it.

pub mod background;
pub mod catalogue;
pub mod config;
pub mod demo;
pub mod error;
pub mod health;
pub mod logging;
pub mod metrics;
pub mod ownership;
pub mod program;
pub mod ready_file;
pub mod serve;
pub mod welcome;
