//! The `cmsgpack` library: MessagePack encoding and decoding.

mod pack;
mod unpack;

use mlua::{Lua, MultiValue, Table, Value};

use super::args::Args;
use super::raise::error;

/// Builds the library table.
pub(crate) fn library(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set(
        "pack",
        lua.create_function(|lua, args: MultiValue| {
            let args = Args::new(lua, args);
            if args.len() == 0 {
                return Err(args.bad(0, "MessagePack pack needs input."));
            }
            let mut out = Vec::new();
            for value in args.iter() {
                pack::pack(value, &mut out)?;
            }
            lua.create_string(&out)
        })?,
    )?;
    table.raw_set(
        "unpack",
        lua.create_function(|lua, args: MultiValue| unpack_from(&Args::new(lua, args), 0, 0))?,
    )?;
    table.raw_set(
        "unpack_one",
        lua.create_function(|lua, args: MultiValue| {
            let args = Args::new(lua, args);
            let offset = args.integer_or(2, 0)?;
            unpack_from(&args, 1, offset)
        })?,
    )?;
    table.raw_set(
        "unpack_limit",
        lua.create_function(|lua, args: MultiValue| {
            let args = Args::new(lua, args);
            let limit = args.integer(2)?;
            let offset = args.integer_or(3, 0)?;
            unpack_from(&args, limit, offset)
        })?,
    )?;
    table.raw_set("_NAME", "cmsgpack")?;
    table.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    table.raw_set("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo")?;
    table.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    Ok(table)
}

/// Decodes up to `limit` values from `offset`; all when both are 0. Otherwise
/// the first result is the offset of the rest, -1 at the end.
fn unpack_from(args: &Args<'_>, limit: i64, offset: i64) -> mlua::Result<MultiValue> {
    let data = args.bytes(1)?;
    let length = i64::try_from(data.len()).unwrap_or(i64::MAX);
    if offset < 0 || limit < 0 {
        let text =
            format!("Invalid request to unpack with offset of {offset} and limit of {length}.");
        return Err(error(args.lua, text));
    }
    if offset > length {
        let text = format!("Start offset {offset} greater than input length {length}.");
        return Err(error(args.lua, text));
    }
    let all = limit == 0 && offset == 0;
    let mut reader = unpack::Reader::new(&data, usize::try_from(offset).unwrap_or(usize::MAX));
    let mut values = Vec::new();
    while !reader.is_empty() && (all || i64::try_from(values.len()).is_ok_and(|n| n < limit)) {
        values.push(reader.value(args.lua)?);
    }
    if !all {
        let rest =
            if reader.is_empty() { -1 } else { i64::try_from(reader.position()).unwrap_or(-1) };
        values.insert(0, Value::Integer(rest));
    }
    Ok(values.into())
}
