//! Arguments and reply shapes that several collections share.

use bytes::Bytes;

use crate::fake_redis::call::{Call, Origin};
use crate::fake_redis::failure::Failure;
use crate::fake_redis::glob;
use crate::fake_redis::number::{integer, parse_i64};
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::float::is_space;

/// A number from 0 on; `message` stands for every fault.
pub(crate) fn positive(arg: &Bytes, message: &'static str) -> Result<usize, Failure> {
    at_least(0, arg, message)
}

/// [`positive`] with the error text Redis uses where it names no option.
pub(crate) fn count(arg: &Bytes) -> Result<usize, Failure> {
    positive(arg, "ERR value is out of range, must be positive")
}

/// A number from `least` on; `message` stands for every fault.
pub(crate) fn at_least(least: i64, arg: &Bytes, message: &'static str) -> Result<usize, Failure> {
    let value = parse_i64(arg).filter(|value| *value >= least);
    value.and_then(|value| usize::try_from(value).ok()).ok_or(Failure::fixed(message))
}

/// An integer whose absolute value is one too.
pub(crate) fn symmetric(arg: &Bytes) -> Result<i64, Failure> {
    let value = integer(arg)?;
    if value == i64::MIN {
        return Err(Failure::fixed(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    Ok(value)
}

/// A count of keys and the keys after it.
#[derive(Debug)]
pub(crate) struct CountedKeys<'a> {
    pub(crate) keys: &'a [Bytes],
    /// What follows the keys.
    pub(crate) rest: &'a [Bytes],
}

/// Reads the count at `at` and its keys; `too_many` says that there are fewer keys.
pub(crate) fn counted_keys(
    args: &[Bytes],
    at: usize,
    too_many: Failure,
) -> Result<CountedKeys<'_>, Failure> {
    let count = at_least(1, &args[at], "ERR numkeys should be greater than 0")?;
    let rest = &args[at + 1..];
    if count > rest.len() {
        return Err(too_many);
    }
    let (keys, rest) = rest.split_at(count);
    Ok(CountedKeys { keys, rest })
}

/// The keys to look at: all, but after a wait only the one that has woken the client.
pub(crate) fn candidates(call: &Call<'_>, keys: &[Bytes]) -> Vec<Bytes> {
    match call.state.waiting.serving() {
        Some(ready) if call.origin == Origin::Again => vec![ready.clone()],
        _ => keys.to_vec(),
    }
}

/// The two ends and the optional COUNT of LMPOP and ZMPOP after their keys.
pub(crate) fn end_and_count<E>(
    rest: &[Bytes],
    parse: impl Fn(&[u8]) -> Option<E>,
) -> Result<(E, usize), Failure> {
    let (word, rest) = rest.split_first().ok_or(Failure::syntax())?;
    let end = parse(word).ok_or(Failure::syntax())?;
    let mut limit = None;
    let mut options = rest.iter();
    while let Some(option) = options.next() {
        match options.next() {
            Some(value) if limit.is_none() && option.eq_ignore_ascii_case(b"count") => {
                limit = Some(at_least(1, value, "ERR count should be greater than 0")?);
            }
            _ => return Err(Failure::syntax()),
        }
    }
    Ok((end, limit.unwrap_or(1)))
}

/// The optional LIMIT of SINTERCARD and ZINTERCARD; 0 is no limit.
pub(crate) fn cardinality_limit(rest: &[Bytes]) -> Result<usize, Failure> {
    let mut limit = 0;
    let mut options = rest.iter();
    while let Some(option) = options.next() {
        match options.next() {
            Some(value) if option.eq_ignore_ascii_case(b"limit") => {
                limit = positive(value, "ERR LIMIT can't be negative")?;
            }
            _ => return Err(Failure::syntax()),
        }
    }
    Ok(if limit == 0 { usize::MAX } else { limit })
}

/// Count and flag of HRANDFIELD and ZRANDMEMBER with at least a count.
pub(crate) fn random_count(args: &[Bytes], word: &[u8]) -> Result<(i64, bool), Failure> {
    let count = symmetric(&args[2])?;
    if args.len() == 3 {
        return Ok((count, false));
    }
    if args.len() > 4 || !args[3].eq_ignore_ascii_case(word) {
        return Err(Failure::syntax());
    }
    if count.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
        return Err(Failure::out_of_range());
    }
    Ok((count, true))
}

/// A cursor as C's `strtoul` reads it.
pub(crate) fn cursor(arg: &Bytes) -> Result<u64, Failure> {
    let invalid = Failure::fixed("ERR invalid cursor");
    if arg.is_empty() {
        return Ok(0);
    }
    let (negative, digits) = match arg[0] {
        b'-' => (true, &arg[1..]),
        b'+' => (false, &arg[1..]),
        first if is_space(first) => return Err(invalid),
        _ => (false, &arg[..]),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(invalid);
    }
    let text = String::from_utf8_lossy(digits);
    let value: u64 = text.parse().map_err(|_| invalid)?;
    Ok(if negative { value.wrapping_neg() } else { value })
}

/// Options of HSCAN, SSCAN and ZSCAN.
#[derive(Debug)]
pub(crate) struct ScanOptions {
    /// Entries per step.
    pub(crate) count: usize,
    pattern: Option<Bytes>,
}

impl ScanOptions {
    /// Reads what follows the cursor.
    pub(crate) fn parse(args: &[Bytes]) -> Result<Self, Failure> {
        let mut options = Self { count: 10, pattern: None };
        let mut rest = args.iter();
        while let Some(option) = rest.next() {
            let value = rest.next().ok_or(Failure::syntax())?;
            if option.eq_ignore_ascii_case(b"count") {
                let count = integer(value)?;
                options.count = usize::try_from(count).map_err(|_| Failure::syntax())?;
                if count < 1 {
                    return Err(Failure::syntax());
                }
            } else if option.eq_ignore_ascii_case(b"match") {
                options.pattern = Some(value.clone());
            } else {
                return Err(Failure::syntax());
            }
        }
        Ok(options)
    }

    /// Whether the pattern, if there is one, fits.
    pub(crate) fn wants(&self, name: &[u8]) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| glob::matches(pattern, name))
    }
}

/// The reply of one scan step.
pub(crate) fn scan_reply(cursor: u64, items: Vec<Reply>) -> Reply {
    Reply::Array(vec![Reply::bulk(cursor.to_string()), Reply::Array(items)])
}

/// Pairs: nested arrays in RESP3, one flat array in RESP2.
pub(crate) fn pairs(resp3: bool, pairs: impl Iterator<Item = (Reply, Reply)>) -> Reply {
    if resp3 {
        Reply::Array(pairs.map(|(first, second)| Reply::Array(vec![first, second])).collect())
    } else {
        Reply::Array(pairs.flat_map(|(first, second)| [first, second]).collect())
    }
}

/// A source of random numbers that does not borrow the call.
pub(crate) fn random(call: &mut Call<'_>) -> impl FnMut() -> u64 + use<> {
    let mut state = call.state.next_random() | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// Distinct random picks of `count` out of `all`, in random order.
pub(crate) fn pick<T>(mut all: Vec<T>, count: usize, random: &mut dyn FnMut() -> u64) -> Vec<T> {
    let count = count.min(all.len());
    for at in 0..count {
        let other = at + crate::fake_redis::types::table::below(random, all.len() - at);
        all.swap(at, other);
    }
    all.truncate(count);
    all
}
