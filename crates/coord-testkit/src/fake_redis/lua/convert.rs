//! Replies to Lua values and Lua values to replies.

use bytes::Bytes;
use mlua::{Lua, Table, Value};

use super::super::reply::Reply;
use super::args::number_value;
use super::number::c_integer;
use super::raise::error_table;

/// Levels of nested tables in a reply of a script.
pub(crate) const MAX_DEPTH: usize = 200;

/// The Lua value of a command's reply. The reply was made for the protocol the
/// script chose; types only RESP3 knows are flattened without it.
pub(crate) fn to_lua(lua: &Lua, reply: Reply, resp3: bool) -> mlua::Result<Value> {
    let text = |bytes: &[u8]| lua.create_string(bytes).map(Value::String);
    let single = |field: &str, value: Value| -> mlua::Result<Value> {
        let table = lua.create_table()?;
        table.raw_set(field, value)?;
        Ok(Value::Table(table))
    };
    let null = if resp3 { Value::Nil } else { Value::Boolean(false) };
    match reply {
        Reply::Simple(status) => single("ok", text(status.as_bytes())?),
        Reply::Error(message) => {
            let table = error_table(lua, message.as_bytes())?;
            table.raw_set("ignore_error_stats_update", true)?;
            Ok(Value::Table(table))
        }
        Reply::Integer(integer) => Ok(Value::Integer(integer)),
        Reply::Null | Reply::NullArray | Reply::None => Ok(null),
        Reply::Array(items) | Reply::Push(items) => array(lua, items, resp3),
        Reply::Map(entries) if resp3 => {
            let map = lua.create_table()?;
            for (key, value) in entries {
                map.raw_set(to_lua(lua, key, true)?, to_lua(lua, value, true)?)?;
            }
            single("map", Value::Table(map))
        }
        Reply::Map(entries) => {
            array(lua, entries.into_iter().flat_map(|(key, value)| [key, value]).collect(), false)
        }
        Reply::Set(items) if resp3 => {
            let set = lua.create_table()?;
            for item in items {
                set.raw_set(to_lua(lua, item, true)?, true)?;
            }
            single("set", Value::Table(set))
        }
        Reply::Set(items) => array(lua, items, false),
        Reply::Double(number) if resp3 => single("double", Value::Number(number)),
        Reply::Double(number) => text(super::super::number::format_double(number).as_bytes()),
        Reply::DoubleText(digits) if resp3 => {
            single("double", Value::Number(digits.parse().unwrap_or(f64::NAN)))
        }
        Reply::Bool(boolean) if resp3 => Ok(Value::Boolean(boolean)),
        Reply::Bool(boolean) => Ok(Value::Integer(i64::from(boolean))),
        Reply::BigNumber(digits) if resp3 => single("big_number", text(digits.as_bytes())?),
        Reply::BigNumber(digits) | Reply::DoubleText(digits) => text(digits.as_bytes()),
        Reply::Verbatim(format, bytes) if resp3 => {
            let table = lua.create_table()?;
            table.raw_set("format", format)?;
            table.raw_set("string", text(&bytes)?)?;
            single("verbatim_string", Value::Table(table))
        }
        Reply::Bulk(bytes) | Reply::Verbatim(_, bytes) => text(&bytes),
        // Scripts do not see facts about replies.
        Reply::Attributed(_, reply) => to_lua(lua, *reply, resp3),
    }
}

fn array(lua: &Lua, items: Vec<Reply>, resp3: bool) -> mlua::Result<Value> {
    let table = lua.create_table_with_capacity(items.len(), 0)?;
    for (index, item) in items.into_iter().enumerate() {
        table.raw_set(index + 1, to_lua(lua, item, resp3)?)?;
    }
    Ok(Value::Table(table))
}

/// The reply of a script that returned `value`; `resp3` is the script's choice.
pub(crate) fn to_reply(value: &Value, resp3: bool) -> mlua::Result<Reply> {
    reply_at(value, resp3, 0)
}

fn reply_at(value: &Value, resp3: bool, depth: usize) -> mlua::Result<Reply> {
    if depth >= MAX_DEPTH {
        return Ok(Reply::Error("ERR reached lua stack limit".to_owned()));
    }
    Ok(match value {
        Value::String(text) => Reply::Bulk(Bytes::copy_from_slice(&text.as_bytes())),
        Value::Boolean(boolean) if resp3 => Reply::Bool(*boolean),
        Value::Boolean(true) => Reply::Integer(1),
        Value::Table(table) => table_reply(table, resp3, depth)?,
        other => number_value(other).map_or(Reply::Null, |n| Reply::Integer(c_integer(n))),
    })
}

/// The special forms of tables are tried in the order of Redis.
fn table_reply(table: &Table, resp3: bool, depth: usize) -> mlua::Result<Reply> {
    if let Value::String(text) = table.raw_get("err")? {
        return Ok(Reply::Error(one_line(&text.as_bytes())));
    }
    if let Value::String(text) = table.raw_get("ok")? {
        return Ok(Reply::Simple(one_line(&text.as_bytes()).into()));
    }
    if let Some(number) = number_value(&table.raw_get("double")?) {
        return Ok(Reply::Double(number));
    }
    if let Value::Table(map) = table.raw_get("map")? {
        let mut entries = Vec::new();
        for pair in map.pairs::<Value, Value>() {
            let (key, value) = pair?;
            entries.push((reply_at(&key, resp3, depth + 1)?, reply_at(&value, resp3, depth + 1)?));
        }
        return Ok(Reply::Map(entries));
    }
    if let Value::Table(set) = table.raw_get("set")? {
        let mut items = Vec::new();
        for pair in set.pairs::<Value, Value>() {
            items.push(reply_at(&pair?.0, resp3, depth + 1)?);
        }
        return Ok(Reply::Set(items));
    }
    if let Value::String(digits) = table.raw_get("big_number")? {
        return Ok(Reply::BigNumber(one_line(&digits.as_bytes())));
    }
    if let Value::Table(verbatim) = table.raw_get("verbatim_string")?
        && let Value::String(text) = verbatim.raw_get("string")?
        && let Value::String(format) = verbatim.raw_get("format")?
    {
        // Redis takes any three letters; replies know these two formats.
        let format = if &*format.as_bytes() == b"mkd" { "mkd" } else { "txt" };
        return Ok(Reply::Verbatim(format, Bytes::copy_from_slice(&text.as_bytes())));
    }
    let mut items = Vec::new();
    for index in 1_i64.. {
        let item: Value = table.raw_get(index)?;
        if item.is_nil() {
            break;
        }
        items.push(reply_at(&item, resp3, depth + 1)?);
    }
    Ok(Reply::Array(items))
}

/// Status and error lines cannot hold line ends.
pub(crate) fn one_line(text: &[u8]) -> String {
    String::from_utf8_lossy(text).replace(['\r', '\n'], " ")
}
