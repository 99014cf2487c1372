//! Integration tests of the test kit.

mod differential;
mod conformance;
mod memory;
mod server;
