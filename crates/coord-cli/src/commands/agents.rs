//! `coord agents`: who is registered, and what happens to them.

use std::sync::Arc;

use clap::Args;
use coord_core::registry::{AgentRegistry, RegisteredAgent, RegistryEvent, RegistryWatch, Watched};

use super::register::PolicyArgs;
use crate::answer::{Answer, Human};
use crate::cli::{Format, Global};
use crate::failure::{Failure, Kind};
use crate::interrupt::Interrupt;
use crate::json;
use crate::output;
use crate::period;
use crate::session::Session;
use crate::table::{Table, printable};

#[derive(Debug, Args)]
pub(crate) struct AgentsArgs {
    /// Go on and tell what happens, until Ctrl-C
    #[arg(long)]
    watch: bool,

    #[command(flatten)]
    policy: PolicyArgs,
}

const HEADER: [&str; 7] =
    ["AGENT", "STATE", "STATUS", ">LAST BEAT", "NAME", "CAPABILITIES", ">INCARNATION"];

pub(super) async fn run(args: AgentsArgs, global: &Global) -> Result<(), Failure> {
    let session = Session::connect(global).await?;
    let registry = args.policy.registry(&session)?;
    if args.watch {
        let interrupt = Interrupt::listen()?;
        return watch(RegistryWatch::new(Arc::new(registry)), &interrupt, global.output).await;
    }
    let agents = registry.list_registered().await?;
    if agents.is_empty() {
        let why = "no agent is registered under this prefix; check --redis, --layout and --prefix";
        return Err(Failure::new(Kind::Empty, why));
    }
    let answer = Answer::list(agents.iter().map(line).collect(), Human::Table(table(&agents)));
    output::write(&answer, global.output).map_err(|e| Failure::io("writing the answer", &e))
}

async fn watch(
    mut watch: RegistryWatch,
    interrupt: &Interrupt,
    format: Format,
) -> Result<(), Failure> {
    loop {
        let watched = tokio::select! {
            () = interrupt.asked() => return Ok(()),
            watched = watch.next() => watched,
        };
        let text = match format {
            Format::Json => watched_line(&watched),
            Format::Human => watched_text(&watched),
        };
        if !text.is_empty() {
            output::write_text(&text).map_err(|e| Failure::io("writing an event", &e))?;
        }
    }
}

fn line(agent: &RegisteredAgent) -> String {
    let record = agent.record.as_ref();
    let number = |value: Option<String>| value.unwrap_or_else(|| "null".to_owned());
    let names: Vec<String> = capabilities(agent).iter().map(|name| json::string(name)).collect();
    format!(
        concat!(
            r#"{{"agent":{},"state":"{}","alive":{},"incarnation":{},"age_seconds":{},"#,
            r#""last_heartbeat":{},"name":{},"status":{},"capabilities":[{}]}}"#
        ),
        json::string(&agent.agent_id.to_string()),
        agent.state,
        agent.alive,
        number(agent.incarnation.map(|it| it.to_string())),
        number(agent.age.map(|age| format!("{:.3}", age.as_secs_f64()))),
        json::optional(agent.last_heartbeat.map(|at| at.to_string()).as_deref()),
        json::optional(record.map(|it| it.name.as_str())),
        json::optional(record.map(|it| it.status.activity.as_str())),
        names.join(",")
    )
}

fn table(agents: &[RegisteredAgent]) -> Table {
    let mut table = Table::new(&HEADER);
    for agent in agents {
        let record = agent.record.as_ref();
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let ago = agent.age.map(|age| format!("{} ago", period::for_people(age)));
        table.row(&[
            agent.agent_id.to_string(),
            agent.state.to_string(),
            or_dash(record.map(|it| it.status.activity.to_string())),
            or_dash(ago),
            or_dash(record.map(|it| it.name.clone())),
            or_dash(Some(capabilities(agent).join(" ")).filter(|it| !it.is_empty())),
            or_dash(agent.incarnation.map(|it| it.to_string())),
        ]);
    }
    table
}

/// What its record says that it can do, as `name@version`.
fn capabilities(agent: &RegisteredAgent) -> Vec<String> {
    let set = agent.record.as_ref().and_then(|record| record.capabilities.as_ref());
    let all = set.map(|set| set.capabilities.as_slice()).unwrap_or_default();
    all.iter().map(|it| format!("{}@{}", it.name, it.version)).collect()
}

fn watched_line(watched: &Watched) -> String {
    match watched {
        Watched::Snapshot(agents) => {
            let lines: Vec<String> = agents.iter().map(line).collect();
            format!(r#"{{"snapshot":[{}]}}"#, lines.join(","))
        }
        Watched::Event(event) => event_line(event),
        Watched::Gap { reason, missed } => format!(
            r#"{{"gap":"{}","missed":{}}}"#,
            reason.as_str(),
            missed.map_or_else(|| "null".to_owned(), |number| number.to_string())
        ),
        _ => String::new(),
    }
}

fn event_line(event: &RegistryEvent) -> String {
    format!(
        concat!(
            r#"{{"event":"{}","seq":{},"agent":{},"incarnation":{},"state":"{}","#,
            r#""status":{},"at":"{}"}}"#
        ),
        event.kind,
        event.seq,
        json::string(&event.agent_id.to_string()),
        event.incarnation.map_or_else(|| "null".to_owned(), |it| it.to_string()),
        event.state,
        json::string(&event.status),
        event.at
    )
}

fn watched_text(watched: &Watched) -> String {
    match watched {
        Watched::Snapshot(agents) if agents.is_empty() => "no agent is registered".to_owned(),
        Watched::Snapshot(agents) => table(agents).render(false),
        Watched::Event(event) => {
            let agent = printable(&event.agent_id.to_string());
            format!("{}  {agent}  {}  {}", event.at, event.kind, event.state)
        }
        Watched::Gap { reason, missed } => {
            let missed = missed.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
            format!("gap: {}, events missed: {missed}", reason.as_str())
        }
        _ => String::new(),
    }
}
