//! Arguments of host functions, checked as Lua's C API checks them.

use mlua::{Lua, MultiValue, Table, Value};

use super::number::{c_integer, lua_number_text, strtod};
use super::raise::bad_argument;

/// The arguments of one call; positions are counted from 1.
pub(crate) struct Args<'a> {
    pub(crate) lua: &'a Lua,
    values: MultiValue,
}

impl<'a> Args<'a> {
    pub(crate) fn new(lua: &'a Lua, values: MultiValue) -> Self {
        Self { lua, values }
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn value(&self, index: usize) -> Option<&Value> {
        self.values.get(index.checked_sub(1)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Value> {
        self.values.iter()
    }

    /// A number, or text that reads as one.
    pub(crate) fn number(&self, index: usize) -> mlua::Result<f64> {
        self.value(index).and_then(to_number).ok_or_else(|| self.wrong_type(index, "number"))
    }

    /// A number truncated as C casts it.
    pub(crate) fn integer(&self, index: usize) -> mlua::Result<i64> {
        self.number(index).map(c_integer)
    }

    /// Like [`integer`](Self::integer), with a default for nil or nothing.
    pub(crate) fn integer_or(&self, index: usize, default: i64) -> mlua::Result<i64> {
        match self.value(index) {
            None | Some(Value::Nil) => Ok(default),
            Some(_) => self.integer(index),
        }
    }

    /// A string, or a number's text.
    pub(crate) fn bytes(&self, index: usize) -> mlua::Result<Vec<u8>> {
        self.value(index).and_then(to_bytes).ok_or_else(|| self.wrong_type(index, "string"))
    }

    pub(crate) fn table(&self, index: usize) -> mlua::Result<Table> {
        match self.value(index) {
            Some(Value::Table(table)) => Ok(table.clone()),
            _ => Err(self.wrong_type(index, "table")),
        }
    }

    /// Any value, nil included, but not nothing.
    pub(crate) fn any(&self, index: usize) -> mlua::Result<&Value> {
        self.value(index).ok_or_else(|| self.bad(index, "value expected"))
    }

    pub(crate) fn bad(&self, index: usize, detail: &str) -> mlua::Error {
        bad_argument(self.lua, index, detail)
    }

    fn wrong_type(&self, index: usize, expected: &str) -> mlua::Error {
        let found = self.value(index).map_or("no value", type_name);
        self.bad(index, &format!("{expected} expected, got {found}"))
    }
}

/// Lua 5.1's name for the type of `value`.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nil",
        Value::Boolean(_) => "boolean",
        Value::Integer(_) | Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Table(_) => "table",
        Value::Function(_) => "function",
        Value::Thread(_) => "thread",
        _ => "userdata",
    }
}

/// The number of a number value only.
#[expect(
    clippy::cast_precision_loss,
    reason = "the bridge only makes an integer of an exact double"
)]
pub(crate) fn number_value(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(integer) => Some(*integer as f64),
        Value::Number(number) => Some(*number),
        _ => None,
    }
}

/// The number of a number, or of text that is one number and blanks.
pub(crate) fn to_number(value: &Value) -> Option<f64> {
    if let Value::String(text) = value {
        let text = text.as_bytes();
        let (number, used) = strtod(&text);
        let blank = text[used..].iter().all(|b| matches!(b, b' ' | 9..=13));
        return (used > 0 && blank).then_some(number);
    }
    number_value(value)
}

/// The bytes of a string, or of a number's text.
pub(crate) fn to_bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        other => number_value(other).map(|n| lua_number_text(n).into_bytes()),
    }
}
