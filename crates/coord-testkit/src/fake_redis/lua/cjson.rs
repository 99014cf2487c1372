//! The `cjson` library: its table, its settings and their functions.

mod decode;
mod encode;
mod lexer;

use std::sync::{Arc, Mutex, PoisonError};

use mlua::{Lua, MultiValue, Table, Value};

use super::args::Args;

/// What to do with numbers JSON cannot express.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Invalid {
    Refuse,
    Allow,
    Null,
}

/// Settings of one library instance; scripts change them for all later scripts.
#[derive(Debug, Clone)]
struct Settings {
    sparse_convert: bool,
    sparse_ratio: i64,
    sparse_safe: i64,
    encode_depth: i64,
    decode_depth: i64,
    precision: i64,
    keep_buffer: bool,
    encode_invalid: Invalid,
    decode_invalid: bool,
}

impl Settings {
    const fn new() -> Self {
        Self {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth: 1000,
            decode_depth: 1000,
            precision: 14,
            keep_buffer: true,
            encode_invalid: Invalid::Refuse,
            decode_invalid: true,
        }
    }
}

type Shared = Arc<Mutex<Settings>>;

const LARGEST: i64 = i32::MAX as i64;

/// Builds the library table, with settings of its own.
pub(crate) fn library(lua: &Lua) -> mlua::Result<Table> {
    let shared: Shared = Arc::new(Mutex::new(Settings::new()));
    let table = lua.create_table()?;
    add(lua, &table, &shared, "encode", |args, settings| {
        one_argument(args)?;
        let value = args.any(1)?.clone();
        let json = encode::encode(args.lua, settings, value)?;
        many([Value::String(args.lua.create_string(&json)?)])
    })?;
    add(lua, &table, &shared, "decode", |args, settings| {
        one_argument(args)?;
        many([decode::decode(args.lua, settings, &args.bytes(1)?)?])
    })?;
    add(lua, &table, &shared, "encode_sparse_array", |args, settings| {
        at_most(args, 3)?;
        if let Some(choice) = choice(args, &["off", "on"])? {
            settings.sparse_convert = choice == 1;
        }
        let ratio = integer(args, 2, &mut settings.sparse_ratio, 0, LARGEST)?;
        let safe = integer(args, 3, &mut settings.sparse_safe, 0, LARGEST)?;
        many([Value::Boolean(settings.sparse_convert), ratio, safe])
    })?;
    add(lua, &table, &shared, "encode_max_depth", |args, settings| {
        at_most(args, 1)?;
        many([integer(args, 1, &mut settings.encode_depth, 1, LARGEST)?])
    })?;
    add(lua, &table, &shared, "decode_max_depth", |args, settings| {
        at_most(args, 1)?;
        many([integer(args, 1, &mut settings.decode_depth, 1, LARGEST)?])
    })?;
    add(lua, &table, &shared, "encode_number_precision", |args, settings| {
        at_most(args, 1)?;
        many([integer(args, 1, &mut settings.precision, 1, 14)?])
    })?;
    add(lua, &table, &shared, "encode_keep_buffer", |args, settings| {
        at_most(args, 1)?;
        if let Some(choice) = choice(args, &["off", "on"])? {
            settings.keep_buffer = choice == 1;
        }
        many([Value::Boolean(settings.keep_buffer)])
    })?;
    add(lua, &table, &shared, "encode_invalid_numbers", |args, settings| {
        at_most(args, 1)?;
        match choice(args, &["off", "on", "null"])? {
            None => {}
            Some(0) => settings.encode_invalid = Invalid::Refuse,
            Some(1) => settings.encode_invalid = Invalid::Allow,
            Some(_) => settings.encode_invalid = Invalid::Null,
        }
        many([match settings.encode_invalid {
            Invalid::Null => Value::String(args.lua.create_string("null")?),
            other => Value::Boolean(other == Invalid::Allow),
        }])
    })?;
    add(lua, &table, &shared, "decode_invalid_numbers", |args, settings| {
        at_most(args, 1)?;
        if let Some(choice) = choice(args, &["off", "on"])? {
            settings.decode_invalid = choice == 1;
        }
        many([Value::Boolean(settings.decode_invalid)])
    })?;
    table.raw_set("new", lua.create_function(|lua, ()| library(lua))?)?;
    table.raw_set("null", Value::NULL)?;
    table.raw_set("_NAME", "cjson")?;
    table.raw_set("_VERSION", "2.1.0")?;
    Ok(table)
}

fn add(
    lua: &Lua,
    table: &Table,
    shared: &Shared,
    name: &str,
    body: fn(&Args<'_>, &mut Settings) -> mlua::Result<MultiValue>,
) -> mlua::Result<()> {
    let shared = Arc::clone(shared);
    let function = lua.create_function(move |lua, args: MultiValue| {
        let mut settings = shared.lock().unwrap_or_else(PoisonError::into_inner);
        body(&Args::new(lua, args), &mut settings)
    })?;
    table.raw_set(name, function)
}

fn many<const N: usize>(values: [Value; N]) -> mlua::Result<MultiValue> {
    Ok(MultiValue::from_iter(values))
}

fn one_argument(args: &Args<'_>) -> mlua::Result<()> {
    if args.len() == 1 { Ok(()) } else { Err(args.bad(1, "expected 1 argument")) }
}

fn at_most(args: &Args<'_>, limit: usize) -> mlua::Result<()> {
    if args.len() <= limit { Ok(()) } else { Err(args.bad(limit + 1, "found too many arguments")) }
}

/// The index of the option named by the first argument; nothing when it is nil.
fn choice(args: &Args<'_>, options: &[&str]) -> mlua::Result<Option<usize>> {
    match args.value(1) {
        None | Some(Value::Nil) => Ok(None),
        Some(Value::Boolean(on)) => Ok(Some(usize::from(*on))),
        Some(_) => {
            let text = args.bytes(1)?;
            match options.iter().position(|o| o.as_bytes() == text) {
                Some(index) => Ok(Some(index)),
                None => {
                    Err(args
                        .bad(1, &format!("invalid option '{}'", String::from_utf8_lossy(&text))))
                }
            }
        }
    }
}

fn integer(
    args: &Args<'_>,
    index: usize,
    setting: &mut i64,
    low: i64,
    high: i64,
) -> mlua::Result<Value> {
    if !matches!(args.value(index), None | Some(Value::Nil)) {
        let value = args.integer(index)?;
        if value < low || value > high {
            return Err(args.bad(1, &format!("expected integer between {low} and {high}")));
        }
        *setting = value;
    }
    Ok(Value::Integer(*setting))
}
