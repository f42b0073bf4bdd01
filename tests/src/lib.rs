//! What end-to-end tests share: private servers, a database or a practice of its own per test, and clients.

pub mod agenda;
pub mod apart;
pub mod cluster;
pub mod desk;
pub mod drill;
pub mod fleet;
pub mod given;
pub mod house;
pub mod practice;
pub mod screen;
pub mod server;
pub mod sms;
pub mod smtp;
pub mod staff;
