//! The `redis` table of scripts.

use bytes::Bytes;
use mlua::{Function, Lua, MultiValue, Table, Value};

use super::super::reply::Reply;
use super::args::{Args, number_value, to_bytes, to_number};
use super::convert::to_lua;
use super::massive;
use super::number::{argument_text, c_integer};
use super::raise::{OWN_CHUNK, Raise, error_table, reply, unwrap, without_own_position};
use super::sandbox::World;

/// Request of a script to the server and its answer, for one nested call.
#[derive(Debug)]
pub(crate) enum Exchange {
    Idle,
    Call(Vec<Bytes>, bool),
    MayCall(Vec<Bytes>),
    Log(u8, Vec<u8>),
    Reply(Reply),
    /// A reply that is a value of Lua already.
    Converted(Value),
    May(Option<bool>),
}

/// The run in progress, kept with the state so that the functions of the
/// `redis` table, which outlive it, find it.
#[derive(Debug)]
pub(crate) struct Current {
    /// Answers the exchange; none outside of a run.
    pub(crate) host: Option<Function>,
    pub(crate) exchange: Exchange,
    pub(crate) resp3: bool,
}

impl Current {
    pub(crate) const fn idle() -> Self {
        Self { host: None, exchange: Exchange::Idle, resp3: false }
    }
}

/// Builds the library table.
pub(crate) fn library(lua: &Lua, world: World) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let add = |name: &str, body: fn(&Args<'_>) -> mlua::Result<Value>| -> mlua::Result<()> {
        table.raw_set(
            name,
            lua.create_function(move |lua, args: MultiValue| body(&Args::new(lua, args)))?,
        )
    };
    add("call", |args| command(args, true))?;
    add("pcall", |args| command(args, false))?;
    add("error_reply", |args| single_field(args, "err"))?;
    add("status_reply", |args| single_field(args, "ok"))?;
    add("sha1hex", sha1hex)?;
    add("setresp", setresp)?;
    add("set_repl", set_repl)?;
    add("acl_check_cmd", may_call)?;
    if world == World::Scripts {
        add("replicate_commands", |_| Ok(Value::Boolean(true)))?;
        add("breakpoint", |_| Ok(Value::Boolean(false)))?;
        add("debug", |_| Ok(Value::Nil))?;
    }
    for (name, value) in
        [("REPL_NONE", 0), ("REPL_AOF", 1), ("REPL_SLAVE", 2), ("REPL_REPLICA", 2), ("REPL_ALL", 3)]
    {
        table.raw_set(name, value)?;
    }
    add_logging(lua, &table)?;
    Ok(table)
}

/// `redis.log`, its levels and the version: all a library sees while it loads.
pub(crate) fn add_logging(lua: &Lua, table: &Table) -> mlua::Result<()> {
    table
        .raw_set("log", lua.create_function(|lua, args: MultiValue| log(&Args::new(lua, args)))?)?;
    for (level, name) in
        ["LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING"].into_iter().enumerate()
    {
        table.raw_set(name, level)?;
    }
    table.raw_set("REDIS_VERSION", "7.0.15")?;
    table.raw_set("REDIS_VERSION_NUM", 0x0007_000f)
}

/// Hands a request to the server and takes its answer.
fn exchange(lua: &Lua, request: Exchange) -> mlua::Result<Exchange> {
    let many = matches!(&request, Exchange::Call(args, _) | Exchange::MayCall(args) if args.len() > massive::MANY);
    let host = {
        let mut current = current(lua)?;
        current.exchange = request;
        current.host.clone()
    };
    let Some(host) = host else {
        return Err(reply("ERR redis.call/pcall can only be called inside a script invocation"));
    };
    if many {
        return massive::serve(lua);
    }
    host.call::<()>(())?;
    Ok(std::mem::replace(&mut current(lua)?.exchange, Exchange::Idle))
}

pub(crate) fn current(lua: &Lua) -> mlua::Result<mlua::AppDataRefMut<'_, Current>> {
    lua.app_data_mut::<Current>().ok_or_else(|| mlua::Error::runtime("no run is in progress"))
}

