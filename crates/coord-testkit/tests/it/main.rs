//! Integration tests of the test kit.

mod conformance;
mod memory;
mod server;
