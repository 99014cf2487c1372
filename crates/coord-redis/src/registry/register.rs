//! Registering and deregistering.

use coord_core::registry::{
    AgentRecord, Incarnation, PublishedStatus, Registered, Registration, RegistryError,
    RegistryEventKind,
};
use coord_core::{AgentId, Timestamp};
use futures_util::future::join;

use super::Inner;
use super::capabilities::index_entries;
use super::publish::word;
use crate::error::unexpected;
use crate::reply;
use crate::script::{Script, lua};

static REGISTER: Script =
    lua!("registry/register": "lib/time.lua", "lib/registry.lua", "registry/register.lua");
static DEREGISTER: Script =
    lua!("registry/deregister": "lib/time.lua", "lib/registry.lua", "registry/deregister.lua");

pub(super) async fn register(
    inner: &Inner,
    registration: &Registration,
) -> Result<Registered, RegistryError> {
    registration.check()?;
    let agent = registration.agent_id.mailbox_key();
    // Before anything is written: what a predecessor left.
    let get = redis::cmd("GET").arg(inner.keys.record(&agent)).take();
    let (stored, time) = join(inner.lane.command("GET", &get), inner.time()).await;
    let (stored, time) = (reply::optional_bytes("GET", stored?)?, time?);
    let stored_state =
        stored.and_then(|bytes| AgentRecord::from_wire(&bytes).ok()).and_then(|it| it.state);
    let mut registration = registration.clone();
    registration.state = registration.state.or_else(|| stored_state.clone());
    registration.capabilities = registration.capabilities.map(|set| set.updated(time));
    let (head, tail) = registration.wire_parts();
    let (json, entries) = match &registration.capabilities {
        Some(set) => (set.to_wire(), index_entries(set, &agent)),
        None => (String::new(), String::new()),
    };
    let call = inner
        .call(&REGISTER, inner.keys.with_agents([agent.as_str()]))
        .number(inner.ttl_ms())
        .number(inner.interval_us())
        .arg(agent.as_str())
        .flag(registration.draining)
        .arg(registration.status.digest())
        .args([head, tail, json, entries]);
    let what = REGISTER.name();
    let numbers = reply::numbers(what, inner.lane.call(&call).await?)?;
    let [incarnation, taken, now] = numbers[..] else {
        return Err(unexpected(what, numbers).into());
    };
    let published = PublishedStatus {
        event: word(RegistryEventKind::Registered),
        agent_id: &registration.agent_id,
        registration: Some(&registration),
        status: registration.status.activity.as_str(),
        previous: None,
        heartbeat_age: 0.0,
    };
    inner.publish(published, Timestamp::from_micros(now)).await;
    Ok(Registered {
        incarnation: Incarnation::new(incarnation),
        stored_state,
        took_over: (taken > 0).then(|| Incarnation::new(taken)),
    })
}

pub(super) async fn deregister(
    inner: &Inner,
    agent: &AgentId,
    incarnation: Option<Incarnation>,
) -> Result<bool, RegistryError> {
    agent.check()?;
    let name = agent.mailbox_key();
    let own = incarnation.map(|own| own.to_string()).unwrap_or_default();
    let call = inner
        .call(&DEREGISTER, inner.keys.with_agents([name.as_str()]))
        .arg(name.as_str())
        .arg(own);
    let what = DEREGISTER.name();
    let numbers = reply::numbers(what, inner.lane.call(&call).await?)?;
    let [outcome, current, now] = numbers[..] else { return Err(unexpected(what, numbers).into()) };
    match (outcome, incarnation) {
        (0, Some(own)) => {
            let (agent, current) = (agent.to_string(), Incarnation::new(current));
            Err(RegistryError::Superseded { agent, own, current })
        }
        (1, _) => {
            let published = PublishedStatus {
                event: word(RegistryEventKind::Deregistered),
                agent_id: agent,
                registration: None,
                status: "offline",
                previous: None,
                heartbeat_age: 0.0,
            };
            inner.publish(published, Timestamp::from_micros(now)).await;
            Ok(true)
        }
        _ => Ok(false),
    }
}