fn request_args(args: &Args<'_>) -> Result<Vec<Bytes>, &'static str> {
    if args.len() == 0 {
        return Err("ERR Please specify at least one argument for this redis lib call");
    }
    let text = |value: &Value| match value {
        Value::String(text) => Some(Bytes::copy_from_slice(&text.as_bytes())),
        other => number_value(other).map(|n| Bytes::from(argument_text(n))),
    };
    let all: Option<Vec<Bytes>> = args.iter().map(text).collect();
    all.ok_or("ERR Lua redis lib command arguments must be strings or integers")
}

fn command(args: &Args<'_>, raise: bool) -> mlua::Result<Value> {
    let request = match request_args(args) {
        Ok(request) => request,
        Err(text) if raise => return Err(reply(text)),
        Err(text) => return Ok(Value::Table(error_table(args.lua, text.as_bytes())?)),
    };
    let resp3 = current(args.lua)?.resp3;
    match exchange(args.lua, Exchange::Call(request, resp3))? {
        Exchange::Reply(Reply::Error(text)) if raise => {
            Err(Raise::Command(text.into_bytes()).into())
        }
        Exchange::Reply(answer) => to_lua(args.lua, answer, resp3),
        other => Ok(massive::converted(other)),
    }
}

fn may_call(args: &Args<'_>) -> mlua::Result<Value> {
    let request = request_args(args).map_err(reply)?;
    match exchange(args.lua, Exchange::MayCall(request))? {
        Exchange::May(Some(allowed)) => Ok(Value::Boolean(allowed)),
        _ => Err(reply("ERR Invalid command passed to redis.acl_check_cmd()")),
    }
}

fn log(args: &Args<'_>) -> mlua::Result<Value> {
    if args.len() < 2 {
        return Err(reply("ERR redis.log() requires two arguments or more."));
    }
    let Some(level) = args.value(1).and_then(number_value) else {
        return Err(reply("ERR First argument must be a number (log level)."));
    };
    let Some(level) = u8::try_from(c_integer(level)).ok().filter(|level| *level <= 3) else {
        return Err(reply("ERR Invalid debug level."));
    };
    let parts: Vec<Vec<u8>> = args.iter().skip(1).filter_map(to_bytes).collect();
    if current(args.lua)?.host.is_some() {
        exchange(args.lua, Exchange::Log(level, parts.join(&b' ')))?;
    }
    Ok(Value::Nil)
}

fn single_field(args: &Args<'_>, field: &str) -> mlua::Result<Value> {
    let (1, Some(Value::String(text))) = (args.len(), args.value(1)) else {
        let text = b"ERR wrong number or type of arguments";
        return Ok(Value::Table(error_table(args.lua, text)?));
    };
    let mut text = text.as_bytes().to_vec();
    if field == "err" {
        // A text without a code gets one; a leading minus is not part of it.
        if text.first() == Some(&b'-') {
            text.remove(0);
            if !text.contains(&b' ') {
                text.splice(0..0, *b"ERR ");
            }
        } else if !text.contains(&b' ') {
            text.splice(0..0, *b"ERR ");
        }
    }
    let table = args.lua.create_table()?;
    table.raw_set(field, args.lua.create_string(&text)?)?;
    Ok(Value::Table(table))
}

fn sha1hex(args: &Args<'_>) -> mlua::Result<Value> {
    if args.len() != 1 {
        return Err(reply("ERR wrong number of arguments"));
    }
    let text = args.value(1).and_then(to_bytes).unwrap_or_default();
    let digest = sha1_smol::Sha1::from(text).digest().to_string();
    Ok(Value::String(args.lua.create_string(digest)?))
}

fn setresp(args: &Args<'_>) -> mlua::Result<Value> {
    if args.len() != 1 {
        return Err(reply("ERR redis.setresp() requires one argument."));
    }
    match number_or_zero(args) {
        version @ (2 | 3) => current(args.lua)?.resp3 = version == 3,
        _ => return Err(reply("ERR RESP version must be 2 or 3.")),
    }
    Ok(Value::Nil)
}

/// The first argument as C reads it: what is no number is 0.
fn number_or_zero(args: &Args<'_>) -> i64 {
    args.value(1).and_then(to_number).map_or(0, c_integer)
}

fn set_repl(args: &Args<'_>) -> mlua::Result<Value> {
    if args.len() != 1 {
        return Err(reply("ERR redis.set_repl() requires two arguments."));
    }
    if number_or_zero(args) & !3 != 0 {
        return Err(reply(
            "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
        ));
    }
    Ok(Value::Nil)
}

/// The handler of uncaught errors: a table with the text, source and line. `caller`
/// is the stack level of the function that failed: 2 for a message handler.
pub(crate) fn error_handler(lua: &Lua, caller: usize) -> mlua::Result<Function> {
    lua.create_function(move |lua, value: Value| {
        let place = |level| {
            lua.inspect_stack(level, |debug| {
                let source = debug.source();
                let line = debug.current_line().and_then(|l| i64::try_from(l).ok()).unwrap_or(-1);
                (source.what == "C", source.source.unwrap_or_default().into_owned(), line)
            })
        };
        // A C function is not a place in a script.
        let mut at = place(caller);
        if matches!(at, Some((true, ..))) {
            at = place(caller + 1);
        }
        // Neither is the sandbox's own code, nor what it has called.
        let (mut level, mut inside) = (caller + 1, false);
        while let Some((is_c, source, _)) = &at {
            inside |= source == OWN_CHUNK;
            let skipped = source == OWN_CHUNK || *is_c || source == "=(tail call)";
            if !(inside && skipped) {
                break;
            }
            level += 1;
            at = place(level);
        }
        let table = match value {
            Value::Table(table) => table,
            Value::Error(inner) => match unwrap(&inner) {
                Raise::Value(Value::Table(table)) => table,
                Raise::Value(other) => error_table(lua, &[b"ERR ", &*text_of(&other)].concat())?,
                Raise::Reply(text) | Raise::Command(text) => error_table(lua, &text)?,
                Raise::Text(text) | Raise::Stopped(text) => {
                    error_table(lua, &[b"ERR ", &*text].concat())?
                }
            },
            other => error_table(lua, &[b"ERR ", &*text_of(&other)].concat())?,
        };
        if let Some((_, source, line)) = at {
            table.raw_set("source", source)?;
            table.raw_set("line", line)?;
        }
        Ok(table)
    })
}

/// What `tostring` shows.
fn text_of(value: &Value) -> Vec<u8> {
    match value {
        Value::Nil => b"nil".to_vec(),
        Value::Boolean(boolean) => boolean.to_string().into_bytes(),
        other => match to_bytes(other) {
            Some(text) => without_own_position(&text).to_vec(),
            None => other.to_string().unwrap_or_default().into_bytes(),
        },
    }
}
