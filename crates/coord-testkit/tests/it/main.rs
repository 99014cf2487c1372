//! Integration tests of the test kit.

mod collections;
mod conformance;
mod differential;
mod fake;
mod history;
mod memory;
mod server;
mod strategies;
