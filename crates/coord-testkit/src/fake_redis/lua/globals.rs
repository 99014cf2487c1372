//! Basic functions that Redis replaces or that must know protected tables.

use std::sync::{Arc, Mutex, PoisonError};

use mlua::{Function, Lua, MultiValue, Table, Value};

use super::args::{Args, to_bytes};
use super::loading;
use super::raise::{
    OWN_CHUNK, Raise, Stopping, bare, error, into_value, unwrap, without_own_position,
};
use super::random::Random48;
use super::sandbox::{behind, refuse_write, view_of_metatable};

/// The Lua half of the replaced functions: it turns the bridge's error values
/// into what scripts expect, and lets nobody catch the end of a stopped script.
///
/// Results cross the bridge's protected calls in a table: the interpreter aborts
/// the process (with its assertions on) when such a call has many results.
const PRELUDE: &str = r#"
local pcall, xpcall, select, error, unpack, reveal, message = pcall, xpcall, select, error, unpack, ...
local resume = coroutine.resume
local function pack(...) return select('#', ...), {...} end
local function packed(f, ...) return pack(f(...)) end
local function after_pcall(ok, count, results)
  if ok then return true, unpack(results, 1, count) end
  return false, message(count)
end
local function safe_pcall(...)
  if select('#', ...) == 0 then return false, 'attempt to call a boolean value' end
  return after_pcall(pcall(packed, ...))
end
local function after_xpcall(ok, count, results)
  if ok then return true, unpack(results, 1, count) end
  return false, reveal(count)
end
local function safe_xpcall(f, ...)
  if select('#', ...) == 0 then error("bad argument #2 to 'xpcall' (value expected)", 2) end
  local handler = ...
  return after_xpcall(xpcall(function() return pack(f()) end, function(e) return (handler(reveal(e))) end))
end
local function after_resume(ok, ...)
  if ok then return true, ... end
  return false, reveal((...))
end
local function safe_resume(...)
  return after_resume(resume(...))
end
return safe_pcall, safe_xpcall, safe_resume
"#;

/// Installs the replaced functions into `globals`, a copy of the originals.
pub(crate) fn install(
    lua: &Lua,
    globals: &Table,
    random: &Arc<Mutex<Random48>>,
) -> mlua::Result<()> {
    let reveal = lua.create_function(|lua, value: Value| {
        Stopping::check(lua)?;
        match value {
            Value::Error(inner) => match unwrap(&inner) {
                stopped @ Raise::Stopped(_) => Err(stopped.into()),
                raise => into_value(lua, &raise),
            },
            Value::String(text) => own_position_removed(lua, text),
            other => Ok(other),
        }
    })?;
    let message = lua.create_function(|lua, value: Value| pcall_message(lua, value))?;
    let (pcall, xpcall, resume): (Function, Function, Function) =
        lua.load(PRELUDE).set_name(OWN_CHUNK).call((reveal, message))?;
    globals.raw_set("pcall", pcall)?;
    globals.raw_set("xpcall", xpcall)?;
    let coroutine: Table = globals.raw_get("coroutine")?;
    wrap(lua, &coroutine)?;
    coroutine.raw_set("resume", resume)?;
    iteration(lua, globals)?;
    metatables(lua, globals)?;
    loading::install(lua, globals)?;
    let math: Table = globals.raw_get("math")?;
    install_random(lua, &math, random)
}

/// `coroutine.wrap` as a host function, so that it does not hide its caller's line.
fn wrap(lua: &Lua, coroutine: &Table) -> mlua::Result<()> {
    let create: Function = coroutine.raw_get("create")?;
    let resume: Function = coroutine.raw_get("resume")?;
    let wrap = lua.create_function(move |lua, args: MultiValue| {
        let args = Args::new(lua, args);
        let Some(Value::Function(body)) = args.value(1) else {
            return Err(args.bad(1, "Lua function expected"));
        };
        let thread: Value = create.call(body)?;
        let resume = resume.clone();
        lua.create_function(move |lua, mut args: MultiValue| {
            args.push_front(thread.clone());
            let mut results: MultiValue = resume.call(args)?;
            if matches!(results.pop_front(), Some(Value::Boolean(true))) {
                return Ok(results);
            }
            Err(match results.pop_front().unwrap_or(Value::Nil) {
                Value::Error(inner) => match unwrap(&inner) {
                    Raise::Text(text) => error(lua, text),
                    other => other.into(),
                },
                other => match to_bytes(&other) {
                    Some(text) => error(lua, text),
                    None => Raise::Value(other).into(),
                },
            })
        })
    })?;
    coroutine.raw_set("wrap", wrap)
}

/// What Redis's `pcall` gives as the message: the `err` field of a table.
fn pcall_message(lua: &Lua, value: Value) -> mlua::Result<Value> {
    Stopping::check(lua)?;
    match value {
        Value::Error(inner) => match unwrap(&inner) {
            stopped @ Raise::Stopped(_) => Err(stopped.into()),
            Raise::Value(value) => pcall_message(lua, value),
            Raise::Text(text) | Raise::Reply(text) | Raise::Command(text) => {
                Ok(Value::String(lua.create_string(&text)?))
            }
        },
        Value::Table(table) => {
            let err: Value = table.get("err")?;
            Ok(if to_bytes(&err).is_some() { err } else { Value::Table(table) })
        }
        Value::String(text) => own_position_removed(lua, text),
        other => Ok(other),
    }
}

