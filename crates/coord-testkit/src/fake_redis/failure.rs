//! The errors commands answer with, word for word as Redis 7.0 says them.

use std::borrow::Cow;

use super::reply::Reply;

/// An error reply: the whole text with its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) Cow<'static, str>);

impl Failure {
    /// Any text with its code, for example `ERR no such key`.
    pub(crate) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(text.into())
    }
    pub(crate) const fn fixed(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
    pub(crate) const fn wrong_type() -> Self {
        Self::fixed("WRONGTYPE Operation against a key holding the wrong kind of value")
    }
    pub(crate) const fn syntax() -> Self {
        Self::fixed("ERR syntax error")
    }
    pub(crate) const fn not_integer() -> Self {
        Self::fixed("ERR value is not an integer or out of range")
    }
    pub(crate) const fn not_float() -> Self {
        Self::fixed("ERR value is not a valid float")
    }
    pub(crate) const fn out_of_range() -> Self {
        Self::fixed("ERR value is out of range")
    }
    pub(crate) const fn index_out_of_range() -> Self {
        Self::fixed("ERR index out of range")
    }
    pub(crate) const fn must_be_positive() -> Self {
        Self::fixed("ERR value is out of range, must be positive")
    }
    pub(crate) const fn no_such_key() -> Self {
        Self::fixed("ERR no such key")
    }
    pub(crate) const fn overflow() -> Self {
        Self::fixed("ERR increment or decrement would overflow")
    }
    pub(crate) const fn not_score_range() -> Self {
        Self::fixed("ERR min or max is not a float")
    }
    pub(crate) const fn not_lex_range() -> Self {
        Self::fixed("ERR min or max not valid string range item")
    }
    /// `name` is the command as a user writes it in lower case (`client|kill` for a subcommand).
    pub(crate) fn arity(name: &str) -> Self {
        Self::new(format!("ERR wrong number of arguments for '{name}' command"))
    }
    pub(crate) fn invalid_expire(name: &str) -> Self {
        Self::new(format!("ERR invalid expire time in '{name}' command"))
    }
    pub(crate) fn is_wrong_type(&self) -> bool {
        self.0.starts_with("WRONGTYPE ")
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        Self::Error(failure.0.into_owned())
    }
}
