//! Sorted set value: members with scores, ordered by score and then by bytes.

use std::ops::Range;

use bytes::Bytes;

use super::limits::Limits;
use super::range::{LexRange, ScoreRange};
use super::rank_tree::{RankTree, Walk};
use super::table::{Table, below};
use crate::fake_redis::number::format_double;

/// Members and scores of a sorted set, with the encoding Redis would report.
#[derive(Debug, Clone, Default)]
pub(crate) struct SortedSet {
    scores: Table<f64>,
    order: RankTree,
    limits: Limits,
    /// Set once a threshold was passed; as in Redis it never goes back.
    large: bool,
}

impl SortedSet {
    /// An empty set with these thresholds.
    pub(crate) fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Changes the thresholds for what is added from now on.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// An empty set in the encoding for many members, which keeps -0.
    pub(crate) fn large() -> Self {
        Self { large: true, ..Self::default() }
    }

    /// Changes to the encoding for many members.
    pub(crate) fn enlarge(&mut self) {
        self.large = true;
    }

    /// The set in the encoding that suits its members.
    pub(crate) fn fitted(mut self, limits: Limits) -> Self {
        self.limits = limits;
        let long = self.iter().any(|(_, member)| member.len() > limits.sorted_set_value);
        if long || self.len() > limits.sorted_set_entries {
            return self;
        }
        let mut set = Self::with_limits(limits);
        for (score, member) in self.iter() {
            set.insert(member.clone(), score);
        }
        set
    }

    /// Number of members.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is no member.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Score of `member`.
    pub(crate) fn score(&self, member: &[u8]) -> Option<f64> {
        self.scores.get(member).copied()
    }

    /// Sets the score of `member`, which must not be NaN; returns the former score.
    pub(crate) fn insert(&mut self, member: Bytes, score: f64) -> Option<f64> {
        debug_assert!(!score.is_nan(), "commands refuse NaN before they store");
        let former = self.score(&member);
        // Equal numbers are left alone, hence 0 does not become -0.
        if former == Some(score) {
            return former;
        }
        if let Some(former) = former {
            self.order.remove(former, &member);
        } else {
            self.large |= self.len() >= self.limits.sorted_set_entries;
        }
        self.large |= member.len() > self.limits.sorted_set_value;
        // A listpack holds whole numbers as integers, which have no -0.
        let score = if score == 0.0 && !self.large { 0.0 } else { score };
        self.scores.insert(member.clone(), score);
        self.order.insert(score, member);
        former
    }

    /// Removes `member`, returning its score.
    pub(crate) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.scores.remove(member)?;
        self.order.remove(score, member);
        Some(score)
    }

    /// Rank of `member` from the lowest score.
    pub(crate) fn rank(&self, member: &[u8]) -> Option<usize> {
        Some(self.order.rank(self.score(member)?, member))
    }

    /// Walks `count` members from rank `start` upwards.
    pub(crate) fn walk(&self, start: usize, count: usize) -> Walk<'_> {
        self.order.walk(start, count)
    }

    /// Walks `count` members from rank `start` downwards.
    pub(crate) fn walk_back(&self, start: usize, count: usize) -> Walk<'_> {
        self.order.walk_back(start, count)
    }

    /// All members in order.
    pub(crate) fn iter(&self) -> Walk<'_> {
        self.walk(0, self.len())
    }

    /// Ranks of the members in `range`.
    pub(crate) fn ranks_by_score(&self, range: &ScoreRange) -> Range<usize> {
        let start = self.order.partition_point(|score, _| range.is_below(score));
        let end = self.order.partition_point(|score, _| range.is_up_to(score));
        start..end.max(start)
    }

    /// Ranks of the members in `range`; meaningful when all scores are equal.
    pub(crate) fn ranks_by_lex(&self, range: &LexRange) -> Range<usize> {
        let start = self.order.partition_point(|_, member| range.is_below(member));
        let end = self.order.partition_point(|_, member| range.is_up_to(member));
        start..end.max(start)
    }

    /// A uniformly random member.
    pub(crate) fn sample(&self, random: &mut dyn FnMut() -> u64) -> Option<(f64, &Bytes)> {
        if self.is_empty() {
            return None;
        }
        self.walk(below(random, self.len()), 1).next()
    }

    /// A score as a scan shows it: a listpack holds whole numbers up to 2^62 as integers.
    pub(crate) fn scan_text(&self, score: f64) -> String {
        if !self.large && score.fract() == 0.0 && score.abs() <= 4_611_686_018_427_387_904.0 {
            // All digits; the set has no -0 then.
            return format!("{score:.0}");
        }
        format_double(score)
    }

    /// One step of a scan; a listpack is returned whole and in order, as in Redis.
    pub(crate) fn scan(&self, cursor: u64, count: usize) -> (u64, Vec<(&Bytes, f64)>) {
        if !self.large {
            return (0, self.iter().map(|(score, member)| (member, score)).collect());
        }
        let (next, found) = self.scores.scan(cursor, count);
        (next, found.into_iter().map(|(member, &score)| (member, score)).collect())
    }

    /// What `OBJECT ENCODING` answers.
    pub(crate) fn encoding(&self) -> &'static str {
        if self.large { "skiplist" } else { "listpack" }
    }
}
