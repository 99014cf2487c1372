//! Integration tests of the test kit.

mod differential;
mod memory;
mod server;
