//! JSON text to tokens.

use super::super::number::strtod;

/// A piece of JSON.
pub(super) enum Token {
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
    /// What an error calls it.
    pub(super) fn name(&self) -> &'static str {
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

/// The text and how far it is read.
pub(super) struct Lexer<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    /// Whether numbers JSON does not know are read: hex, inf, nan.
    pub(super) allow_invalid: bool,
}

impl Lexer<'_> {
    fn byte(&self, at: usize) -> u8 {
        // The text is read as a C string: past its end there is a zero.
        self.text.get(at).copied().unwrap_or(0)
    }

    /// The next token and where it starts, or where its error is.
    pub(super) fn token(&mut self) -> (Token, usize) {
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
                if !self.allow_invalid && self.irregular() {
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
        for (word, token) in [
            ("true", Token::Boolean(true)),
            ("false", Token::Boolean(false)),
            ("null", Token::Null),
        ] {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return token;
            }
        }
        if self.allow_invalid && self.irregular() {
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
        (0..4)
            .try_fold(0, |value, i| Some(value * 16 + char::from(self.byte(at + i)).to_digit(16)?))
    }
}
