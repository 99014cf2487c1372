//! Integration tests of the test kit.

mod collections;
mod conformance;
mod differential;
mod fake;
mod history;
mod lua;
mod lua_cases;
mod lua_limits;
mod memory;
mod own_adapter;
mod server;
mod strategies;
