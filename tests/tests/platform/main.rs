//! The server as its operators meet it: starting, stopping, failing, and what it leaves behind.

mod declared;
mod former;
mod frame;
mod lifetime;
mod limits;
mod readme;
mod replay;
mod secrets;
mod traces;
mod unread_body;
mod unread_log;
