//! Replies and their RESP2 and RESP3 encodings.

use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};

use super::number::format_double;

/// One reply of the fake server, independent of the protocol version.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A status such as `OK`.
    Simple(Cow<'static, str>),
    /// An error: the whole text with its code, for example `ERR syntax error`.
    Error(String),
    /// A signed integer.
    Integer(i64),
    /// A binary-safe string.
    Bulk(Bytes),
    /// Nothing: a null bulk string in RESP2.
    Null,
    /// Nothing: a null array in RESP2.
    NullArray,
    /// An ordered list.
    Array(Vec<Self>),
    /// Pairs: a flat array in RESP2.
    Map(Vec<(Self, Self)>),
    /// An unordered list: an array in RESP2.
    Set(Vec<Self>),
    /// A floating-point number: a bulk string in RESP2.
    Double(f64),
    /// A floating-point number with its digits as they are: a bulk string in RESP2.
    DoubleText(String),
    /// A truth value: 1 or 0 in RESP2.
    Bool(bool),
    /// An integer of any size: a bulk string in RESP2.
    BigNumber(String),
    /// A text with a three-letter format: a bulk string in RESP2.
    Verbatim(&'static str, Bytes),
    /// An out-of-band message: an array in RESP2.
    Push(Vec<Self>),
    /// A reply with facts about it in front: the reply alone in RESP2.
    Attributed(Vec<(Self, Self)>, Box<Self>),
    /// Nothing is written, because the reply was or will be sent otherwise.
    None,
}

impl Reply {
    /// The status `OK`.
    pub const OK: Self = Self::Simple(Cow::Borrowed("OK"));

    /// A status from a constant text.
    #[must_use]
    pub const fn simple(text: &'static str) -> Self {
        Self::Simple(Cow::Borrowed(text))
    }

    /// A bulk string copied from `bytes`.
    #[must_use]
    pub fn bulk(bytes: impl AsRef<[u8]>) -> Self {
        Self::Bulk(Bytes::copy_from_slice(bytes.as_ref()))
    }

    /// A bulk string, or null where there is none.
    #[must_use]
    pub fn bulk_or_null(bytes: Option<impl AsRef<[u8]>>) -> Self {
        bytes.map_or(Self::Null, Self::bulk)
    }

    /// An integer from a length, saturating at `i64::MAX`.
    #[must_use]
    pub fn len(count: usize) -> Self {
        Self::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// 1 or 0, as an integer in both protocol versions.
    #[must_use]
    pub const fn flag(yes: bool) -> Self {
        Self::Integer(if yes { 1 } else { 0 })
    }

    /// An array of bulk strings.
    #[must_use]
    pub fn bulks<I>(items: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        Self::Array(items.into_iter().map(Self::bulk).collect())
    }

    /// True for [`Reply::Error`].
    #[must_use]
    pub const fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    /// Appends the encoding for RESP3 (`resp3`) or RESP2 to `out`.
    pub fn encode(&self, resp3: bool, out: &mut BytesMut) {
        match self {
            Self::Simple(text) => line(out, b'+', text.as_bytes()),
            Self::Error(text) => error_line(out, text),
            Self::Integer(value) => line(out, b':', value.to_string().as_bytes()),
            Self::Null | Self::NullArray if resp3 => out.put_slice(b"_\r\n"),
            Self::Null => out.put_slice(b"$-1\r\n"),
            Self::NullArray => out.put_slice(b"*-1\r\n"),
            Self::Array(items) => items_of(out, b'*', items, resp3),
            Self::Set(items) => items_of(out, if resp3 { b'~' } else { b'*' }, items, resp3),
            Self::Push(items) => items_of(out, if resp3 { b'>' } else { b'*' }, items, resp3),
            Self::Map(pairs) => {
                let (mark, count) =
                    if resp3 { (b'%', pairs.len()) } else { (b'*', pairs.len() * 2) };
                line(out, mark, count.to_string().as_bytes());
                for (key, value) in pairs {
                    key.encode(resp3, out);
                    value.encode(resp3, out);
                }
            }
            Self::Double(value) if resp3 => line(out, b',', format_double(*value).as_bytes()),
            Self::Double(value) => bulk(out, format_double(*value).as_bytes()),
            Self::DoubleText(text) if resp3 => line(out, b',', text.as_bytes()),
            Self::Bool(yes) if resp3 => line(out, b'#', if *yes { b"t" } else { b"f" }),
            Self::Bool(yes) => line(out, b':', if *yes { b"1" } else { b"0" }),
            Self::BigNumber(text) if resp3 => line(out, b'(', text.as_bytes()),
            Self::BigNumber(text) | Self::DoubleText(text) => bulk(out, text.as_bytes()),
            Self::Verbatim(format, bytes) if resp3 => {
                line(out, b'=', (bytes.len() + 4).to_string().as_bytes());
                out.put_slice(format.as_bytes());
                out.put_u8(b':');
                out.put_slice(bytes);
                out.put_slice(b"\r\n");
            }
            Self::Bulk(bytes) | Self::Verbatim(_, bytes) => bulk(out, bytes),
            Self::Attributed(facts, reply) => {
                if resp3 {
                    line(out, b'|', facts.len().to_string().as_bytes());
                    for (key, value) in facts {
                        key.encode(resp3, out);
                        value.encode(resp3, out);
                    }
                }
                reply.encode(resp3, out);
            }
            Self::None => {}
        }
    }
}

fn items_of(out: &mut BytesMut, mark: u8, items: &[Reply], resp3: bool) {
    line(out, mark, items.len().to_string().as_bytes());
    for item in items {
        item.encode(resp3, out);
    }
}

fn bulk(out: &mut BytesMut, bytes: &[u8]) {
    line(out, b'$', bytes.len().to_string().as_bytes());
    out.put_slice(bytes);
    out.put_slice(b"\r\n");
}

fn line(out: &mut BytesMut, mark: u8, text: &[u8]) {
    out.put_u8(mark);
    out.put_slice(text);
    out.put_slice(b"\r\n");
}

/// Line breaks inside an error would end the reply early: they become spaces.
fn error_line(out: &mut BytesMut, text: &str) {
    out.put_u8(b'-');
    for byte in text.trim_end_matches(['\r', '\n']).bytes() {
        out.put_u8(if byte == b'\r' || byte == b'\n' { b' ' } else { byte });
    }
    out.put_slice(b"\r\n");
}
