//! Ranges of a sorted set by score and by member.

use bytes::Bytes;

use super::float::strtod;

/// End of a score range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ScoreBound {
    /// The score itself.
    pub(crate) value: f64,
    /// Whether the score itself is outside.
    pub(crate) exclusive: bool,
}

impl ScoreBound {
    /// Reads `1.5` or `(1.5`; `None` if it is not a number.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let (exclusive, digits) = match text.strip_prefix(b"(") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        // C stops at a NUL byte.
        let digits = digits.split(|&byte| byte == 0).next().unwrap_or_default();
        let parsed = strtod(digits);
        // Redis only asks that nothing is left over, so an empty text counts as 0.
        let whole = parsed.len == digits.len();
        (whole && !parsed.value.is_nan()).then_some(Self { value: parsed.value, exclusive })
    }
}

/// Scores between two bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ScoreRange {
    /// Lower end.
    pub(crate) min: ScoreBound,
    /// Upper end.
    pub(crate) max: ScoreBound,
}

impl ScoreRange {
    /// Reads both ends; `None` if one is malformed.
    pub(crate) fn parse(min: &[u8], max: &[u8]) -> Option<Self> {
        Some(Self { min: ScoreBound::parse(min)?, max: ScoreBound::parse(max)? })
    }

    /// Whether `score` lies before the range.
    pub(crate) fn is_below(&self, score: f64) -> bool {
        score < self.min.value || (self.min.exclusive && score == self.min.value)
    }

    /// Whether `score` does not lie after the range.
    pub(crate) fn is_up_to(&self, score: f64) -> bool {
        score < self.max.value || (!self.max.exclusive && score == self.max.value)
    }
}

/// End of a range by member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LexBound {
    /// `-`: before every member.
    Least,
    /// `+`: after every member.
    Greatest,
    /// `[member`.
    Inclusive(Bytes),
    /// `(member`.
    Exclusive(Bytes),
}

impl LexBound {
    /// Reads `-`, `+`, `[member` or `(member`; `None` for anything else.
    pub(crate) fn parse(text: &Bytes) -> Option<Self> {
        match text.first()? {
            b'-' if text.len() == 1 => Some(Self::Least),
            b'+' if text.len() == 1 => Some(Self::Greatest),
            b'[' => Some(Self::Inclusive(text.slice(1..))),
            b'(' => Some(Self::Exclusive(text.slice(1..))),
            _ => None,
        }
    }
}

/// Members between two bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LexRange {
    /// Lower end.
    pub(crate) min: LexBound,
    /// Upper end.
    pub(crate) max: LexBound,
}

impl LexRange {
    /// Reads both ends; `None` if one is malformed.
    pub(crate) fn parse(min: &Bytes, max: &Bytes) -> Option<Self> {
        Some(Self { min: LexBound::parse(min)?, max: LexBound::parse(max)? })
    }

    /// Whether `member` lies before the range.
    pub(crate) fn is_below(&self, member: &[u8]) -> bool {
        match &self.min {
            LexBound::Least => false,
            LexBound::Greatest => true,
            LexBound::Inclusive(min) => member < min,
            LexBound::Exclusive(min) => member <= min,
        }
    }

    /// Whether `member` does not lie after the range.
    pub(crate) fn is_up_to(&self, member: &[u8]) -> bool {
        match &self.max {
            LexBound::Least => false,
            LexBound::Greatest => true,
            LexBound::Inclusive(max) => member <= max,
            LexBound::Exclusive(max) => member < max,
        }
    }
}
