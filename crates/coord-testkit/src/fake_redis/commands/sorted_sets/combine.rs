//! Combining sorted sets, without keys and replies.

use crate::fake_redis::types::SortedSet;
use crate::fake_redis::types::table::Table;

/// What to combine them to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Union,
    Intersection,
    /// Members of the first that no other has.
    Difference,
}

/// How the scores of one member become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    /// Reads `SUM`, `MIN` or `MAX` in any case.
    pub(super) fn parse(word: &[u8]) -> Option<Self> {
        match word.to_ascii_lowercase().as_slice() {
            b"sum" => Some(Self::Sum),
            b"min" => Some(Self::Min),
            b"max" => Some(Self::Max),
            _ => None,
        }
    }

    fn apply(self, score: f64, other: f64) -> f64 {
        match self {
            // Opposite infinities make 0.
            Self::Sum => number(score + other),
            Self::Min => {
                if other < score {
                    other
                } else {
                    score
                }
            }
            Self::Max => {
                if other > score {
                    other
                } else {
                    score
                }
            }
        }
    }
}

/// One set and its weight.
#[derive(Debug)]
pub(super) struct Source {
    set: SortedSet,
    /// Factor of its scores.
    pub(super) weight: f64,
}

impl Source {
    /// A set with weight 1.
    pub(super) fn new(set: SortedSet) -> Self {
        Self { set, weight: 1.0 }
    }

    /// May be NaN, infinity times zero.
    fn score(&self, member: &[u8]) -> Option<f64> {
        self.set.score(member).map(|score| self.weight * score)
    }
}

/// Combines the sets; from the smallest on, as the order of additions shows in the last digit.
pub(super) fn combine(sources: &[Source], operation: Operation, aggregate: Aggregate) -> SortedSet {
    let mut by_size: Vec<&Source> = sources.iter().collect();
    by_size.sort_by_key(|source| source.set.len());
    // In Redis results are built in the encoding for many members.
    let mut result = SortedSet::large();
    match operation {
        Operation::Union => {
            let mut scores = Table::default();
            for source in by_size {
                for (score, member) in source.set.iter() {
                    let score = number(source.weight * score);
                    let known = scores.get(member).copied();
                    let score = known.map_or(score, |known| aggregate.apply(known, score));
                    scores.insert(member.clone(), score);
                }
            }
            for (member, score) in scores.iter() {
                result.insert(member.clone(), *score);
            }
        }
        Operation::Intersection => {
            let (smallest, others) = (by_size[0], &by_size[1..]);
            for (_, member) in smallest.set.iter() {
                let score = smallest.score(member).and_then(|first| {
                    // Only the first one's NaN counts as 0; a later one loses every comparison.
                    others.iter().try_fold(number(first), |score, other| {
                        Some(aggregate.apply(score, other.score(member)?))
                    })
                });
                if let Some(score) = score {
                    result.insert(member.clone(), score);
                }
            }
        }
        Operation::Difference => {
            let (first, others) = (&sources[0], &sources[1..]);
            for (score, member) in first.set.iter() {
                if !others.iter().any(|other| other.set.score(member).is_some()) {
                    result.insert(member.clone(), score);
                }
            }
        }
    }
    result
}

/// Infinity times zero counts as 0.
fn number(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}
