//! Counting mailboxes and finding them.

use std::collections::BTreeSet;
use std::time::Duration;

use coord_core::{
    AdminError, AgentId, BackendError, Gate, MailboxStats, RateLimit, ReadyCounts, Timestamp,
};
use redis::from_redis_value;

use crate::error::{running, unexpected};
use crate::keys::{escape_glob, mailbox_index};
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::reply;
use crate::script::{Call, ScriptPair, lua};

static STATS: ScriptPair = ScriptPair {
    compact: lua!("compact/stats": "lib/time.lua", "lib/compact.lua", "compact/stats.lua"),
    tta: lua!("tta/stats": "lib/time.lua", "tta/stats.lua"),
};

pub(crate) async fn stats(
    mailboxes: &Mailboxes,
    agent: &AgentId,
) -> Result<MailboxStats, AdminError> {
    agent.check()?;
    let keys: &[&str] = match mailboxes.layout {
        KeyLayout::Compact => &["ready", "timers", "messages", "reserved", "dead", "meta"],
        KeyLayout::Tta => &["queue", "sched", "reserved", "dlq", "gate"],
    };
    let script = STATS.of(mailboxes.layout);
    let call = Call::new(script, mailboxes.keys(agent).parts(keys));
    let numbers = reply::numbers(script.name(), mailboxes.lane.call(&call).await?)?;
    let [now, high, normal, low, delayed, reserved, dead, depth, oldest, gate @ ..] = &numbers[..]
    else {
        return Err(unexpected(script.name(), numbers).into());
    };
    Ok(MailboxStats {
        agent: agent.clone(),
        ready: ReadyCounts { high: *high, normal: *normal, low: *low },
        delayed: *delayed,
        reserved: *reserved,
        dead: *dead,
        depth: *depth,
        oldest_ready: (*oldest > 0).then(|| Timestamp::from_micros(*oldest)),
        gate: gate_of(gate).ok_or_else(|| unexpected(script.name(), gate))?,
        now: Timestamp::from_micros(*now),
    })
}

/// Whether it is paused, microseconds for each message or 0, and the burst.
fn gate_of(numbers: &[u64]) -> Option<Gate> {
    let [is_paused, interval, burst] = *numbers else { return None };
    let rate = match interval {
        0 => None,
        _ => {
            let rate = RateLimit::new(1, Duration::from_micros(interval)).ok()?;
            Some(rate.with_burst(u32::try_from(burst).ok()?).ok()?)
        }
    };
    Some(Gate { is_paused: is_paused == 1, rate })
}

/// All mailboxes: from the index, or on the original's layout, which has none, by their keys.
pub(crate) async fn mailboxes(mailboxes: &Mailboxes) -> Result<Vec<AgentId>, BackendError> {
    let names = match mailboxes.layout {
        KeyLayout::Compact => {
            let members = redis::cmd("SMEMBERS").arg(mailbox_index(&mailboxes.prefix)).take();
            let reply = mailboxes.lane.command("SMEMBERS", &members).await?;
            from_redis_value::<BTreeSet<String>>(reply)
                .map_err(|e| running("SMEMBERS", e.into()))?
        }
        KeyLayout::Tta => scan(mailboxes).await?,
    };
    Ok(names.iter().filter_map(|name| agent_of(name)).collect())
}

/// `type:instance` of every key that belongs to a mailbox, by one walk over the key space.
async fn scan(mailboxes: &Mailboxes) -> Result<BTreeSet<String>, BackendError> {
    let pattern = format!("{}:*", escape_glob(&mailboxes.prefix));
    let mut names = BTreeSet::new();
    let mut cursor = "0".to_owned();
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(&cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1000);
        // On a cluster the prefix is a hash tag: everything lies where it does.
        let reply = mailboxes.lane.command_at(&mailboxes.prefix, "SCAN", &scan).await?;
        let (next, keys): (String, Vec<String>) =
            from_redis_value(reply).map_err(|e| running("SCAN", e.into()))?;
        for key in keys {
            let Some((part, rest)) = key[mailboxes.prefix.len() + 1..].split_once(':') else {
                continue;
            };
            let name = match part {
                "sched" => rest.rsplit_once(":prio:").map(|(name, _)| name),
                "queue" | "reserved" | "reserved_deadlines" | "dlq" => Some(rest),
                _ => None,
            };
            names.extend(name.map(str::to_owned));
        }
        if next == "0" {
            return Ok(names);
        }
        cursor = next;
    }
}

/// The agent of `type:instance`; an instance with a colon, which only others make, stays whole.
pub(super) fn agent_of(name: &str) -> Option<AgentId> {
    let (kind, instance) = name.split_once(':')?;
    let instance = (instance != "default").then(|| instance.to_owned());
    Some(AgentId::foreign(kind, instance))
}
