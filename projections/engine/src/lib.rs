//! How any read model runs, follows the log and is rebuilt, and how queries read it. No aggregate is named here.
//!
//! A [`Projection`] turns events into rows. [`Projections`] runs projections, each on one server at a time.
//! [`rebuild`] fills a second copy of one, beside the live tables. [`following`] runs policies in the same way, and
//! [`checkpoint`] is what all of them stand on. [`folding`],
//! [`reading`] and [`stored`] are for the crate that holds the read models.

pub mod checkpoint;
pub mod folding;
pub mod following;
pub mod history;
mod idle;
mod install;
mod leadership;
mod progress;
mod projection;
pub mod reading;
pub mod rebuild;
mod runner;
mod running;
pub mod session;
pub mod stored;

pub use install::{InstallError, install};
pub use progress::{ProjectionState, ProjectionStatus};
pub use projection::{Projection, ProjectionError, Share, Transaction};
pub use reading::QueryError;
pub use running::Projections;
pub use stored::Stored;
