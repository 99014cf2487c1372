//! Basic functions that Redis replaces or that must know protected tables.

use std::sync::{Arc, Mutex, PoisonError};

use mlua::{Function, Lua, MultiValue, Table, Value};

use super::args::{Args, to_bytes};
use super::raise::{Raise, bare, error, into_value, unwrap};
use super::random::Random48;
use super::sandbox::{behind, refuse_write, view_of_metatable};

/// Largest text `load` collects from its reader, bytes.
const MAX_CHUNK: usize = 64 * 1024 * 1024;

/// The Lua half of the replaced functions: it turns the bridge's error values
/// into what scripts expect, and lets nobody catch the end of a stopped script.
const PRELUDE: &str = r#"
local pcall, xpcall, select, error, reveal, message = pcall, xpcall, select, error, ...
local create, resume = coroutine.create, coroutine.resume
local function after_pcall(ok, ...)
  if ok then return true, ... end
  return false, message((...))
end
local function safe_pcall(...)
  if select('#', ...) == 0 then return false, 'attempt to call a boolean value' end
  return after_pcall(pcall(...))
end
local function after(ok, ...)
  if ok then return true, ... end
  return false, reveal((...))
end
local function safe_xpcall(f, ...)
  if select('#', ...) == 0 then error("bad argument #2 to 'xpcall' (value expected)", 2) end
  local handler = ...
  return after(xpcall(f, function(e) return handler(reveal(e)) end))
end
local function safe_resume(...)
  return after(resume(...))
end
local function finish(ok, ...)
  if ok then return ... end
  error(reveal((...)), 0)
end
local function wrap(f)
  local co = create(f)
  return function(...) return finish(resume(co, ...)) end
end
return safe_pcall, safe_xpcall, safe_resume, wrap
"#;

/// Installs the replaced functions into `globals`, a copy of the originals.
pub(crate) fn install(lua: &Lua, globals: &Table, random: &Arc<Mutex<Random48>>) -> mlua::Result<()> {
    let reveal = lua.create_function(|lua, value: Value| match value {
        Value::Error(inner) => match unwrap(&inner) {
            stopped @ Raise::Stopped(_) => Err(stopped.into()),
            raise => into_value(lua, &raise),
        },
        other => Ok(other),
    })?;
    let message = lua.create_function(|lua, value: Value| pcall_message(lua, value))?;
    let (pcall, xpcall, resume, wrap): (Function, Function, Function, Function) =
        lua.load(PRELUDE).set_name("=redis").call((reveal, message))?;
    globals.raw_set("pcall", pcall)?;
    globals.raw_set("xpcall", xpcall)?;
    let coroutine: Table = globals.raw_get("coroutine")?;
    coroutine.raw_set("resume", resume)?;
    coroutine.raw_set("wrap", wrap)?;
    iteration(lua, globals)?;
    metatables(lua, globals)?;
    loading(lua, globals)?;
    let math: Table = globals.raw_get("math")?;
    install_random(lua, &math, random)
}

/// What Redis's `pcall` gives as the message: the `err` field of a table.
fn pcall_message(lua: &Lua, value: Value) -> mlua::Result<Value> {
    match value {
        Value::Error(inner) => match unwrap(&inner) {
            stopped @ Raise::Stopped(_) => Err(stopped.into()),
            Raise::Text(text) | Raise::Reply(text) | Raise::Command(text) => Ok(Value::String(lua.create_string(&text)?)),
        },
        Value::Table(table) => {
            let err: Value = table.get("err")?;
            Ok(if to_bytes(&err).is_some() { err } else { Value::Table(table) })
        }
        other => Ok(other),
    }
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

/// `loadstring` and `load`, for source text only.
fn loading(lua: &Lua, globals: &Table) -> mlua::Result<()> {
    let compile: Function = globals.raw_get("loadstring")?;
    let from_text = compile.clone();
    globals.raw_set(
        "loadstring",
        lua.create_function(move |lua, args: MultiValue| {
            let args = Args::new(lua, args);
            let text = args.bytes(1)?;
            let name = match args.value(2) {
                None | Some(Value::Nil) => text.clone(),
                Some(_) => args.bytes(2)?,
            };
            source(lua, &from_text, &text, &name)
        })?,
    )?;
    globals.raw_set(
        "load",
        lua.create_function(move |lua, args: MultiValue| {
            let args = Args::new(lua, args);
            let Some(Value::Function(reader)) = args.value(1) else {
                let found = args.value(1).map_or("no value", super::args::type_name);
                return Err(args.bad(1, &format!("function expected, got {found}")));
            };
            let name = match args.value(2) {
                None | Some(Value::Nil) => b"=(load)".to_vec(),
                Some(_) => args.bytes(2)?,
            };
            let mut text = Vec::new();
            loop {
                let piece = match reader.call::<Value>(()) {
                    Ok(Value::Nil) => break,
                    Ok(piece) => piece,
                    Err(problem) => return failed(lua, unwrap(&problem)),
                };
                match to_bytes(&piece) {
                    Some(piece) if piece.is_empty() => break,
                    Some(piece) if text.len() + piece.len() <= MAX_CHUNK => text.extend(piece),
                    Some(_) => return failed(lua, Raise::Text(b"chunk too large".to_vec())),
                    None => return failed(lua, Raise::Text(b"reader function must return a string".to_vec())),
                }
            }
            source(lua, &compile, &text, &name)
        })?,
    )
}

fn failed(lua: &Lua, raise: Raise) -> mlua::Result<MultiValue> {
    match raise {
        Raise::Stopped(_) => Err(raise.into()),
        other => Ok(MultiValue::from_iter([Value::Nil, into_value(lua, &other)?])),
    }
}

fn source(lua: &Lua, compile: &Function, text: &[u8], name: &[u8]) -> mlua::Result<MultiValue> {
    if text.first() == Some(&0x1b) {
        // Precompiled code could break the interpreter; Redis refuses it as text.
        let mut shown = b"[string \"".to_vec();
        shown.extend(name.iter().take_while(|b| **b != b'\n'));
        shown.extend(b"\"]:1: unexpected symbol near 'char(27)'");
        return failed(lua, Raise::Text(shown));
    }
    compile.call((lua.create_string(text)?, lua.create_string(name)?))
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
