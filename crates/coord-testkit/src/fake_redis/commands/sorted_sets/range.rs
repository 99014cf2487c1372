//! ZRANGE, its older forms and ZRANGESTORE.

use std::ops::Range;

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::commands::arguments::pairs;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::SortedSet;
use crate::fake_redis::types::list::ranks;
use crate::fake_redis::types::range::{LexRange, ScoreRange};
use crate::fake_redis::value::Value;

/// What the two bounds are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// How one of the commands reads its arguments.
#[derive(Debug, Clone, Copy)]
struct Form {
    /// Index of the source key.
    source: usize,
    /// None if options tell.
    by: Option<By>,
    /// None if an option tells.
    reverse: Option<bool>,
    /// Whether the result is stored at argument 1.
    store: bool,
}

/// The same after the options were read.
#[derive(Debug)]
struct Plan {
    by: By,
    reverse: bool,
    with_scores: bool,
    /// Members to skip and to take; a negative number skips, or takes, all.
    offset: i64,
    limit: i64,
}

/// The two bounds.
#[derive(Debug)]
enum Bounds {
    Rank(i64, i64),
    Score(ScoreRange),
    Lex(LexRange),
}

const fn form(by: Option<By>, reverse: Option<bool>) -> Form {
    Form { source: 1, by, reverse, store: false }
}

pub(super) fn zrange(call: &mut Call<'_>) -> Result<Reply, Failure> {
    range(call, form(None, None))
}

pub(super) fn zrevrange(call: &mut Call<'_>) -> Result<Reply, Failure> {
    range(call, form(Some(By::Rank), Some(true)))
}

pub(super) fn zrangebyscore(call: &mut Call<'_>) -> Result<Reply, Failure> {
    range(call, form(Some(By::Score), Some(false)))
}

pub(super) fn zrevrangebyscore(call: &mut Call<'_>) -> Result<Reply, Failure> {
    range(call, form(Some(By::Score), Some(true)))
}

pub(super) fn zrangebylex(call: &mut Call<'_>) -> Result<Reply, Failure> {
    range(call, form(Some(By::Lex), Some(false)))
}

pub(super) fn zrevrangebylex(call: &mut Call<'_>) -> Result<Reply, Failure> {
    range(call, form(Some(By::Lex), Some(true)))
}

pub(super) fn zrangestore(call: &mut Call<'_>) -> Result<Reply, Failure> {
    range(call, Form { source: 2, by: None, reverse: None, store: true })
}

fn range(call: &mut Call<'_>, form: Form) -> Result<Reply, Failure> {
    let args = &call.args[form.source..];
    let plan = Plan::parse(&args[3..], form)?;
    let bounds = Bounds::parse(&plan, &args[1], &args[2])?;
    let resp3 = call.resp3;
    let found = call.sorted_set(&args[0])?.map(|set| plan.select(set, &bounds)).unwrap_or_default();
    if form.store {
        let mut result = SortedSet::with_limits(call.state.config.limits);
        for (member, score) in found {
            result.insert(member, score);
        }
        let len = result.len();
        call.store_result(call.arg(1), Value::SortedSet(result), notify::SORTED_SET, "zrangestore");
        return Ok(Reply::len(len));
    }
    let found = found.into_iter().map(|(member, score)| (Reply::Bulk(member), score));
    if plan.with_scores {
        return Ok(pairs(resp3, found.map(|(member, score)| (member, Reply::Double(score)))));
    }
    Ok(Reply::Array(found.map(|(member, _)| member).collect()))
}

impl Plan {
    fn parse(options: &[Bytes], form: Form) -> Result<Self, Failure> {
        let (mut by, mut reverse) = (form.by, form.reverse);
        let (mut with_scores, mut offset, mut limit) = (false, 0, -1);
        let mut at = 0;
        while let Some(option) = options.get(at) {
            let left = options.len() - at - 1;
            match option.to_ascii_lowercase().as_slice() {
                b"withscores" if !form.store => with_scores = true,
                b"limit" if left >= 2 => {
                    offset = integer(&options[at + 1])?;
                    limit = integer(&options[at + 2])?;
                    at += 2;
                }
                b"rev" if reverse.is_none() => reverse = Some(true),
                b"bylex" if by.is_none() => by = Some(By::Lex),
                b"byscore" if by.is_none() => by = Some(By::Score),
                _ => return Err(Failure::syntax()),
            }
            at += 1;
        }
        let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
        if limit != -1 && by == By::Rank {
            return Err(Failure::fixed(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if with_scores && by == By::Lex {
            return Err(Failure::fixed(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        Ok(Self { by, reverse, with_scores, offset, limit })
    }

    /// Members of the range with their scores, in order.
    fn select(&self, set: &SortedSet, bounds: &Bounds) -> Vec<(Bytes, f64)> {
        let ranks = match bounds {
            Bounds::Rank(start, stop) => {
                let ranks = ranks(*start, *stop, set.len());
                if self.reverse { set.len() - ranks.end..set.len() - ranks.start } else { ranks }
            }
            Bounds::Score(range) => set.ranks_by_score(range),
            Bounds::Lex(range) => set.ranks_by_lex(range),
        };
        let ranks = if self.by == By::Rank { ranks } else { self.limited(ranks) };
        let walk = match (self.reverse, ranks.is_empty()) {
            (_, true) => set.walk(0, 0),
            (false, _) => set.walk(ranks.start, ranks.len()),
            (true, _) => set.walk_back(ranks.end - 1, ranks.len()),
        };
        walk.map(|(score, member)| (member.clone(), score)).collect()
    }

    /// What LIMIT leaves of the ranks.
    fn limited(&self, ranks: Range<usize>) -> Range<usize> {
        let most = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        let skip = most(self.offset).min(ranks.len());
        let take = most(self.limit).min(ranks.len() - skip);
        if self.reverse {
            ranks.end - skip - take..ranks.end - skip
        } else {
            ranks.start + skip..ranks.start + skip + take
        }
    }
}

impl Bounds {
    /// Reads the bounds; in reverse the greater one comes first.
    fn parse(plan: &Plan, first: &Bytes, second: &Bytes) -> Result<Self, Failure> {
        let (min, max) = if plan.reverse { (second, first) } else { (first, second) };
        match plan.by {
            By::Rank => Ok(Self::Rank(integer(first)?, integer(second)?)),
            By::Score => {
                ScoreRange::parse(min, max).map(Self::Score).ok_or(Failure::not_score_range())
            }
            By::Lex => LexRange::parse(min, max).map(Self::Lex).ok_or(Failure::not_lex_range()),
        }
    }
}
