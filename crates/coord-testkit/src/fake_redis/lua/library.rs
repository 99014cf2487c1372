//! Loading of function libraries: what their code sees while it runs.

use bytes::Bytes;
use mlua::{Function, Lua, MultiValue, Table, Value};

use super::api;
use super::args::{number_value, to_bytes};
use super::engine::Registered;
use super::raise::reply;
use super::sandbox::{missing_globals, protect};

const FLAGS: &[&str] =
    &["no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"];

/// Functions registered so far by the library being loaded; none outside of it.
#[derive(Debug, Default)]
pub(crate) struct Loading(pub(crate) Option<Vec<(Registered, Function)>>);

/// The environment of a library's code: little while it loads, then the globals
/// of functions.
#[derive(Debug)]
pub(crate) struct LoadEnvironment {
    pub(crate) table: Table,
    guard: Table,
}

impl LoadEnvironment {
    pub(crate) fn new(lua: &Lua) -> mlua::Result<Self> {
        let redis = lua.create_table()?;
        api::add_logging(lua, &redis)?;
        redis.raw_set(
            "register_function",
            lua.create_function(|lua, args: MultiValue| register(lua, &args))?,
        )?;
        redis.set_metatable(Some(missing_globals(lua)?))?;
        let globals = lua.create_table()?;
        globals.raw_set("redis", protect(lua, &redis, None)?)?;
        globals.set_metatable(Some(missing_globals(lua)?))?;
        let table = protect(lua, &globals, None)?;
        let guard = table
            .metatable()
            .ok_or_else(|| mlua::Error::runtime("a protected table has a metatable"))?;
        Ok(Self { table, guard })
    }

    /// Ends the loading: from now on the code sees `globals`.
    pub(crate) fn open(&self, globals: &Table) -> mlua::Result<()> {
        self.guard.raw_set("__index", globals)
    }
}

/// Whether `name` may name a library or function.
pub(crate) fn is_valid_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

pub(crate) const INVALID_NAME: &str = "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";

#[derive(Default)]
struct Draft {
    name: Option<Vec<u8>>,
    callback: Option<Function>,
    description: Option<Bytes>,
    flags: Vec<&'static str>,
}

fn register(lua: &Lua, args: &MultiValue) -> mlua::Result<()> {
    let refuse = |text: &str| Err(reply(format!("ERR {text}")));
    let draft = match (args.len(), args.front(), args.get(1)) {
        (1, Some(Value::Table(table)), _) => named(table)?,
        (1, ..) => {
            return refuse(
                "calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).",
            );
        }
        (2, Some(name), Some(callback)) => {
            let Some(name) = to_bytes(name) else {
                return refuse("first argument to redis.register_function must be a string");
            };
            let Value::Function(callback) = callback else {
                return refuse("second argument to redis.register_function must be a function");
            };
            Draft { name: Some(name), callback: Some(callback.clone()), ..Draft::default() }
        }
        _ => return refuse("wrong number of arguments to redis.register_function"),
    };
    let Some(name) = draft.name else {
        return refuse("redis.register_function must get a function name argument");
    };
    let Some(callback) = draft.callback else {
        return refuse("redis.register_function must get a callback argument");
    };
    let name = String::from_utf8_lossy(&name).into_owned();
    let Some(mut loading) = lua.app_data_mut::<Loading>() else {
        return refuse("redis.register_function can only be called on FUNCTION LOAD command");
    };
    let Some(functions) = loading.0.as_mut() else {
        return refuse("redis.register_function can only be called on FUNCTION LOAD command");
    };
    if !is_valid_name(&name) {
        return refuse(INVALID_NAME);
    }
    if functions.iter().any(|(known, _)| known.name == name) {
        return refuse("Function already exists in the library");
    }
    let registered = Registered { name, description: draft.description, flags: draft.flags };
    functions.push((registered, callback));
    Ok(())
}

/// Reads the named arguments of a single table.
fn named(table: &Table) -> mlua::Result<Draft> {
    let mut draft = Draft::default();
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        let Some(key) = to_bytes(&key) else {
            return Err(reply(
                "ERR named argument key given to redis.register_function is not a string",
            ));
        };
        let text = |what: &str| {
            to_bytes(&value).ok_or_else(|| {
                reply(format!(
                    "ERR {what} argument given to redis.register_function must be a string"
                ))
            })
        };
        let key = key.to_ascii_lowercase();
        match &*key {
            b"function_name" => draft.name = Some(text("function_name")?),
            b"description" => draft.description = Some(text("description")?.into()),
            b"callback" => match value {
                Value::Function(callback) => draft.callback = Some(callback),
                _ => {
                    return Err(reply(
                        "ERR callback argument given to redis.register_function must be a function",
                    ));
                }
            },
            b"flags" => match value {
                Value::Table(flags) => draft.flags = read_flags(&flags)?,
                _ => {
                    return Err(reply(
                        "ERR flags argument to redis.register_function must be a table representing function flags",
                    ));
                }
            },
            _ => return Err(reply("ERR unknown argument given to redis.register_function")),
        }
    }
    Ok(draft)
}

fn read_flags(table: &Table) -> mlua::Result<Vec<&'static str>> {
    let mut flags = Vec::new();
    for index in 1_i64.. {
        let value: Value = table.raw_get(index)?;
        if value.is_nil() {
            break;
        }
        let text = if number_value(&value).is_some() { None } else { to_bytes(&value) };
        match FLAGS.iter().find(|flag| text.as_deref() == Some(flag.as_bytes())) {
            Some(flag) if flags.contains(flag) => {}
            Some(flag) => flags.push(*flag),
            None => return Err(reply("ERR unknown flag given")),
        }
    }
    Ok(flags)
}
