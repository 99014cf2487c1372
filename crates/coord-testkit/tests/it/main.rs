//! Integration tests of the test kit.

mod server;
