//! Integration tests of the test kit.

mod collections;
mod conformance;
mod lua;
mod lua_cases;
mod differential;
mod memory;
mod server;
