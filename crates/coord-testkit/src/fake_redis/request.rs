//! The incremental parser of requests: multibulk and inline commands.

use bytes::{Buf, Bytes, BytesMut};

/// Longest line without an end, in bytes.
const MAX_LINE: usize = 64 * 1024;
/// Most arguments in one request.
const MAX_ARGS: i64 = 1024 * 1024;
/// Longest argument, in bytes.
const MAX_BULK: i64 = 512 * 1024 * 1024;

/// Reads requests out of a growing buffer.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// Arguments still missing of the current multibulk request.
    missing: usize,
    /// The announced length of the argument being read.
    bulk: Option<usize>,
    args: Vec<Bytes>,
    /// See [`Parser::taken`].
    taken: usize,
}

impl Parser {
    /// Bytes already taken of a request that is not whole yet, as it came.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// Takes the next whole request out of `input`; `None` asks for more bytes.
    /// An empty list is a blank request, which gets no answer.
    /// The error is the text Redis sends before it closes the connection.
    /// `authenticated` lifts the tight limits of a connection without a user.
    pub(crate) fn next(
        &mut self,
        input: &mut BytesMut,
        authenticated: bool,
    ) -> Result<Option<Vec<Bytes>>, String> {
        let before = input.len();
        let next = self.next_part(input, authenticated);
        self.taken += before - input.len();
        if !matches!(next, Ok(None)) {
            self.taken = 0;
        }
        next
    }

    fn next_part(
        &mut self,
        input: &mut BytesMut,
        authenticated: bool,
    ) -> Result<Option<Vec<Bytes>>, String> {
        if self.missing == 0 && self.args.is_empty() {
            match input.first() {
                None => return Ok(None),
                Some(b'*') => {
                    let Some(line) = line(input, "too big mbulk count string")? else {
                        return Ok(None);
                    };
                    let count = super::number::parse_i64(&line[1..])
                        .filter(|count| *count <= MAX_ARGS)
                        .ok_or("ERR Protocol error: invalid multibulk length")?;
                    if !authenticated && count > 10 {
                        return Err("ERR Protocol error: unauthenticated multibulk length".into());
                    }
                    self.missing = usize::try_from(count).unwrap_or(0);
                    if self.missing == 0 {
                        return Ok(Some(Vec::new()));
                    }
                }
                Some(_) => return inline(input),
            }
        }
        while self.missing > 0 {
            let length = match self.bulk {
                Some(length) => length,
                None => {
                    let Some(line) = line(input, "too big bulk count string")? else {
                        return Ok(None);
                    };
                    if line.first() != Some(&b'$') {
                        let got = char::from(line.first().copied().unwrap_or(b' '));
                        return Err(format!("ERR Protocol error: expected '$', got '{got}'"));
                    }
                    let length = super::number::parse_i64(&line[1..])
                        .filter(|length| (0..=MAX_BULK).contains(length))
                        .ok_or("ERR Protocol error: invalid bulk length")?;
                    if !authenticated && length > 16_384 {
                        return Err("ERR Protocol error: unauthenticated bulk length".into());
                    }
                    *self.bulk.insert(usize::try_from(length).unwrap_or(0))
                }
            };
            if input.len() < length + 2 {
                return Ok(None);
            }
            self.args.push(input.split_to(length).freeze());
            input.advance(2);
            self.bulk = None;
            self.missing -= 1;
        }
        Ok(Some(std::mem::take(&mut self.args)))
    }
}

/// Takes a line without its end out of the buffer.
fn line(input: &mut BytesMut, too_long: &str) -> Result<Option<BytesMut>, String> {
    let Some(end) = input.iter().position(|byte| *byte == b'\r') else {
        if input.len() > MAX_LINE {
            return Err(format!("ERR Protocol error: {too_long}"));
        }
        return Ok(None);
    };
    if input.len() < end + 2 {
        return Ok(None);
    }
    let line = input.split_to(end);
    input.advance(2);
    Ok(Some(line))
}

fn inline(input: &mut BytesMut) -> Result<Option<Vec<Bytes>>, String> {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
        if input.len() > MAX_LINE {
            return Err("ERR Protocol error: too big inline request".into());
        }
        return Ok(None);
    };
    let line = input.split_to(end);
    input.advance(1);
    let line = line.strip_suffix(b"\r").unwrap_or(&line);
    split_args(line)
        .map(Some)
        .ok_or_else(|| "ERR Protocol error: unbalanced quotes in request".into())
}

/// Splits a line into arguments: quotes and escapes as redis-cli writes them; `None` if unbalanced.
pub(crate) fn split_args(line: &[u8]) -> Option<Vec<Bytes>> {
    let mut args = Vec::new();
    let mut at = 0;
    loop {
        while line.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        if at >= line.len() {
            return Some(args);
        }
        let mut arg = Vec::new();
        let mut quote = None;
        loop {
            let byte = line.get(at).copied();
            match (quote, byte) {
                (None, None) => break,
                (None, Some(byte)) if byte.is_ascii_whitespace() => break,
                (Some(_), None) => return None,
                (Some(mark), Some(byte)) if byte == mark => {
                    // A closing quote must end the argument.
                    if line.get(at + 1).is_some_and(|next| !next.is_ascii_whitespace()) {
                        return None;
                    }
                    at += 1;
                    break;
                }
                (Some(b'"'), Some(b'\\')) => {
                    let (byte, used) = escape(&line[at + 1..])?;
                    arg.push(byte);
                    at += used;
                }
                (Some(b'\''), Some(b'\\')) if line.get(at + 1) == Some(&b'\'') => {
                    arg.push(b'\'');
                    at += 1;
                }
                (None, Some(mark @ (b'"' | b'\''))) => quote = Some(mark),
                (_, Some(byte)) => arg.push(byte),
            }
            at += 1;
        }
        args.push(Bytes::from(arg));
    }
}

/// The byte an escape stands for and how many bytes follow the backslash.
fn escape(rest: &[u8]) -> Option<(u8, usize)> {
    let byte = *rest.first()?;
    if byte == b'x'
        && let Some(digits) = rest.get(1..3)
        && let Ok(value) = u8::from_str_radix(&String::from_utf8_lossy(digits), 16)
    {
        return Some((value, 3));
    }
    let value = match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    };
    Some((value, 1))
}
