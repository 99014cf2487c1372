//! A Lua state with exactly the globals of Redis, protected against writes.

use std::sync::{Arc, Mutex};

use mlua::{Function, Lua, LuaOptions, StdLib, Table, Value};

use super::raise::{OWN_CHUNK, error};
use super::random::Random48;
use super::{api, bit, cjson, cmsgpack, globals, massive, struct_lib};

/// The basic functions a script finds.
const FUNCTIONS: &[&str] = &[
    "assert",
    "collectgarbage",
    "error",
    "gcinfo",
    "getmetatable",
    "ipairs",
    "load",
    "loadstring",
    "next",
    "pairs",
    "pcall",
    "rawequal",
    "rawget",
    "rawset",
    "select",
    "setmetatable",
    "tonumber",
    "tostring",
    "type",
    "unpack",
    "xpcall",
    "_VERSION",
];
const LIBRARIES: &[&str] = &["coroutine", "math", "string", "table"];

/// Field of a protecting metatable that holds the table behind it.
const BEHIND: &str = "coord:behind";
/// Field that holds the metatable a script may look at.
const VIEW: &str = "coord:view";

/// Which of the two worlds of scripts a state is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum World {
    Scripts,
    Functions,
}

/// A state and the tables the engine needs again.
#[derive(Debug)]
pub(crate) struct Sandbox {
    pub(crate) lua: Lua,
    /// The real globals; `KEYS` and `ARGV` are put here.
    pub(crate) globals: Table,
    /// The names of protected tables, to be cleaned after a script.
    proxies: Vec<Table>,
    /// Calls a function with two arguments or none under a handler.
    pub(crate) invoke: Function,
}

/// Only the first result is passed on; see the prelude for why.
const INVOKE: &str = "local xpcall, select = xpcall, select
return function(f, handler, ...)
  if select('#', ...) == 0 then
    return xpcall(function() return (f()) end, handler)
  end
  local keys, args = ...
  return xpcall(function() return (f(keys, args)) end, handler)
end";

impl Sandbox {
    pub(crate) fn new(
        world: World,
        memory_limit: usize,
        random: &Arc<Mutex<Random48>>,
    ) -> mlua::Result<Self> {
        let options = LuaOptions::new().catch_rust_panics(false);
        // Coroutines are part of the base library of Lua 5.1.
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH;
        let lua = Lua::new_with(libraries, options)?;
        lua.set_memory_limit(memory_limit)?;
        let original = lua.globals();
        let globals = lua.create_table()?;
        for name in FUNCTIONS.iter().chain(LIBRARIES) {
            globals.raw_set(*name, original.raw_get::<Value>(*name)?)?;
        }
        let invoke: Function = lua.load(INVOKE).set_name(OWN_CHUNK).call(())?;
        globals::install(&lua, &globals, random)?;
        massive::install(&lua)?;
        globals.raw_set("bit", bit::library(&lua)?)?;
        globals.raw_set("cjson", cjson::library(&lua)?)?;
        globals.raw_set("cmsgpack", cmsgpack::library(&lua)?)?;
        globals.raw_set("struct", struct_lib::library(&lua)?)?;
        globals.raw_set("redis", api::library(&lua, world)?)?;
        if world == World::Scripts {
            globals.raw_set("__redis__err__handler", api::error_handler(&lua, 1)?)?;
        }
        let mut proxies = Vec::new();
        let names: Vec<String> =
            globals.pairs::<String, Value>().map(|p| p.map(|p| p.0)).collect::<Result<_, _>>()?;
        for name in names {
            if let Value::Table(library) = globals.raw_get::<Value>(&*name)? {
                let proxy = protect(&lua, &library, None)?;
                globals.raw_set(&*name, &proxy)?;
                proxies.push(proxy);
            }
        }
        protect_strings(&lua, &globals)?;
        let view = missing_globals(&lua)?;
        globals.set_metatable(Some(view.clone()))?;
        let view = protect(&lua, &view, None)?;
        let global = protect(&lua, &globals, Some(&view))?;
        globals.raw_set("_G", &global)?;
        proxies.push(global.clone());
        lua.set_globals(global)?;
        Ok(Self { lua, globals, proxies, invoke })
    }

    /// Undoes what got into protected tables past their protection.
    pub(crate) fn clean(&self) -> mlua::Result<()> {
        for proxy in &self.proxies {
            if !proxy.is_empty() || proxy.pairs::<Value, Value>().next().is_some() {
                let guard = proxy.metatable();
                proxy.set_metatable(None)?;
                proxy.clear()?;
                proxy.set_metatable(guard)?;
            }
        }
        Ok(())
    }
}

/// A metatable whose `__index` names a missing global in an error.
pub(crate) fn missing_globals(lua: &Lua) -> mlua::Result<Table> {
    let metatable = lua.create_table()?;
    let missing = lua.create_function(|lua, (_, name): (Value, Value)| -> mlua::Result<Value> {
        let mut text = b"Script attempted to access nonexistent global variable '".to_vec();
        match super::args::to_bytes(&name) {
            Some(name) => text.extend(name),
            None => text.extend(super::args::type_name(&name).bytes()),
        }
        text.push(b'\'');
        Err(error(lua, text))
    })?;
    metatable.raw_set("__index", missing)?;
    Ok(metatable)
}

/// A stand-in for `table` that can be read and not written. `view` is the
/// metatable scripts see.
pub(crate) fn protect(lua: &Lua, table: &Table, view: Option<&Table>) -> mlua::Result<Table> {
    let guard = lua.create_table()?;
    guard.raw_set("__index", table)?;
    guard.raw_set(
        "__newindex",
        lua.create_function(|lua, _: Value| -> mlua::Result<()> {
            Err(error(lua, refuse_write()))
        })?,
    )?;
    guard.raw_set(BEHIND, table)?;
    guard.raw_set(VIEW, view)?;
    let proxy = lua.create_table()?;
    proxy.set_metatable(Some(guard))?;
    Ok(proxy)
}

pub(crate) const fn refuse_write() -> &'static str {
    "Attempt to modify a readonly table"
}

/// The real table behind a stand-in.
pub(crate) fn behind(table: &Table) -> mlua::Result<Option<Table>> {
    match table.metatable() {
        Some(guard) => guard.raw_get(BEHIND),
        None => Ok(None),
    }
}

/// What `getmetatable` gives for values with protected metatables; nothing for
/// all others.
pub(crate) fn view_of_metatable(lua: &Lua, value: &Value) -> mlua::Result<Option<Value>> {
    match value {
        Value::Table(table) => match table.metatable() {
            Some(guard) if guard.contains_key(BEHIND)? => Ok(Some(guard.raw_get(VIEW)?)),
            _ => Ok(None),
        },
        Value::String(_) => match lua.type_metatable::<mlua::LuaString>() {
            Some(metatable) => Ok(Some(Value::Table(protect(lua, &metatable, None)?))),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// Methods of strings come from the protected `string` table.
fn protect_strings(lua: &Lua, globals: &Table) -> mlua::Result<()> {
    let metatable = lua.create_table()?;
    metatable.raw_set("__index", globals.raw_get::<Table>("string")?)?;
    lua.set_type_metatable::<mlua::LuaString>(Some(metatable));
    Ok(())
}
