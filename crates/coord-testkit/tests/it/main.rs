//! Integration tests of the test kit.

mod collections;
mod conformance;
mod differential;
mod fake;
mod memory;
mod server;
