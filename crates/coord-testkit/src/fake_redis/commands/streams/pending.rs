//! XPENDING.

use super::{id_reply, interval_end, interval_start, no_group};
use crate::fake_redis::call::Call;
use crate::fake_redis::failure::Failure;
use crate::fake_redis::number::integer;
use crate::fake_redis::reply::Reply;
use crate::fake_redis::types::stream::group::{Group, Pending};
use crate::fake_redis::types::stream::id::StreamId;

/// The long form's arguments.
struct Extended<'a> {
    min_idle: i64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a bytes::Bytes>,
}

pub(super) fn xpending(call: &mut Call<'_>) -> Result<Reply, Failure> {
    let extended = match call.args.len() {
        3 => None,
        6..=9 => Some(Extended::parse(call)?),
        _ => return Err(Failure::syntax()),
    };
    let (key, name, now) = (call.arg(1), call.arg(2), call.now_ms().cast_signed());
    let group = call.stream(key)?.and_then(|stream| stream.groups().get(name));
    let group = group.ok_or_else(|| no_group(key, name))?;
    Ok(match extended {
        None => summary(group),
        Some(extended) => extended.list(group, now),
    })
}

fn summary(group: &Group) -> Reply {
    let pending = group.pending();
    let (Some(first), Some(last)) = (pending.keys().next(), pending.keys().next_back()) else {
        return Reply::Array(vec![Reply::Integer(0), Reply::Null, Reply::Null, Reply::NullArray]);
    };
    let busy = group.consumers().iter().filter(|(_, consumer)| !consumer.pending().is_empty());
    let busy = busy.map(|(name, consumer)| {
        let count = consumer.pending().len().to_string();
        Reply::Array(vec![Reply::Bulk(name.clone()), Reply::bulk(count)])
    });
    Reply::Array(vec![
        Reply::len(pending.len()),
        id_reply(*first),
        id_reply(*last),
        Reply::Array(busy.collect()),
    ])
}

impl<'a> Extended<'a> {
    fn parse(call: &Call<'a>) -> Result<Self, Failure> {
        let (mut min_idle, mut at) = (0, 3);
        if call.is(3, "idle") {
            min_idle = integer(call.arg(4))?;
            if call.args.len() < 8 {
                return Err(Failure::syntax());
            }
            at = 5;
        }
        let count = usize::try_from(integer(call.arg(at + 2))?).unwrap_or(0);
        let start = interval_start(call.arg(at))?;
        let end = interval_end(call.arg(at + 1))?;
        Ok(Self { min_idle, start, end, count, consumer: call.args.get(at + 3) })
    }

    fn list(&self, group: &Group, now: i64) -> Reply {
        let all = group.pending();
        let entry = |id: StreamId, pending: &Pending| {
            let idle = now.saturating_sub(pending.delivered_at);
            (self.min_idle == 0 || idle >= self.min_idle).then(|| {
                Reply::Array(vec![
                    id_reply(id),
                    Reply::Bulk(pending.consumer.clone()),
                    Reply::Integer(idle.max(0)),
                    Reply::Integer(pending.deliveries),
                ])
            })
        };
        if self.start > self.end {
            return Reply::Array(Vec::new());
        }
        let range = self.start..=self.end;
        let entries = match self.consumer.map(|name| group.consumers().get(name)) {
            None => {
                let found = all.range(range).filter_map(|(&id, pending)| entry(id, pending));
                found.take(self.count).collect()
            }
            Some(None) => Vec::new(),
            Some(Some(consumer)) => {
                let own = consumer.pending().range(range);
                let found = own.filter_map(|id| entry(*id, all.get(id)?));
                found.take(self.count).collect()
            }
        };
        Reply::Array(entries)
    }
}
