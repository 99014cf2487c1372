//! ZADD and ZINCRBY.

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::number::float;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::SortedSet;

/// Options of ZADD.
#[derive(Debug, Default, Clone, Copy)]
struct Options {
    /// Only new members.
    nx: bool,
    /// Only known members.
    xx: bool,
    /// Only to a greater score.
    gt: bool,
    /// Only to a smaller score.
    lt: bool,
    /// Count changed members too.
    ch: bool,
    /// Add to the score.
    incr: bool,
}

/// What became of one member.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Done {
    Nothing,
    Kept(f64),
    Updated(f64),
    Added(f64),
}

pub(super) fn zadd(call: &mut Call<'_>) -> Result<Reply, Failure> {
    add(call, Options::default())
}

pub(super) fn zincrby(call: &mut Call<'_>) -> Result<Reply, Failure> {
    // As in Redis this is ZADD with INCR, down to the options it reads.
    add(call, Options { incr: true, ..Options::default() })
}

fn add(call: &mut Call<'_>, mut options: Options) -> Result<Reply, Failure> {
    let mut at = 2;
    while let Some(flag) = call.args.get(at).and_then(|word| options.flag(word)) {
        *flag = true;
        at += 1;
    }
    let pairs = &call.args[at..];
    options.check(pairs.len())?;
    let pairs = pairs.chunks_exact(2).map(|pair| Ok((float(&pair[0])?, &pair[1])));
    let pairs = pairs.collect::<Result<Vec<_>, Failure>>()?;
    apply(call, options, &pairs)
}

/// ZADD for GEOADD, which knows fewer options.
pub(crate) fn zadd_places(
    call: &mut Call<'_>,
    words: &[Bytes],
    places: &[(f64, &Bytes)],
) -> Result<Reply, Failure> {
    let mut options = Options::default();
    for flag in words {
        if let Some(flag) = options.flag(flag) {
            *flag = true;
        }
    }
    options.check(places.len() * 2)?;
    apply(call, options, places)
}

/// Adds the members with their scores, and answers.
fn apply(call: &mut Call<'_>, options: Options, pairs: &[(f64, &Bytes)]) -> Result<Reply, Failure> {
    let key = call.arg(1);
    if call.sorted_set_mut(key)?.is_none() && options.xx {
        return Ok(if options.incr { Reply::Null } else { Reply::Integer(0) });
    }
    let set = call.sorted_set_or_create(key)?;
    let (mut added, mut updated, mut score, mut failure) = (0, 0, None, None);
    for &(by, member) in pairs {
        match options.apply(set, by, member) {
            Ok(Done::Nothing) => {}
            Ok(Done::Kept(kept)) => score = Some(kept),
            Ok(Done::Updated(new)) => (updated, score) = (updated + 1, Some(new)),
            Ok(Done::Added(new)) => (added, score) = (added + 1, Some(new)),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    if added + updated > 0 {
        call.changed(key, notify::SORTED_SET, if options.incr { "zincr" } else { "zadd" });
    } else {
        call.remove_if_empty(key);
    }
    match failure {
        Some(failure) => Err(failure),
        None if options.incr => Ok(super::score_or_null(score)),
        None => Ok(Reply::len(if options.ch { added + updated } else { added })),
    }
}

impl Options {
    fn flag(&mut self, word: &[u8]) -> Option<&mut bool> {
        match word.to_ascii_lowercase().as_slice() {
            b"nx" => Some(&mut self.nx),
            b"xx" => Some(&mut self.xx),
            b"gt" => Some(&mut self.gt),
            b"lt" => Some(&mut self.lt),
            b"ch" => Some(&mut self.ch),
            b"incr" => Some(&mut self.incr),
            _ => None,
        }
    }

    /// Refuses options that do not go together, `rest` arguments following them.
    fn check(self, rest: usize) -> Result<(), Failure> {
        if rest == 0 || rest % 2 == 1 {
            return Err(Failure::syntax());
        }
        if self.nx && self.xx {
            return Err(Failure::fixed(
                "ERR XX and NX options at the same time are not compatible",
            ));
        }
        if usize::from(self.gt) + usize::from(self.lt) + usize::from(self.nx) > 1 {
            return Err(Failure::fixed(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if self.incr && rest > 2 {
            return Err(Failure::fixed("ERR INCR option supports a single increment-element pair"));
        }
        Ok(())
    }

    fn apply(self, set: &mut SortedSet, by: f64, member: &Bytes) -> Result<Done, Failure> {
        let Some(old) = set.score(member) else {
            if self.xx {
                return Ok(Done::Nothing);
            }
            set.insert(member.clone(), by);
            return Ok(Done::Added(by));
        };
        if self.nx {
            return Ok(Done::Nothing);
        }
        let new = if self.incr { old + by } else { by };
        if new.is_nan() {
            return Err(Failure::fixed("ERR resulting score is not a number (NaN)"));
        }
        if (self.lt && new >= old) || (self.gt && new <= old) {
            return Ok(Done::Nothing);
        }
        set.insert(member.clone(), new);
        Ok(if new == old { Done::Kept(new) } else { Done::Updated(new) })
    }
}
