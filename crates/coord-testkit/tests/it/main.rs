//! Integration tests of the test kit.

mod conformance;
mod lua;
mod lua_cases;
mod memory;
mod server;
