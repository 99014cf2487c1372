//! Lua scripting: an interpreter with the libraries and the rules of Redis 7.0.
//!
//! What differs from a real server, by decision:
//! * A reply nested deeper than [`convert::MAX_DEPTH`] ends with Redis's error
//!   "reached lua stack limit"; a real server ends about 8000 levels deep.
//! * The interpreter may use [`mlua_engine::MEMORY_LIMIT`] bytes and a script
//!   [`engine::Limits::instructions`] virtual-machine instructions; beyond it
//!   fails with an error of its own, while a real server goes on.
//! * `error({})` without an `err` field kills a real server; here it is an error.
//! * `table.insert` into a library table is dropped after the script instead of
//!   being an error; every other write to them fails as in Redis.
//! * Time does not pass inside a script, as in Redis 7.2 and later.

mod api;
mod args;
mod bit;
mod cjson;
mod cmsgpack;
mod convert;
pub(crate) mod engine;
mod globals;
mod library;
mod loading;
mod massive;
mod mlua_engine;
mod number;
mod raise;
mod random;
mod sandbox;
mod struct_lib;

pub(crate) use library::{INVALID_NAME, is_valid_name};
pub(crate) use mlua_engine::MluaEngine;
