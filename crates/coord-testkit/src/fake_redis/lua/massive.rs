//! Calls with thousands of arguments.
//!
//! Lua gives a C function at most 8000 slots, and `redis.call("rpush", key, unpack(items))`
//! may fill them all: the bridge then has no room to do anything. Such a call is served on
//! the empty stack of a coroutine that waits for it.

use mlua::{Function, Lua, Table, Thread, Value};

use super::super::reply::Reply;
use super::api::{Exchange, current};
use super::convert::to_lua;

/// Arguments from which on a call is served elsewhere; a thousand slots are left for the rest.
pub(crate) const MANY: usize = 7000;

const LOOP: &str = "local serve, yield = ...
return function() while true do serve() yield() end end";

/// The waiting coroutine.
#[derive(Debug)]
struct Elsewhere(Thread);

/// Starts the coroutine; the globals must still be the original ones.
pub(crate) fn install(lua: &Lua) -> mlua::Result<()> {
    let serve = lua.create_function(|lua, ()| {
        let host = current(lua)?.host.clone();
        if let Some(host) = host {
            host.call::<()>(())?;
        }
        let (answer, resp3) = {
            let mut current = current(lua)?;
            (std::mem::replace(&mut current.exchange, Exchange::Idle), current.resp3)
        };
        let answer = match answer {
            Exchange::Reply(reply) if !matches!(reply, Reply::Error(_)) => {
                Exchange::Converted(to_lua(lua, reply, resp3)?)
            }
            other => other,
        };
        current(lua)?.exchange = answer;
        Ok(())
    })?;
    let pause: Function = lua.globals().raw_get::<Table>("coroutine")?.raw_get("yield")?;
    let body: Function = lua.load(LOOP).set_name(super::raise::OWN_CHUNK).call((serve, pause))?;
    lua.set_app_data(Elsewhere(lua.create_thread(body)?));
    Ok(())
}

/// Has the request served that stands in [`current`].
pub(crate) fn serve(lua: &Lua) -> mlua::Result<Exchange> {
    let thread = lua.app_data_ref::<Elsewhere>().map(|elsewhere| elsewhere.0.clone());
    let Some(thread) = thread else { return Ok(Exchange::Idle) };
    match thread.resume::<()>(()) {
        // The caller's stack is too full even for no result: the answer is there all the same.
        Ok(()) | Err(mlua::Error::StackError) => {}
        Err(problem) => return Err(problem),
    }
    Ok(std::mem::replace(&mut current(lua)?.exchange, Exchange::Idle))
}

/// The value of an answer that was converted elsewhere.
pub(crate) fn converted(answer: Exchange) -> Value {
    match answer {
        Exchange::Converted(value) => value,
        _ => Value::Nil,
    }
}
