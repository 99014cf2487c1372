//! List value.

use std::collections::VecDeque;

use bytes::Bytes;

/// Elements of a list from head to tail.
#[derive(Debug, Clone, Default)]
pub(crate) struct List(pub(crate) VecDeque<Bytes>);

impl List {
    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no element.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The position that `index` means, counting from the tail if negative.
    pub(crate) fn position(&self, index: i64) -> Option<usize> {
        let at = usize::try_from(index.unsigned_abs()).ok()?;
        let at = if index < 0 { self.len().checked_sub(at)? } else { at };
        (at < self.len()).then_some(at)
    }

    /// Adds at the head or the tail.
    pub(crate) fn push(&mut self, end: End, element: Bytes) {
        match end {
            End::Left => self.0.push_front(element),
            End::Right => self.0.push_back(element),
        }
    }

    /// Takes from the head or the tail.
    pub(crate) fn pop(&mut self, end: End) -> Option<Bytes> {
        match end {
            End::Left => self.0.pop_front(),
            End::Right => self.0.pop_back(),
        }
    }

    /// What `OBJECT ENCODING` answers.
    pub(crate) const fn encoding(&self) -> &'static str {
        "quicklist"
    }
}

/// Head or tail of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The head.
    Left,
    /// The tail.
    Right,
}

impl End {
    /// Reads `LEFT` or `RIGHT` in any case.
    pub(crate) fn parse(word: &[u8]) -> Option<Self> {
        if word.eq_ignore_ascii_case(b"left") {
            Some(Self::Left)
        } else if word.eq_ignore_ascii_case(b"right") {
            Some(Self::Right)
        } else {
            None
        }
    }
}

/// Ranks from `start` to `stop`, both included and counted from the end if negative, of `len`
/// elements; empty if they do not meet.
pub(crate) fn ranks(start: i64, stop: i64, len: usize) -> std::ops::Range<usize> {
    let end = i64::try_from(len).unwrap_or(i64::MAX);
    let absolute = |index: i64| if index < 0 { index.saturating_add(end) } else { index };
    let start = absolute(start).max(0);
    let stop = absolute(stop).min(end - 1);
    let position = |index: i64| usize::try_from(index).unwrap_or(0);
    if start > stop { 0..0 } else { position(start)..position(stop) + 1 }
}
