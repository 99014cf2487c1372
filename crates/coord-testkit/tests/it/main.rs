//! Integration tests of the test kit.

mod collections;
mod conformance;
mod memory;
mod server;
