//! Appointments: through the HTTP interface of a real server, in [`log`] on the log below, with thousands of runs, and in
//! [`fleet`] on two servers at once.

mod booking;
mod changing;
mod fleet;
mod holds;
mod life;
mod lists;
mod live;
mod log;
mod together;
mod validation;