/// Without the position of the sandbox's own Lua code, which `error(text, 2)`
/// finds where a script's function was called by it.
fn own_position_removed(lua: &Lua, text: mlua::LuaString) -> mlua::Result<Value> {
    let bytes = text.as_bytes();
    let rest = without_own_position(&bytes);
    if rest.len() == bytes.len() {
        drop(bytes);
        return Ok(Value::String(text));
    }
    lua.create_string(rest).map(Value::String)
}

fn iteration(lua: &Lua, globals: &Table) -> mlua::Result<()> {
    let raw_next: Function = globals.raw_get("next")?;
    let next = raw_next.clone();
    globals.raw_set(
        "next",
        lua.create_function(move |lua, args: MultiValue| {
            let args = Args::new(lua, args);
            let table = args.table(1)?;
            let table = behind(&table)?.unwrap_or(table);
            let key = args.value(2).cloned().unwrap_or(Value::Nil);
            next.call::<MultiValue>((table, key)).map_err(|e| bare(unwrap(&e).to_string()))
        })?,
    )?;
    globals.raw_set(
        "pairs",
        lua.create_function(move |lua, args: MultiValue| {
            let table = Args::new(lua, args).table(1)?;
            let table = match behind(&table)? {
                // A copy: the original would be open to writes.
                Some(real) => lua.create_table_from(real.pairs::<Value, Value>().flatten())?,
                None => table,
            };
            Ok((raw_next.clone(), table, Value::Nil))
        })?,
    )?;
    globals.raw_set(
        "rawget",
        lua.create_function(|lua, args: MultiValue| {
            let args = Args::new(lua, args);
            let table = args.table(1)?;
            let key = args.any(2)?.clone();
            behind(&table)?.unwrap_or(table).raw_get::<Value>(key)
        })?,
    )?;
    globals.raw_set(
        "rawset",
        lua.create_function(|lua, args: MultiValue| {
            let args = Args::new(lua, args);
            let table = args.table(1)?;
            let key = args.any(2)?.clone();
            let value = args.any(3)?.clone();
            if behind(&table)?.is_some() {
                return Err(bare(refuse_write()));
            }
            table.raw_set(key, value).map_err(|e| bare(unwrap(&e).to_string()))?;
            Ok(table)
        })?,
    )
}

fn metatables(lua: &Lua, globals: &Table) -> mlua::Result<()> {
    let raw: Function = globals.raw_get("getmetatable")?;
    globals.raw_set(
        "getmetatable",
        lua.create_function(move |lua, args: MultiValue| {
            let args = Args::new(lua, args);
            let value = args.any(1)?.clone();
            match view_of_metatable(lua, &value)? {
                Some(view) => Ok(view),
                None => raw.call::<Value>(value),
            }
        })?,
    )?;
    globals.raw_set(
        "setmetatable",
        lua.create_function(|lua, args: MultiValue| {
            let args = Args::new(lua, args);
            let table = args.table(1)?;
            let metatable = match args.value(2) {
                Some(Value::Nil) => None,
                Some(Value::Table(metatable)) => Some(metatable.clone()),
                _ => return Err(args.bad(2, "nil or table expected")),
            };
            if behind(&table)?.is_some() {
                return Err(bare(refuse_write()));
            }
            if let Some(present) = table.metatable()
                && !present.raw_get::<Value>("__metatable")?.is_nil()
            {
                return Err(error(lua, "cannot change a protected metatable"));
            }
            table.set_metatable(metatable)?;
            Ok(table)
        })?,
    )
}

fn install_random(lua: &Lua, math: &Table, random: &Arc<Mutex<Random48>>) -> mlua::Result<()> {
    let numbers = Arc::clone(random);
    #[expect(clippy::cast_precision_loss, reason = "Lua 5.1 has doubles only")]
    let next = lua.create_function(move |lua, args: MultiValue| {
        let args = Args::new(lua, args);
        let fraction = numbers.lock().unwrap_or_else(PoisonError::into_inner).fraction();
        let (low, high) = match args.len() {
            0 => return Ok(fraction),
            1 => (1, args.integer(1)?),
            2 => (args.integer(1)?, args.integer(2)?),
            _ => return Err(error(lua, "wrong number of arguments")),
        };
        if low > high {
            return Err(args.bad(args.len(), "interval is empty"));
        }
        Ok((fraction * (high.wrapping_sub(low).wrapping_add(1)) as f64).floor() + low as f64)
    })?;
    math.raw_set("random", next)?;
    let numbers = Arc::clone(random);
    let seed = lua.create_function(move |lua, args: MultiValue| {
        let seed = Args::new(lua, args).integer(1)?.cast_unsigned() & 0xffff_ffff;
        let seeded = Random48::seeded(u32::try_from(seed).unwrap_or(0));
        *numbers.lock().unwrap_or_else(PoisonError::into_inner) = seeded;
        Ok(())
    })?;
    math.raw_set("randomseed", seed)
}
