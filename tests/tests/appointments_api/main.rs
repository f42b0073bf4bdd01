//! Appointments through the HTTP interface of a real server.

mod booking;
mod changing;
mod life;
mod lists;
mod live;
mod validation;
