//! The program `medicalpro`. It knows all rooms, and no room knows it.
//!
//! ```text
//! main ─► config ─► program ─► embedded servers, keys, migrations
//!                      ├─► background ─► read models, publisher, live screens, policies ─► checks ─► health
//!                      ├─► catalogue ─► each service mounts its operations in the frame
//!                      └─► serve ─► sockets, metrics, ready_file, welcome; then everything stops in order
//! ownership ─► `medicalpro services`
//! ```

pub mod allocations;
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
