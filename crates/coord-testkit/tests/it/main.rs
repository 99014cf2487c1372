//! Integration tests of the test kit.

mod collections;
mod memory;
mod server;
