//! `load` and `loadstring` of scripts: source text only.

use mlua::{Function, Lua, MultiValue, Table, Value};

use super::args::{Args, to_bytes};
use super::raise::{Raise, error_table, into_value, position, unwrap};

/// Largest text `load` collects from its reader, bytes.
const MAX_CHUNK: usize = 64 * 1024 * 1024;

/// `loadstring` and `load`, for source text only.
pub(crate) fn install(lua: &Lua, globals: &Table) -> mlua::Result<()> {
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
                    None => {
                        let text = position(lua, 1) + "reader function must return a string";
                        return failed(lua, Raise::Text(text.into_bytes()));
                    }
                }
            }
            source(lua, &compile, &text, &name)
        })?,
    )
}

/// The results of a `load` that failed while it read. Such an error passes the
/// handler of uncaught errors, which makes a table of it.
fn failed(lua: &Lua, raise: Raise) -> mlua::Result<MultiValue> {
    let value = match raise {
        Raise::Stopped(_) => return Err(raise.into()),
        Raise::Text(text) => Value::Table(error_table(lua, &[b"ERR ", &*text].concat())?),
        other => into_value(lua, &other)?,
    };
    Ok(MultiValue::from_iter([Value::Nil, value]))
}

fn source(lua: &Lua, compile: &Function, text: &[u8], name: &[u8]) -> mlua::Result<MultiValue> {
    if text.first() == Some(&0x1b) {
        // Precompiled code could break the interpreter; Redis refuses it as text.
        let mut shown = b"[string \"".to_vec();
        shown.extend(name.iter().take_while(|b| **b != b'\n'));
        shown.extend(b"\"]:1: unexpected symbol near 'char(27)'");
        let shown = Value::String(lua.create_string(&shown)?);
        return Ok(MultiValue::from_iter([Value::Nil, shown]));
    }
    compile.call((lua.create_string(text)?, lua.create_string(name)?))
}
