//! Spans of a JSON text, by a scanner that forgives what Python's `json` writes.

use std::borrow::Cow;

/// One member of an object: its decoded name and the span of its value.
#[derive(Debug, Clone)]
pub(crate) struct Member<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) value: &'a str,
    /// Byte offset of `value` in the scanned text.
    pub(crate) offset: usize,
}

/// The members of an object, in order; duplicates stay.
pub(crate) fn members(text: &str) -> Result<Vec<Member<'_>>, String> {
    let mut scanner = Scanner { text, at: 0 };
    let mut found = Vec::with_capacity(8);
    scanner.skip_space();
    scanner.expect(b'{')?;
    scanner.skip_space();
    if scanner.take(b'}') {
        return scanner.end().map(|()| found);
    }
    loop {
        scanner.skip_space();
        let raw_name = scanner.string()?;
        let name = decode_name(raw_name)?;
        scanner.skip_space();
        scanner.expect(b':')?;
        let (value, offset) = scanner.value()?;
        found.push(Member { name, value, offset });
        scanner.skip_space();
        if scanner.take(b'}') {
            return scanner.end().map(|()| found);
        }
        scanner.expect(b',')?;
    }
}

/// The values of an array, in order.
pub(crate) fn elements(text: &str) -> Result<Vec<&str>, String> {
    let mut scanner = Scanner { text, at: 0 };
    let mut found = Vec::new();
    scanner.skip_space();
    scanner.expect(b'[')?;
    scanner.skip_space();
    if scanner.take(b']') {
        return scanner.end().map(|()| found);
    }
    loop {
        found.push(scanner.value()?.0);
        scanner.skip_space();
        if scanner.take(b']') {
            return scanner.end().map(|()| found);
        }
        scanner.expect(b',')?;
    }
}

/// Whether `text` is one JSON value in Python's dialect.
pub(crate) fn is_valid(text: &str) -> Result<(), String> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.value()?;
    scanner.end()
}

fn decode_name(raw: &str) -> Result<Cow<'_, str>, String> {
    if raw.contains('\\') {
        let name = super::string(raw).ok_or_else(|| format!("unreadable name {raw}"))?;
        return Ok(Cow::Owned(name));
    }
    Ok(Cow::Borrowed(&raw[1..raw.len() - 1]))
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected(char::from(byte))) }
    }

    fn end(&mut self) -> Result<(), String> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.unexpected("the end")) }
    }

    fn unexpected(&self, wanted: impl std::fmt::Display) -> String {
        match self.text[self.at..].chars().next() {
            Some(found) => format!("{found:?} at byte {}, expected {wanted}", self.at),
            None => format!("the text ends at byte {}, expected {wanted}", self.at),
        }
    }

    /// The span of the next value. Nesting is counted, not recursed into, so that no depth of
    /// brackets can exhaust the stack.
    fn value(&mut self) -> Result<(&'a str, usize), String> {
        self.skip_space();
        let start = self.at;
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    self.at += 1;
                    self.skip_space();
                    let close = if bracket == b'{' { b'}' } else { b']' };
                    if !self.take(close) {
                        open.push(close);
                        if close == b'}' {
                            self.name()?;
                        }
                        continue;
                    }
                }
                Some(b'"') => {
                    self.string()?;
                }
                _ => self.scalar()?,
            }
            loop {
                let Some(&close) = open.last() else {
                    return Ok((&self.text[start..self.at], start));
                };
                self.skip_space();
                if self.take(b',') {
                    if close == b'}' {
                        self.skip_space();
                        self.name()?;
                    }
                    break;
                }
                self.expect(close)?;
                open.pop();
            }
        }
    }

    fn name(&mut self) -> Result<(), String> {
        self.string()?;
        self.skip_space();
        self.expect(b':')
    }

    /// The next string literal with its quotes; escapes are checked for shape only. A bare control
    /// character is refused, as Python refuses it.
    fn string(&mut self) -> Result<&'a str, String> {
        let start = self.at;
        self.expect(b'"')?;
        loop {
            match self.peek() {
                None => return Err(self.unexpected('"')),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(&self.text[start..self.at]);
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                            self.at += 1;
                        }
                        Some(b'u') => {
                            self.at += 1;
                            for _ in 0..4 {
                                if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                                    return Err(self.unexpected("a hex digit"));
                                }
                                self.at += 1;
                            }
                        }
                        _ => return Err(self.unexpected("an escape")),
                    }
                }
                Some(..=0x1f) => return Err(self.unexpected("an escape")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn scalar(&mut self) -> Result<(), String> {
        let rest = &self.text[self.at..];
        for word in ["null", "true", "false", "NaN", "Infinity", "-Infinity"] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(());
            }
        }
        let length = number_length(rest.as_bytes());
        if length == 0 {
            return Err(self.unexpected("a value"));
        }
        self.at += length;
        Ok(())
    }
}

/// Length of the JSON number at the start of `text`, 0 if there is none.
fn number_length(text: &[u8]) -> usize {
    let digits = |from: usize| text[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && text[at] == b'0') {
        return 0;
    }
    at += whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return 0;
        }
        at += 1 + fraction;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits((at + 1 + sign).min(text.len()));
        if exponent == 0 {
            return 0;
        }
        at += 1 + sign + exponent;
    }
    at
}
