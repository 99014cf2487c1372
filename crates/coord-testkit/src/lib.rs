//! Test doubles for `coord`.

pub mod server;
