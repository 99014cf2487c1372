//! Integration tests of the test kit.

mod memory;
mod server;
