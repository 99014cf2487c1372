//! Beats: those of all agents of a process in one pipeline.

use coord_core::registry::{
    Beat, Heartbeat, Incarnation, PublishedStatus, RegistryError, RegistryEventKind,
};
use coord_core::{BackendError, Timestamp};
use futures_util::future::join_all;

use super::Inner;
use super::capabilities;
use super::publish::word;
use crate::error::unexpected;
use crate::reply;
use crate::script::{Script, lua};

static HEARTBEAT: Script =
    lua!("registry/heartbeat": "lib/time.lua", "lib/registry.lua", "registry/heartbeat.lua");

/// How many agents one run of the script beats for: short enough to let others by.
const CHUNK: usize = 100;

pub(super) async fn heartbeat(
    inner: &Inner,
    beats: &[Heartbeat<'_>],
) -> Result<Vec<Beat>, RegistryError> {
    for beat in beats {
        beat.registration.check()?;
    }
    // All at once on one connection: pipelined.
    let answers = join_all(beats.chunks(CHUNK).map(|chunk| run(inner, chunk))).await;
    let mut outcomes = Vec::with_capacity(beats.len());
    for (chunk, answer) in beats.chunks(CHUNK).zip(answers) {
        for (beat, numbers) in chunk.iter().zip(answer?) {
            outcomes.push(settle(inner, beat, numbers).await?);
        }
    }
    Ok(outcomes)
}

async fn run(inner: &Inner, beats: &[Heartbeat<'_>]) -> Result<Vec<[u64; 4]>, BackendError> {
    let names: Vec<String> =
        beats.iter().map(|beat| beat.registration.agent_id.mailbox_key()).collect();
    let keys = inner.keys.with_agents(names.iter().map(String::as_str));
    let mut call = inner.call(&HEARTBEAT, keys).number(inner.ttl_ms()).number(inner.interval_us());
    for (beat, name) in beats.iter().zip(names) {
        let (head, tail) = beat.registration.wire_parts();
        call = call
            .arg(name)
            .number(beat.incarnation.number())
            .flag(beat.registration.draining)
            .arg(beat.registration.status.digest())
            .args([head, tail]);
    }
    let what = HEARTBEAT.name();
    let numbers = reply::numbers(what, inner.lane.call(&call).await?)?;
    let (fours, rest) = numbers.as_chunks::<4>();
    if fours.len() != beats.len() || !rest.is_empty() {
        return Err(unexpected(what, numbers.len()));
    }
    Ok(fours.to_vec())
}

/// What is left to do after a beat: put lost capabilities back, tell other programs.
async fn settle(
    inner: &Inner,
    beat: &Heartbeat<'_>,
    [outcome, stands, event, stored]: [u64; 4],
) -> Result<Beat, RegistryError> {
    let kind = match event {
        1 => Some(RegistryEventKind::Registered),
        2 => Some(RegistryEventKind::Draining),
        3 => Some(RegistryEventKind::StatusChanged),
        _ => None,
    };
    let lost = beat.registration.capabilities.as_ref().filter(|_| outcome != 0 && stored == 0);
    if let Some(set) = lost {
        match capabilities::put(inner, set).await {
            // Gone again in between: the next beat sees to it.
            Ok(()) | Err(RegistryError::UnknownAgent { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    if let (Some(kind), true) = (kind, inner.publication.is_some()) {
        let now = Timestamp::from_micros(inner.time().await?.as_micros());
        let published = PublishedStatus {
            event: word(kind),
            agent_id: &beat.registration.agent_id,
            registration: Some(beat.registration),
            status: beat.registration.status.activity.as_str(),
            previous: None,
            heartbeat_age: 0.0,
        };
        inner.publish(published, now).await;
    }
    Ok(match outcome {
        0 => Beat::Superseded { current: Incarnation::new(stands) },
        2 => Beat::Restored,
        _ => Beat::Alive,
    })
}
