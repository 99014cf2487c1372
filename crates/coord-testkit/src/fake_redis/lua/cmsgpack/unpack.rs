//! MessagePack to Lua value, with a stack of its own instead of recursion.

use mlua::{Lua, Table, Value};

use super::super::raise::error;

/// Containers nested deeper than this are refused.
const MAX_NESTING: usize = 3900;

/// The bytes not yet decoded.
pub(super) struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

/// A container being filled.
enum Frame {
    Array { table: Table, next: usize, length: usize },
    Map { table: Table, left: usize, key: Option<Value> },
}

enum Item {
    Value(Value),
    Array(usize),
    Map(usize),
}

enum Problem {
    Missing,
    Bad,
    Lua(mlua::Error),
}

impl From<mlua::Error> for Problem {
    fn from(error: mlua::Error) -> Self {
        Self::Lua(error)
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, at }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.data.len()
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Decodes one value.
    ///
    /// # Errors
    /// Lua errors for missing bytes, unknown type bytes and excessive nesting.
    pub(super) fn value(&mut self, lua: &Lua) -> mlua::Result<Value> {
        self.decode(lua).map_err(|problem| match problem {
            Problem::Missing => error(lua, "Missing bytes in input."),
            Problem::Bad => error(lua, "Bad data format in input."),
            Problem::Lua(error) => error,
        })
    }

    fn decode(&mut self, lua: &Lua) -> Result<Value, Problem> {
        let mut stack: Vec<Frame> = Vec::new();
        loop {
            let value = match self.item(lua)? {
                Item::Value(value) => value,
                container => {
                    let table = lua.create_table()?;
                    let frame = match container {
                        Item::Array(length) if length > 0 => {
                            Frame::Array { table, next: 1, length }
                        }
                        Item::Map(left) if left > 0 => Frame::Map { table, left, key: None },
                        _ => match fill(&mut stack, Value::Table(table))? {
                            Some(done) => return Ok(done),
                            None => continue,
                        },
                    };
                    if stack.len() >= MAX_NESTING {
                        let text = "stack overflow (in function mp_decode_to_lua_type)";
                        return Err(Problem::Lua(error(lua, text)));
                    }
                    stack.push(frame);
                    continue;
                }
            };
            match fill(&mut stack, value)? {
                Some(done) => return Ok(done),
                None => continue,
            }
        }
    }

    fn item(&mut self, lua: &Lua) -> Result<Item, Problem> {
        let kind = self.take(1)?[0];
        let value = match kind {
            0x00..=0x7f => Value::Integer(i64::from(kind)),
            0xe0..=0xff => Value::Integer(i64::from(kind.cast_signed())),
            0x80..=0x8f => return Ok(Item::Map(usize::from(kind & 15))),
            0x90..=0x9f => return Ok(Item::Array(usize::from(kind & 15))),
            0xa0..=0xbf => self.string(lua, usize::from(kind & 31))?,
            0xc0 => Value::Nil,
            0xc2 => Value::Boolean(false),
            0xc3 => Value::Boolean(true),
            0xca => {
                let bits = u32::try_from(self.unsigned(4)?).unwrap_or(0);
                Value::Number(f64::from(f32::from_bits(bits)))
            }
            0xcb => Value::Number(f64::from_bits(self.unsigned(8)?)),
            // As in Redis, the widest one comes out signed.
            0xcc..=0xcf => Value::Integer(self.unsigned(1 << (kind - 0xcc))?.cast_signed()),
            0xd0..=0xd3 => {
                let width = 1_usize << (kind - 0xd0);
                let unused = 64 - 8 * u32::try_from(width).unwrap_or(8);
                Value::Integer((self.unsigned(width)? << unused).cast_signed() >> unused)
            }
            0xd9 => self.sized_string(lua, 1)?,
            0xda => self.sized_string(lua, 2)?,
            0xdb => self.sized_string(lua, 4)?,
            0xdc => return Ok(Item::Array(self.length(2)?)),
            0xdd => return Ok(Item::Array(self.length(4)?)),
            0xde => return Ok(Item::Map(self.length(2)?)),
            0xdf => return Ok(Item::Map(self.length(4)?)),
            _ => return Err(Problem::Bad),
        };
        Ok(Item::Value(value))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Problem> {
        let end = self.at.checked_add(count).ok_or(Problem::Missing)?;
        let bytes = self.data.get(self.at..end).ok_or(Problem::Missing)?;
        self.at = end;
        Ok(bytes)
    }

    fn unsigned(&mut self, width: usize) -> Result<u64, Problem> {
        Ok(self.take(width)?.iter().fold(0, |value, byte| (value << 8) | u64::from(*byte)))
    }

    fn length(&mut self, width: usize) -> Result<usize, Problem> {
        usize::try_from(self.unsigned(width)?).map_err(|_| Problem::Missing)
    }

    fn sized_string(&mut self, lua: &Lua, width: usize) -> Result<Value, Problem> {
        let length = self.length(width)?;
        self.string(lua, length)
    }

    fn string(&mut self, lua: &Lua, length: usize) -> Result<Value, Problem> {
        Ok(Value::String(lua.create_string(self.take(length)?)?))
    }
}

/// Puts a finished value into the innermost container, closing those it
/// completes; the outermost one is returned.
fn fill(stack: &mut Vec<Frame>, mut value: Value) -> Result<Option<Value>, Problem> {
    loop {
        match stack.pop() {
            None => return Ok(Some(value)),
            Some(Frame::Array { table, next, length }) => {
                table.raw_set(next, value)?;
                if next < length {
                    stack.push(Frame::Array { table, next: next + 1, length });
                    return Ok(None);
                }
                value = Value::Table(table);
            }
            Some(Frame::Map { table, left, key: None }) => {
                stack.push(Frame::Map { table, left, key: Some(value) });
                return Ok(None);
            }
            Some(Frame::Map { table, left, key: Some(key) }) => {
                if key.is_nil() {
                    return Err(Problem::Lua(super::super::raise::bare("table index is nil")));
                }
                table.raw_set(key, value)?;
                if left > 1 {
                    stack.push(Frame::Map { table, left: left - 1, key: None });
                    return Ok(None);
                }
                value = Value::Table(table);
            }
        }
    }
}
