//! Integration tests of the test kit.

mod conformance;
mod differential;
mod memory;
mod server;
