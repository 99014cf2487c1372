//! JSON text to Lua value, with a stack of its own instead of recursion.

use mlua::{Lua, Table, Value};

use super::super::raise::error;
use super::Settings;
use super::lexer::{Lexer, Token};

/// Decodes the one value of `text`.
///
/// # Errors
/// Lua errors naming what was expected, what was found and where.
pub(super) fn decode(lua: &Lua, settings: &Settings, text: &[u8]) -> mlua::Result<Value> {
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err(error(lua, "JSON parser does not support UTF-16 or UTF-32"));
    }
    let lexer = Lexer { text, at: 0, allow_invalid: settings.decode_invalid };
    let mut parser = Parser { lua, settings, lexer };
    let value = parser.document()?;
    let (token, at) = parser.lexer.token();
    match token {
        Token::End => Ok(value),
        other => Err(parser.unexpected("the end", &other, at)),
    }
}

/// A container being read; an object remembers the key its value belongs to.
enum Frame {
    Array(Table, i64),
    Object(Table, Vec<u8>),
}

struct Parser<'a> {
    lua: &'a Lua,
    settings: &'a Settings,
    lexer: Lexer<'a>,
}

impl Parser<'_> {
    fn document(&mut self) -> mlua::Result<Value> {
        let mut stack: Vec<Frame> = Vec::new();
        let (mut token, mut at) = self.lexer.token();
        loop {
            let mut value = match token {
                Token::Text(text) => Value::String(self.lua.create_string(&text)?),
                Token::Number(number) => Value::Number(number),
                Token::Boolean(boolean) => Value::Boolean(boolean),
                Token::Null => Value::NULL,
                Token::ObjectBegin | Token::ArrayBegin => {
                    let depth = i64::try_from(stack.len() + 1).unwrap_or(i64::MAX);
                    if depth > self.settings.decode_depth {
                        return Err(error(
                            self.lua,
                            format!(
                                "Found too many nested data structures ({depth}) at character {}",
                                self.lexer.at
                            ),
                        ));
                    }
                    let table = self.lua.create_table()?;
                    let object = matches!(token, Token::ObjectBegin);
                    (token, at) = self.lexer.token();
                    match (&token, object) {
                        (Token::ObjectEnd, true) | (Token::ArrayEnd, false) => Value::Table(table),
                        (_, true) => {
                            let key = self.key(token, at)?;
                            stack.push(Frame::Object(table, key));
                            (token, at) = self.lexer.token();
                            continue;
                        }
                        (_, false) => {
                            stack.push(Frame::Array(table, 1));
                            continue;
                        }
                    }
                }
                other => return Err(self.unexpected("value", &other, at)),
            };
            // Store the value, closing every container that ends with it.
            loop {
                let Some(frame) = stack.pop() else { return Ok(value) };
                let (next, position) = self.lexer.token();
                match (frame, next) {
                    (Frame::Array(table, index), next) => {
                        table.raw_set(index, value)?;
                        match next {
                            Token::ArrayEnd => value = Value::Table(table),
                            Token::Comma => {
                                stack.push(Frame::Array(table, index + 1));
                                break;
                            }
                            other => {
                                return Err(self.unexpected(
                                    "comma or array end",
                                    &other,
                                    position,
                                ));
                            }
                        }
                    }
                    (Frame::Object(table, key), next) => {
                        table.raw_set(self.lua.create_string(&key)?, value)?;
                        match next {
                            Token::ObjectEnd => value = Value::Table(table),
                            Token::Comma => {
                                let (first, position) = self.lexer.token();
                                let key = self.key(first, position)?;
                                stack.push(Frame::Object(table, key));
                                break;
                            }
                            other => {
                                return Err(self.unexpected(
                                    "comma or object end",
                                    &other,
                                    position,
                                ));
                            }
                        }
                    }
                }
            }
            (token, at) = self.lexer.token();
        }
    }

    /// A key whose first token was just read, and its colon.
    fn key(&mut self, token: Token, at: usize) -> mlua::Result<Vec<u8>> {
        let Token::Text(key) = token else {
            return Err(self.unexpected("object key string", &token, at));
        };
        match self.lexer.token() {
            (Token::Colon, _) => Ok(key),
            (other, at) => Err(self.unexpected("colon", &other, at)),
        }
    }

    fn unexpected(&self, expected: &str, found: &Token, at: usize) -> mlua::Error {
        let text =
            format!("Expected {expected} but found {} at character {}", found.name(), at + 1);
        error(self.lua, text)
    }
}
