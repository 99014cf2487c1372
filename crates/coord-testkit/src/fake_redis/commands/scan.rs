//! Looking over all keys: SCAN, KEYS, RANDOMKEY, DBSIZE.

use bytes::Bytes;

use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::glob;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::store::Entry;

use super::arguments::cursor;

pub(crate) fn dbsize(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Ok(Reply::len(call.database().len()))
}

fn is_due(entry: &Entry, now_ms: u64) -> bool {
    entry.expire_at.is_some_and(|at| at < now_ms)
}

pub(crate) fn keys(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let (pattern, now_ms) = (call.arg(1), call.now_ms());
    let (mut keys, mut due) = (Vec::new(), Vec::new());
    for (key, entry) in call.database().entries().iter() {
        if is_due(entry, now_ms) {
            due.push(key.clone());
        } else if glob::matches(pattern, key) {
            keys.push(Reply::Bulk(key.clone()));
        }
    }
    expire_all(call, &due);
    Ok(Reply::Array(keys))
}

/// Removes keys that were found past their time.
fn expire_all(call: &mut Call<'_>, due: &[Bytes]) {
    for key in due {
        call.state.expire_key(call.db, key);
    }
}

pub(crate) fn randomkey(call: &mut Call<'_>) -> Result<Reply, Failure> {
    for _ in 0..RANDOM_TRIES {
        let point = call.state.next_random();
        let Some(key) = call.database().entries().near(point).map(|(key, _)| key.clone()) else {
            return Ok(Reply::Null);
        };
        // A key whose time has passed is removed here, so that the next try meets another one.
        if call.exists(&key) {
            return Ok(Reply::Bulk(key));
        }
    }
    // During a pause nothing is removed, and all that are left may be past their time.
    Ok(Reply::Null)
}

/// How many keys past their time RANDOMKEY may meet.
const RANDOM_TRIES: usize = 100_000;

/// The common options of the SCAN family.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) cursor: u64,
    pub(crate) count: usize,
    pub(crate) pattern: Option<Bytes>,
    pub(crate) type_name: Option<Bytes>,
}

/// Reads the cursor at `at` and the options after it. Default COUNT: 10.
pub(crate) fn options(call: &Call<'_>, at: usize, with_type: bool) -> Result<Options, Failure> {
    let cursor = cursor(call.arg(at))?;
    let mut options = Options { cursor, count: 10, pattern: None, type_name: None };
    let mut at = at + 1;
    while at < call.args.len() {
        if at + 1 >= call.args.len() {
            return Err(Failure::syntax());
        }
        if call.is(at, "COUNT") {
            let count = integer(call.arg(at + 1))?;
            options.count = usize::try_from(count)
                .ok()
                .filter(|count| *count > 0)
                .ok_or_else(Failure::syntax)?;
        } else if call.is(at, "MATCH") {
            options.pattern = Some(call.arg(at + 1).clone());
        } else if with_type && call.is(at, "TYPE") {
            options.type_name = Some(call.arg(at + 1).clone());
        } else {
            return Err(Failure::syntax());
        }
        at += 2;
    }
    Ok(options)
}

pub(crate) fn scan(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let options = options(call, 1, true)?;
    let now_ms = call.now_ms();
    let (mut keys, mut due) = (Vec::new(), Vec::new());
    let next = call.database().entries().scan(options.cursor, options.count, |key, entry| {
        let fits = options.pattern.as_ref().is_none_or(|pattern| glob::matches(pattern, key));
        let typed = options
            .type_name
            .as_ref()
            .is_none_or(|name| name.eq_ignore_ascii_case(entry.value.type_name().as_bytes()));
        if is_due(entry, now_ms) {
            due.push(key.clone());
        } else if fits && typed {
            keys.push(Reply::Bulk(key.clone()));
        }
    });
    expire_all(call, &due);
    Ok(Reply::Array(vec![Reply::bulk(next.to_string()), Reply::Array(keys)]))
}
