//! Integration tests of the test kit.

mod collections;
mod conformance;
mod differential;
mod lua;
mod lua_cases;
mod memory;
mod server;
