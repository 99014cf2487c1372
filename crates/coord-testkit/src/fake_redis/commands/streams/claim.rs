//! XCLAIM and XAUTOCLAIM.

use bytes::Bytes;

use super::{entry_reply, id_reply, interval_start, no_group};
use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::notify;
use crate::fake_redis::number::parse_i64;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::stream::Stream;
use crate::fake_redis::types::stream::group::{Claim, Claimed};
use crate::fake_redis::types::stream::id::StreamId;

/// Entries XAUTOCLAIM looks at for each one it may return.
const ATTEMPTS: usize = 10;
/// XAUTOCLAIM without COUNT.
const DEFAULT_COUNT: usize = 100;
/// The greatest COUNT, so that the memory for as many identifiers could be asked for.
const MAX_COUNT: i64 = i64::MAX / 16;

fn number(arg: &Bytes, error: &'static str) -> Result<i64, Failure> {
    parse_i64(arg).ok_or(Failure::fixed(error))
}

fn has_group(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, name) = (call.arg(1), call.arg(2));
    let known = |stream: &Stream| stream.groups().contains_key(name);
    if call.stream(key)?.is_some_and(known) { Ok(()) } else { Err(no_group(key, name)) }
}

pub(super) fn xclaim(call: &mut Call<'_>) -> Result<Reply, Failure> {
    has_group(call)?;
    let now = call.now_ms().cast_signed();
    let min_idle = number(call.arg(4), "ERR Invalid min-idle-time argument for XCLAIM")?.max(0);
    let ids: Vec<StreamId> =
        call.args[5..].iter().map_while(|arg| StreamId::parse(arg, 0).ok()).collect();
    let mut claim =
        Claim { min_idle, now, delivered_at: -1, deliveries: None, just_id: false, force: false };
    let last = parse_options(call, 5 + ids.len(), &mut claim)?;
    if !(0..=now).contains(&claim.delivered_at) {
        claim.delivered_at = now;
    }
    let (key, name, consumer) = (call.arg(1), call.arg(2), call.arg(3));
    let Some(stream) = call.stream_mut(key)? else {
        return Err(no_group(key, name));
    };
    let mut created = false;
    if let Some(group) = stream.groups_mut().get_mut(name) {
        group.last_id = group.last_id.max(last);
        created = !group.consumers().contains_key(consumer);
    }
    let mut claimed = Vec::new();
    for id in ids {
        if claim_one(stream, name, consumer, id, claim) == Claimed::Yes {
            claimed.push(claimed_reply(stream, id, claim.just_id));
        }
    }
    finish(call, created && !claimed.is_empty());
    Ok(Reply::Array(claimed))
}

/// Reads what follows the identifiers; returns `LASTID`.
fn parse_options(call: &Call<'_>, first: usize, claim: &mut Claim) -> Result<StreamId, Failure> {
    let mut last = StreamId::MIN;
    let mut at = first;
    while let Some(option) = call.args.get(at) {
        let value = call.args.get(at + 1);
        match (option.to_ascii_lowercase().as_slice(), value) {
            (b"force", _) => claim.force = true,
            (b"justid", _) => claim.just_id = true,
            (b"idle", Some(value)) => {
                let idle = number(value, "ERR Invalid IDLE option argument for XCLAIM")?;
                claim.delivered_at = claim.now.wrapping_sub(idle);
            }
            (b"time", Some(value)) => {
                claim.delivered_at = number(value, "ERR Invalid TIME option argument for XCLAIM")?;
            }
            (b"retrycount", Some(value)) => {
                let count = number(value, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                claim.deliveries = (count >= 0).then_some(count);
            }
            (b"lastid", Some(value)) => last = StreamId::parse(value, 0)?,
            _ => {
                return Err(Failure::new(format!(
                    "ERR Unrecognized XCLAIM option '{}'",
                    String::from_utf8_lossy(option)
                )));
            }
        }
        let alone = [b"force".as_slice(), b"justid"];
        at += if alone.iter().any(|word| option.eq_ignore_ascii_case(word)) { 1 } else { 2 };
    }
    Ok(last)
}

pub(super) fn xautoclaim(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let now = call.now_ms().cast_signed();
    let min_idle = number(call.arg(4), "ERR Invalid min-idle-time argument for XAUTOCLAIM")?.max(0);
    let start = interval_start(call.arg(5))?;
    let (mut count, mut just_id) = (DEFAULT_COUNT, false);
    let mut at = 6;
    while at < call.args.len() {
        if call.is(at, "count") && at + 1 < call.args.len() {
            at += 1;
            count = parse_i64(call.arg(at))
                .filter(|count| (1..=MAX_COUNT).contains(count))
                .and_then(|count| usize::try_from(count).ok())
                .ok_or(Failure::fixed("ERR COUNT must be > 0"))?;
        } else if call.is(at, "justid") {
            just_id = true;
        } else {
            return Err(Failure::syntax());
        }
        at += 1;
    }
    has_group(call)?;
    let (key, name, consumer) = (call.arg(1), call.arg(2), call.arg(3));
    let Some(stream) = call.stream_mut(key)? else {
        return Err(no_group(key, name));
    };
    let (mut created, mut candidates) = (false, Vec::new());
    if let Some(group) = stream.groups_mut().get_mut(name) {
        created = !group.consumers().contains_key(consumer);
        let looked_at = count.saturating_mul(ATTEMPTS).saturating_add(1);
        candidates = group.pending().range(start..).map(|(&id, _)| id).take(looked_at).collect();
    }
    let claim = Claim { min_idle, now, delivered_at: now, deliveries: None, just_id, force: false };
    let mut attempts = count.saturating_mul(ATTEMPTS);
    let mut left = count;
    let (mut claimed, mut deleted) = (Vec::new(), Vec::new());
    let mut cursor = StreamId::MIN;
    for id in candidates {
        if attempts == 0 || left == 0 {
            cursor = id;
            break;
        }
        attempts -= 1;
        match claim_one(stream, name, consumer, id, claim) {
            Claimed::Yes => claimed.push(claimed_reply(stream, id, just_id)),
            Claimed::Deleted => deleted.push(id_reply(id)),
            Claimed::No => continue,
        }
        left -= 1;
    }
    finish(call, created && !claimed.is_empty());
    Ok(Reply::Array(vec![id_reply(cursor), Reply::Array(claimed), Reply::Array(deleted)]))
}

fn claim_one(
    stream: &mut Stream,
    group: &Bytes,
    consumer: &Bytes,
    id: StreamId,
    claim: Claim,
) -> Claimed {
    let exists = stream.contains(id);
    match stream.groups_mut().get_mut(group) {
        Some(group) => group.claim(id, exists, consumer, claim),
        None => Claimed::No,
    }
}

fn claimed_reply(stream: &Stream, id: StreamId, just_id: bool) -> Reply {
    if just_id { id_reply(id) } else { entry_reply(id, stream.get(id)) }
}

/// Counts a write and tells of a consumer that came into being.
fn finish(call: &mut Call<'_>, created: bool) {
    call.state.dirty += 1;
    if created {
        call.notify(notify::STREAM, "xgroup-createconsumer", call.arg(1));
    }
}
