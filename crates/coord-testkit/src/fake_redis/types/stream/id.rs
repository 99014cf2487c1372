//! Identifiers of stream entries and their textual forms.

use std::fmt;

/// `milliseconds-sequence`, ordered by both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub(crate) struct StreamId {
    pub(crate) ms: u64,
    pub(crate) seq: u64,
}

/// The identifier an `XADD` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewId {
    /// `*`
    Auto,
    /// `ms-*`
    Sequence(u64),
    /// `ms-seq` or `ms`
    Exact(StreamId),
}

/// The text is no identifier; always the same error for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidId;

impl StreamId {
    pub(crate) const MIN: Self = Self { ms: 0, seq: 0 };
    pub(crate) const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    pub(crate) const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// The next identifier, or `None` after the last possible one.
    pub(crate) fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { ms: self.ms, seq }),
            None => Some(Self { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The identifier before this one, or `None` for `0-0`.
    pub(crate) fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { ms: self.ms, seq }),
            None => Some(Self { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// Reads `ms-seq`, or `ms` with the given sequence.
    pub(crate) fn parse(text: &[u8], missing_seq: u64) -> Result<Self, InvalidId> {
        match parse_parts(text)? {
            (ms, Some(seq)) => Ok(Self { ms, seq: parse_u64(seq)? }),
            (ms, None) => Ok(Self { ms, seq: missing_seq }),
        }
    }

    /// As [`parse`](Self::parse), also taking `-` and `+` for the extremes.
    pub(crate) fn parse_bound(text: &[u8], missing_seq: u64) -> Result<Self, InvalidId> {
        match text {
            b"-" => Ok(Self::MIN),
            b"+" => Ok(Self::MAX),
            _ => Self::parse(text, missing_seq),
        }
    }
}

impl NewId {
    /// Reads what `XADD` accepts as its identifier.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, InvalidId> {
        if text == b"*" {
            return Ok(Self::Auto);
        }
        match parse_parts(text)? {
            (ms, Some(b"*")) => Ok(Self::Sequence(ms)),
            _ => StreamId::parse(text, 0).map(Self::Exact),
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

fn parse_parts(text: &[u8]) -> Result<(u64, Option<&[u8]>), InvalidId> {
    const LONGEST: usize = 127;
    if text.len() > LONGEST {
        return Err(InvalidId);
    }
    // The server works on C strings: what follows a zero byte is not seen.
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    match text.iter().position(|&byte| byte == b'-') {
        Some(dash) => Ok((parse_u64(&text[..dash])?, Some(&text[dash + 1..]))),
        None => Ok((parse_u64(text)?, None)),
    }
}

/// A number as C's `strtoull` reads it: leading space, a plus sign and zeros pass.
fn parse_u64(text: &[u8]) -> Result<u64, InvalidId> {
    let text = std::str::from_utf8(text).map_err(|_| InvalidId)?;
    let text = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let digits = text.strip_prefix('+').unwrap_or(text);
    if digits.starts_with('+') {
        return Err(InvalidId);
    }
    digits.parse().map_err(|_| InvalidId)
}
