//! JSON text to Lua value, with a stack of its own instead of recursion.

use mlua::{Lua, Table, Value};

use super::super::number::strtod;
use super::super::raise::error;
use super::Settings;

/// Decodes the one value of `text`.
///
/// # Errors
/// Lua errors naming what was expected, what was found and where.
pub(super) fn decode(lua: &Lua, settings: &Settings, text: &[u8]) -> mlua::Result<Value> {
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err(error(lua, "JSON parser does not support UTF-16 or UTF-32"));
    }
    let mut parser = Parser { lua, settings, text, at: 0 };
    let value = parser.document()?;
    let (token, at) = parser.token();
    match token {
        Token::End => Ok(value),
        other => Err(parser.unexpected("the end", &other, at)),
    }
}

enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    Text(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Invalid(&'static str),
}

impl Token {
    fn name(&self) -> &'static str {
        match self {
            Self::ObjectBegin => "T_OBJ_BEGIN",
            Self::ObjectEnd => "T_OBJ_END",
            Self::ArrayBegin => "T_ARR_BEGIN",
            Self::ArrayEnd => "T_ARR_END",
            Self::Text(_) => "T_STRING",
            Self::Number(_) => "T_NUMBER",
            Self::Boolean(_) => "T_BOOLEAN",
            Self::Null => "T_NULL",
            Self::Colon => "T_COLON",
            Self::Comma => "T_COMMA",
            Self::End => "T_END",
            Self::Invalid(problem) => problem,
        }
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
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn document(&mut self) -> mlua::Result<Value> {
        let mut stack: Vec<Frame> = Vec::new();
        let (mut token, mut at) = self.token();
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
                            format!("Found too many nested data structures ({depth})"),
                        ));
                    }
                    let table = self.lua.create_table()?;
                    let object = matches!(token, Token::ObjectBegin);
                    (token, at) = self.token();
                    match (&token, object) {
                        (Token::ObjectEnd, true) | (Token::ArrayEnd, false) => Value::Table(table),
                        (_, true) => {
                            let key = self.key(token, at)?;
                            stack.push(Frame::Object(table, key));
                            (token, at) = self.token();
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
                let (next, position) = self.token();
                match (frame, next) {
                    (Frame::Array(table, index), next) => {
                        table.raw_set(index, value)?;
                        match next {
                            Token::ArrayEnd => value = Value::Table(table),
                            Token::Comma => {
                                stack.push(Frame::Array(table, index + 1));
                                break;
                            }
                            other => return Err(self.unexpected("comma or array end", &other, position)),
                        }
                    }
                    (Frame::Object(table, key), next) => {
                        table.raw_set(self.lua.create_string(&key)?, value)?;
                        match next {
                            Token::ObjectEnd => value = Value::Table(table),
                            Token::Comma => {
                                let (first, position) = self.token();
                                let key = self.key(first, position)?;
                                stack.push(Frame::Object(table, key));
                                break;
                            }
                            other => return Err(self.unexpected("comma or object end", &other, position)),
                        }
                    }
                }
            }
            (token, at) = self.token();
        }
    }

    /// A key whose first token was just read, and its colon.
    fn key(&mut self, token: Token, at: usize) -> mlua::Result<Vec<u8>> {
        let Token::Text(key) = token else {
            return Err(self.unexpected("object key string", &token, at));
        };
        match self.token() {
            (Token::Colon, _) => Ok(key),
            (other, at) => Err(self.unexpected("colon", &other, at)),
        }
    }

    fn unexpected(&self, expected: &str, found: &Token, at: usize) -> mlua::Error {
        let text = format!("Expected {expected} but found {} at character {}", found.name(), at + 1);
        error(self.lua, text)
    }

    fn byte(&self, at: usize) -> u8 {
        // The text is read as a C string: past its end there is a zero.
        self.text.get(at).copied().unwrap_or(0)
    }

    /// The next token and where it starts, or where its error is.
    fn token(&mut self) -> (Token, usize) {
        while matches!(self.byte(self.at), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        let start = self.at;
        let single = match self.byte(start) {
            b'{' => Token::ObjectBegin,
            b'}' => Token::ObjectEnd,
            b'[' => Token::ArrayBegin,
            b']' => Token::ArrayEnd,
            b':' => Token::Colon,
            b',' => Token::Comma,
            0 => return (Token::End, start),
            b'"' => {
                let token = self.string();
                let place = if matches!(token, Token::Invalid(_)) { self.at } else { start };
                return (token, place);
            }
            b'-' | b'0'..=b'9' => {
                if !self.settings.decode_invalid && self.irregular() {
                    return (Token::Invalid("invalid number"), start);
                }
                return (self.number(), start);
            }
            _ => return (self.word(), start),
        };
        self.at += 1;
        (single, start)
    }

    fn word(&mut self) -> Token {
        let rest = &self.text[self.at..];
        for (word, token) in
            [("true", Token::Boolean(true)), ("false", Token::Boolean(false)), ("null", Token::Null)]
        {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return token;
            }
        }
        if self.settings.decode_invalid && self.irregular() {
            return self.number();
        }
        Token::Invalid("invalid token")
    }

    /// Whether a number JSON does not know starts here: signs, zeros, hex, inf, nan.
    fn irregular(&self) -> bool {
        let mut at = self.at;
        if self.byte(at) == b'+' {
            return true;
        }
        at += usize::from(self.byte(at) == b'-');
        if self.byte(at) == b'0' {
            return matches!(self.byte(at + 1), b'x' | b'X' | b'0'..=b'9');
        }
        let rest = self.text.get(at..at + 3).unwrap_or_default();
        rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"nan")
    }

    fn number(&mut self) -> Token {
        let (value, used) = strtod(&self.text[self.at..]);
        if used == 0 {
            return Token::Invalid("invalid number");
        }
        self.at += used;
        Token::Number(value)
    }

    fn string(&mut self) -> Token {
        let mut out = Vec::new();
        self.at += 1;
        loop {
            match self.byte(self.at) {
                b'"' => {
                    self.at += 1;
                    return Token::Text(out);
                }
                0 => return Token::Invalid("unexpected end of string"),
                b'\\' => {
                    let plain = match self.byte(self.at + 1) {
                        c @ (b'"' | b'\\' | b'/') => c,
                        b'b' => 8,
                        b't' => 9,
                        b'n' => 10,
                        b'f' => 12,
                        b'r' => 13,
                        b'u' => {
                            let Some((character, used)) = self.unicode() else {
                                return Token::Invalid("invalid unicode escape code");
                            };
                            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                            self.at += used;
                            continue;
                        }
                        _ => return Token::Invalid("invalid escape code"),
                    };
                    out.push(plain);
                    self.at += 2;
                }
                byte => {
                    out.push(byte);
                    self.at += 1;
                }
            }
        }
    }

    /// The character of the escape at the cursor and the bytes it takes.
    fn unicode(&self) -> Option<(char, usize)> {
        let first = self.hex4(self.at + 2)?;
        if first & 0xf800 != 0xd800 {
            return Some((char::from_u32(first)?, 6));
        }
        if first & 0x400 != 0 || self.byte(self.at + 6) != b'\\' || self.byte(self.at + 7) != b'u' {
            return None;
        }
        let second = self.hex4(self.at + 8)?;
        if second & 0xfc00 != 0xdc00 {
            return None;
        }
        let code = 0x1_0000 + ((first & 0x3ff) << 10) + (second & 0x3ff);
        Some((char::from_u32(code)?, 12))
    }

    fn hex4(&self, at: usize) -> Option<u32> {
        (0..4).try_fold(0, |value, i| Some(value * 16 + char::from(self.byte(at + i)).to_digit(16)?))
    }
}
