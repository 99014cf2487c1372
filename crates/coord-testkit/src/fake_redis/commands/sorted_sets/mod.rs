//! Sorted sets: ZADD, ZRANGE and their relatives.

mod add;
mod algebra;
mod combine;
mod look;
mod pop;
mod range;
mod remove;

use crate::fake_redis::command::{Command, Family, Keys, flag};
use crate::fake_redis::reply::Reply;

pub(super) use add::zadd_places;
use flag::{BLOCKING, DENYOOM, FAST, MOVABLE_KEYS, NOSCRIPT, READONLY, WRITE};

const LOOKS: u32 = READONLY | FAST;
const ADDS: u32 = WRITE | DENYOOM | FAST;
const STORES: u32 = WRITE | DENYOOM | MOVABLE_KEYS;
const COMBINES: u32 = READONLY | MOVABLE_KEYS;
const WAITS: u32 = WRITE | NOSCRIPT | BLOCKING | FAST;

pub(crate) static FAMILY: Family = Family {
    group: "sortedset",
    commands: &[
        Command::new("bzmpop", -5, WRITE | BLOCKING | MOVABLE_KEYS, Keys::Counted(2), pop::bzmpop),
        Command::new("bzpopmax", -3, WAITS, Keys::BEFORE_LAST, pop::bzpopmax),
        Command::new("bzpopmin", -3, WAITS, Keys::BEFORE_LAST, pop::bzpopmin),
        Command::new("zadd", -4, ADDS, Keys::ONE, add::zadd),
        Command::new("zcard", 2, LOOKS, Keys::ONE, look::zcard),
        Command::new("zcount", 4, LOOKS, Keys::ONE, look::zcount),
        Command::new("zdiff", -3, COMBINES, Keys::Counted(1), algebra::zdiff),
        Command::new("zdiffstore", -4, STORES, Keys::DestAndCounted, algebra::zdiffstore),
        Command::new("zincrby", 4, ADDS, Keys::ONE, add::zincrby),
        Command::new("zinter", -3, COMBINES, Keys::Counted(1), algebra::zinter),
        Command::new("zintercard", -3, COMBINES, Keys::Counted(1), algebra::zintercard),
        Command::new("zinterstore", -4, STORES, Keys::DestAndCounted, algebra::zinterstore),
        Command::new("zlexcount", 4, LOOKS, Keys::ONE, look::zlexcount),
        Command::new("zmpop", -4, WRITE | MOVABLE_KEYS, Keys::Counted(1), pop::zmpop),
        Command::new("zmscore", -3, LOOKS, Keys::ONE, look::zmscore),
        Command::new("zpopmax", -2, WRITE | FAST, Keys::ONE, pop::zpopmax),
        Command::new("zpopmin", -2, WRITE | FAST, Keys::ONE, pop::zpopmin),
        Command::new("zrandmember", -2, READONLY, Keys::ONE, look::zrandmember),
        Command::new("zrange", -4, READONLY, Keys::ONE, range::zrange),
        Command::new("zrangebylex", -4, READONLY, Keys::ONE, range::zrangebylex),
        Command::new("zrangebyscore", -4, READONLY, Keys::ONE, range::zrangebyscore),
        Command::new("zrangestore", -5, WRITE | DENYOOM, Keys::TWO, range::zrangestore),
        Command::new("zrank", 3, LOOKS, Keys::ONE, look::zrank),
        Command::new("zrem", -3, WRITE | FAST, Keys::ONE, remove::zrem),
        Command::new("zremrangebylex", 4, WRITE, Keys::ONE, remove::zremrangebylex),
        Command::new("zremrangebyrank", 4, WRITE, Keys::ONE, remove::zremrangebyrank),
        Command::new("zremrangebyscore", 4, WRITE, Keys::ONE, remove::zremrangebyscore),
        Command::new("zrevrange", -4, READONLY, Keys::ONE, range::zrevrange),
        Command::new("zrevrangebylex", -4, READONLY, Keys::ONE, range::zrevrangebylex),
        Command::new("zrevrangebyscore", -4, READONLY, Keys::ONE, range::zrevrangebyscore),
        Command::new("zrevrank", 3, LOOKS, Keys::ONE, look::zrevrank),
        Command::new("zscan", -3, READONLY, Keys::ONE, look::zscan),
        Command::new("zscore", 3, LOOKS, Keys::ONE, look::zscore),
        Command::new("zunion", -3, COMBINES, Keys::Counted(1), algebra::zunion),
        Command::new("zunionstore", -4, STORES, Keys::DestAndCounted, algebra::zunionstore),
    ],
};

/// A score, or null where there is none.
fn score_or_null(score: Option<f64>) -> Reply {
    score.map_or(Reply::Null, Reply::Double)
}
