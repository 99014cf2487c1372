//! The scripts of the breaker, each with its arguments: one atomic step of the fleet's record.

use std::time::Duration;

use coord_core::micros;
use coord_resilience::breaker::{
    BreakerName, ControlOrder, Epoch, FleetPolicy, Hold, LeaseId, ProbeOutcome, Version, Vote,
};

use super::keys::BreakerKeys;
use super::records::CallCounts;
use crate::script::{Call, Script, lua};

static OBSERVE: Script =
    lua!("breaker/observe": "lib/time.lua", "lib/breaker.lua", "breaker/observe.lua");
static VOTE: Script = lua!("breaker/vote":
    "lib/time.lua", "lib/breaker.lua", "lib/breaker_write.lua", "breaker/vote.lua");
static ACQUIRE: Script = lua!("breaker/acquire":
    "lib/time.lua", "lib/breaker.lua", "lib/breaker_write.lua", "breaker/acquire.lua");
static SETTLE: Script = lua!("breaker/settle":
    "lib/time.lua", "lib/breaker.lua", "lib/breaker_write.lua", "breaker/settle.lua");
static CONTROL: Script = lua!("breaker/control":
    "lib/time.lua", "lib/breaker.lua", "lib/breaker_write.lua", "breaker/control.lua");
static COUNT: Script = lua!("breaker/count":
    "lib/time.lua", "lib/breaker.lua", "lib/breaker_write.lua", "breaker/count.lua");

/// The longest time a script is given. Added to the server's clock it stays a whole number of
/// microseconds in Lua, which counts exactly up to 2^53.
const MAX_LASTING: Duration = Duration::from_secs(100 * 365 * 86_400);

fn begin<'a>(script: &'a Script, keys: &BreakerKeys, name: &BreakerName) -> Call<'a> {
    Call::new(script, keys.of(name)).arg(keys.channel()).arg(name.as_str())
}

fn lasting(duration: Duration) -> u64 {
    micros(duration.min(MAX_LASTING))
}

/// A name for the life of a record that the step may create.
fn new_epoch() -> String {
    Epoch(Epoch::random().0.max(1)).to_string()
}

pub(super) fn observe(keys: &BreakerKeys, name: &BreakerName) -> Call<'static> {
    begin(&OBSERVE, keys, name)
}

pub(super) fn vote(
    keys: &BreakerKeys,
    name: &BreakerName,
    vote: &Vote,
    policy: &FleetPolicy,
) -> Call<'static> {
    begin(&VOTE, keys, name)
        .arg(vote.voter.to_string())
        .arg(vote.seen.epoch.to_string())
        .number(vote.seen.generation)
        .number(lasting(vote.open_for))
        .number(policy.quorum.into())
        .number(lasting(policy.vote_ttl))
        .arg(new_epoch())
}

pub(super) fn acquire(
    keys: &BreakerKeys,
    name: &BreakerName,
    lease: LeaseId,
    policy: &FleetPolicy,
) -> Call<'static> {
    begin(&ACQUIRE, keys, name)
        .arg(lease.to_string())
        .number(policy.half_open_max_calls.into())
        .number(lasting(policy.probe_lease))
}

/// With an outcome and a policy a report, without a release.
pub(super) fn settle(
    keys: &BreakerKeys,
    name: &BreakerName,
    version: Version,
    lease: LeaseId,
    outcome: Option<(ProbeOutcome, &FleetPolicy)>,
) -> Call<'static> {
    let (word, threshold, open_for) = match outcome {
        None => ("unused", 0, Duration::ZERO),
        Some((ProbeOutcome::Success, policy)) => {
            ("success", policy.success_threshold, Duration::ZERO)
        }
        Some((ProbeOutcome::Failure { open_for }, policy)) => {
            ("failure", 0, open_for.unwrap_or(policy.open_for))
        }
    };
    begin(&SETTLE, keys, name)
        .arg(lease.to_string())
        .arg(version.epoch.to_string())
        .number(version.generation)
        .arg(word)
        .number(threshold.into())
        .number(lasting(open_for))
}

/// `None` for an order that this version does not know.
pub(super) fn control(
    keys: &BreakerKeys,
    name: &BreakerName,
    order: &ControlOrder,
) -> Option<Call<'static>> {
    let (word, time, reason, author) = match order {
        ControlOrder::Close => ("close", None, "", ""),
        ControlOrder::Trip { open_for } => ("open", Some(*open_for), "", ""),
        ControlOrder::Hold { hold, lasting, reason, author } => {
            (hold_word(*hold), *lasting, reason.as_str(), author.as_str())
        }
        _ => return None,
    };
    let time = time.map(|time| lasting(time).to_string()).unwrap_or_default();
    let call = begin(&CONTROL, keys, name).arg(new_epoch()).arg(word);
    Some(call.arg(time).arg(reason).arg(author))
}

pub(super) fn count(keys: &BreakerKeys, name: &BreakerName, counts: &CallCounts) -> Call<'static> {
    let age = |age: Option<Duration>| age.map(|it| lasting(it).to_string()).unwrap_or_default();
    begin(&COUNT, keys, name)
        .number(counts.total)
        .number(counts.failed)
        .number(counts.successful)
        .arg(age(counts.last_failure_age))
        .arg(age(counts.last_success_age))
}

pub(super) const fn hold_word(hold: Hold) -> &'static str {
    match hold {
        Hold::ForcedOpen => "forced_open",
        Hold::Disabled => "disabled",
        Hold::MetricsOnly => "metrics_only",
    }
}
