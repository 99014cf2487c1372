//! Errors raised into scripts, with the positions and wording of Lua's C API.

use std::fmt;

use mlua::{Error, Lua, Table, Value};

use super::args::type_name;

/// An error value on its way through Lua.
///
/// The bridge carries it as opaque userdata; the sandbox's `pcall`, `xpcall`
/// and coroutine functions turn it into the Lua value before a script sees it.
#[derive(Debug, Clone)]
pub(crate) enum Raise {
    /// A string error.
    Text(Vec<u8>),
    /// An error of the `redis` table: a table with the field `err`.
    Reply(Vec<u8>),
    /// A command's error reply: also a table, with one more field.
    Command(Vec<u8>),
    /// Any Lua value, on its way out of a coroutine.
    Value(Value),
    /// The script was stopped; no `pcall` may catch this.
    Stopped(Vec<u8>),
}

/// Kept with the state once a script is being stopped: whatever its handlers did to
/// the first error, the next function that handles one raises it again.
#[derive(Debug, Default)]
pub(crate) struct Stopping(pub(crate) Option<Vec<u8>>);

impl Stopping {
    /// The error again if the script is being stopped.
    pub(crate) fn check(lua: &Lua) -> mlua::Result<()> {
        match lua.app_data_ref::<Self>().as_deref() {
            Some(Self(Some(text))) => Err(Raise::Stopped(text.clone()).into()),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Raise {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => out.write_str(type_name(value)),
            Self::Text(text) | Self::Reply(text) | Self::Command(text) | Self::Stopped(text) => {
                out.write_str(&String::from_utf8_lossy(text))
            }
        }
    }
}

impl std::error::Error for Raise {}

impl From<Raise> for Error {
    fn from(raise: Raise) -> Self {
        Self::external(raise)
    }
}

/// Name of the sandbox's own Lua code, which no script can have.
pub(crate) const OWN_CHUNK: &str = "=\u{1}";

/// `text` without a leading position in the sandbox's own code.
pub(crate) fn without_own_position(text: &[u8]) -> &[u8] {
    let Some(rest) = text.strip_prefix(b"\x01:") else { return text };
    let end = rest.windows(2).position(|pair| pair == b": ");
    end.map_or(text, |end| &rest[end + 2..])
}

/// What a bridge error really is; errors of the bridge itself become texts.
pub(crate) fn unwrap(error: &Error) -> Raise {
    if let Some(raise) = error.downcast_ref::<Raise>() {
        return raise.clone();
    }
    match error {
        Error::CallbackError { cause, .. } => unwrap(cause),
        Error::RuntimeError(text) | Error::MemoryError(text) => {
            Raise::Text(text.clone().into_bytes())
        }
        other => Raise::Text(other.to_string().into_bytes()),
    }
}

/// The Lua value a script sees for `raise`.
pub(crate) fn into_value(lua: &Lua, raise: &Raise) -> mlua::Result<Value> {
    match raise {
        Raise::Text(text) | Raise::Stopped(text) => Ok(Value::String(lua.create_string(text)?)),
        Raise::Reply(text) => Ok(Value::Table(error_table(lua, text)?)),
        Raise::Value(value) => Ok(value.clone()),
        Raise::Command(text) => {
            let table = error_table(lua, text)?;
            table.raw_set("ignore_error_stats_update", true)?;
            Ok(Value::Table(table))
        }
    }
}

/// The table of a command's error reply.
pub(crate) fn error_table(lua: &Lua, text: &[u8]) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("err", lua.create_string(text)?)?;
    Ok(table)
}

/// An error text prefixed with the position of the calling script line, as
/// `luaL_error` does.
pub(crate) fn error(lua: &Lua, text: impl AsRef<[u8]>) -> Error {
    let mut message = position(lua, 1).into_bytes();
    message.extend_from_slice(text.as_ref());
    Raise::Text(message).into()
}

/// An error without a position.
pub(crate) fn bare(text: impl AsRef<[u8]>) -> Error {
    Raise::Text(text.as_ref().to_vec()).into()
}

/// An error reply, raised as a table.
pub(crate) fn reply(text: impl AsRef<[u8]>) -> Error {
    Raise::Reply(text.as_ref().to_vec()).into()
}

/// `"user_script:3: "` for a Lua function at `level`, else nothing.
pub(crate) fn position(lua: &Lua, level: usize) -> String {
    let place = lua.inspect_stack(level, |debug| {
        let line = debug.current_line()?;
        Some(format!("{}:{line}: ", debug.source().short_src.unwrap_or_default()))
    });
    place.flatten().unwrap_or_default()
}

/// The "bad argument" error for the running function, as `luaL_argerror` words it.
pub(crate) fn bad_argument(lua: &Lua, mut index: usize, detail: &str) -> Error {
    let names = lua.inspect_stack(0, |debug| {
        let names = debug.names();
        (names.name.map(std::borrow::Cow::into_owned), names.name_what == Some("method"))
    });
    let (name, method) = names.unwrap_or_default();
    let name = name.unwrap_or_else(|| "?".to_owned());
    if method {
        if index == 1 {
            return error(lua, format!("calling '{name}' on bad self ({detail})"));
        }
        index -= 1;
    }
    error(lua, format!("bad argument #{index} to '{name}' ({detail})"))
}
