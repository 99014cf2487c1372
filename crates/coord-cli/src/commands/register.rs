//! `coord register`: puts an agent into the registry.

use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use coord_core::capability::{AgentCapability, CapabilitySet, CapabilityType};
use coord_core::registry::{
    EventPublication, Heartbeats, Notice, OnDrop, Registration, RegistryPolicy,
};
use coord_core::{AgentId, InvalidInput};
use coord_redis::RedisAgentRegistry;

use crate::cli::{Format, Global};
use crate::failure::{Failure, Kind};
use crate::interrupt::Interrupt;
use crate::json;
use crate::output::{self, note};
use crate::period::{self, Period};
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    /// Who
    agent: AgentId,

    /// Something it can do; the type is processing unless given. May be repeated
    #[arg(long = "capability", value_name = "NAME@VERSION[:TYPE]")]
    capabilities: Vec<WrittenCapability>,

    /// A name for people [default: type:instance]
    #[arg(long)]
    name: Option<String>,

    /// How busy it is, 0 to 1
    #[arg(long, value_name = "LOAD", default_value_t = 0.0)]
    load: f64,

    /// How long it lives without a heartbeat
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    ttl: Period,

    /// Keep it alive until Ctrl-C, and then deregister it
    #[arg(long)]
    hold: bool,

    /// Tell other programs on these pub/sub channels, as the original does
    #[arg(long, value_name = "CHANNELS", num_args = 0..=1, default_missing_value = "ao:events")]
    events: Option<String>,
}

/// `name@1.0.0` or `name@1.0.0:type`.
#[derive(Debug, Clone)]
struct WrittenCapability(AgentCapability);

impl FromStr for WrittenCapability {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let Some((name, rest)) = text.split_once('@') else {
            let problem = format!("{text:?} is not NAME@VERSION or NAME@VERSION:TYPE");
            return Err(InvalidInput::new("capability", problem));
        };
        let (version, kind) = rest.split_once(':').unwrap_or((rest, "processing"));
        AgentCapability::new(name, parse_kind(kind)?, version).map(Self)
    }
}

/// A type of capability by its name.
pub(super) fn parse_kind(text: &str) -> Result<CapabilityType, InvalidInput> {
    serde_json::from_value(text.into()).map_err(|_| {
        let known = "processing, generation, analysis, coordination, storage, communication";
        InvalidInput::new("capability type", format!("{text:?} is none of {known}"))
    })
}

pub(super) async fn run(args: RegisterArgs, global: &Global) -> Result<(), Failure> {
    let mut registration = Registration::new(args.agent.clone());
    if let Some(name) = args.name {
        registration = registration.with_name(name);
    }
    let capabilities: Vec<_> = args.capabilities.into_iter().map(|it| it.0).collect();
    let mut set = CapabilitySet::new(args.agent.clone(), capabilities);
    set.load_factor = args.load;
    set.check()?;
    if !set.capabilities.is_empty() {
        registration = registration.with_capabilities(set);
    }
    let policy = RegistryPolicy::new().with_ttl(args.ttl.0);
    policy.validate()?;
    let publication =
        args.events.map(|it| EventPublication::new().with_channels(&it)).transpose()?;
    let session = Session::connect(global).await?;
    let mut registry = RedisAgentRegistry::beside(&session.mail, policy)?;
    if let Some(publication) = publication {
        registry = registry.publishing(publication);
    }
    let interrupt = if args.hold { Interrupt::listen()? } else { Interrupt::never() };
    let agent = &args.agent;
    let beats = Heartbeats::start(Arc::new(registry.clone()), OnDrop::Expire);
    let registered = beats.register(registration).await?;
    let ttl = period::for_people(policy.ttl());
    let line = match (global.output, args.hold) {
        (Format::Json, _) => format!(
            r#"{{"ok":true,"agent":{},"incarnation":{}}}"#,
            json::string(&agent.to_string()),
            registered.incarnation
        ),
        (Format::Human, true) => format!("{agent} is registered until Ctrl-C"),
        (Format::Human, false) => {
            format!("{agent} is registered and expires in {ttl}; --hold keeps it alive")
        }
    };
    let written = output::write_text(&line).map_err(|e| Failure::io("writing the answer", &e));
    if !args.hold {
        return written;
    }
    let held = match written {
        Ok(()) => hold(&beats, &interrupt).await,
        Err(failure) => Err(failure),
    };
    beats.stop().await?;
    held
}

/// Returns when the user asks for the end, or when another registration took over.
async fn hold(beats: &Heartbeats, interrupt: &Interrupt) -> Result<(), Failure> {
    loop {
        let notice = tokio::select! {
            () = interrupt.asked() => return Ok(()),
            notice = beats.notice() => notice,
        };
        match notice {
            Notice::Superseded { agent_id, .. } => {
                let why = format!("{agent_id} was registered or deregistered by another process");
                return Err(Failure::new(Kind::Superseded, why));
            }
            Notice::Restored(agent) => note(&format!("{agent} had been lost and is back")),
            Notice::Failing(why) => note(&format!("a heartbeat failed: {why}")),
            _ => {}
        }
    }
}

/// How to judge those that other programs registered.
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// How long agents of other programs live without a heartbeat
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    ttl: Period,
}

impl PolicyArgs {
    /// The registry of a session, under this policy.
    pub(super) fn registry(&self, session: &Session) -> Result<RedisAgentRegistry, Failure> {
        let policy = RegistryPolicy::new().with_ttl(self.ttl.0);
        Ok(RedisAgentRegistry::beside(&session.mail, policy)?)
    }
}
