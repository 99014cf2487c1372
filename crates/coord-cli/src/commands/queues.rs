//! `coord queues`: what mailboxes hold.

use clap::Args;
use coord_core::{AgentId, MailboxStats, MessageCoordinator};
use serde::Deserialize;

use super::pause::{for_people_gate, gate_fields};
use crate::answer::{Answer, Human};
use crate::failure::{Failure, Kind};
use crate::field;
use crate::json;
use crate::period;
use crate::session::Session;
use crate::table::Table;

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueuesArgs {
    /// Whose mailbox [default: all mailboxes]
    #[serde(default, deserialize_with = "field::optional_agent")]
    agent: Option<AgentId>,

    /// The capacity to compare with, that of the senders [default: 10000]
    #[arg(long, value_name = "N")]
    queue_size: Option<u64>,
}

const HEADER: [&str; 11] = [
    "AGENT",
    ">HIGH",
    ">NORMAL",
    ">LOW",
    ">DELAYED",
    ">RESERVED",
    ">DEAD",
    ">OLDEST",
    ">DEPTH",
    ">CAPACITY",
    "GATE",
];

pub(super) async fn run(args: QueuesArgs, session: &Session) -> Result<Answer, Failure> {
    let mail = match args.queue_size {
        Some(size) => session.with_policy(|policy| policy.with_queue_size(size))?,
        None => session.mail.clone(),
    };
    let capacity = mail.policy().queue_size();
    let agents = match &args.agent {
        Some(agent) => vec![agent.clone()],
        None => mail.mailboxes().await?,
    };
    if agents.is_empty() {
        let why = "no mailbox under this prefix; check --redis, --layout and --prefix";
        return Err(Failure::new(Kind::Empty, why));
    }
    let (mut lines, mut table) = (Vec::new(), Table::new(&HEADER));
    for agent in agents {
        // A mailbox that only others could name (a colon in its instance) cannot be counted.
        if args.agent.is_none() && agent.check().is_err() {
            continue;
        }
        let stats = mail.mailbox_stats(&agent).await?;
        if args.agent.is_some() && is_unused(&stats) && !is_known(&agent, &mail).await? {
            let why = format!("unknown agent {agent}: no mailbox of that name under this prefix");
            let advice = "`coord queues` lists all";
            return Err(Failure::new(Kind::UnknownAgent, why).with_advice(advice));
        }
        lines.push(line(&stats, capacity));
        table.row(&cells(&stats, capacity));
    }
    Ok(Answer::list(lines, Human::Table(table)))
}

fn is_unused(stats: &MailboxStats) -> bool {
    stats.depth == 0 && stats.dead == 0 && stats.reserved == 0
}

async fn is_known(agent: &AgentId, mail: &impl MessageCoordinator) -> Result<bool, Failure> {
    let name = agent.mailbox_key();
    Ok(mail.mailboxes().await?.iter().any(|known| known.mailbox_key() == name))
}

fn line(stats: &MailboxStats, capacity: u64) -> String {
    let ready = stats.ready;
    let age = stats.oldest_ready.map_or_else(
        || "null".to_owned(),
        |oldest| format!("{:.3}", stats.now.since(oldest).as_secs_f64()),
    );
    format!(
        concat!(
            r#"{{"agent":{},"ready":{{"high":{},"normal":{},"low":{}}},"delayed":{},"#,
            r#""reserved":{},"dead":{},"oldest_age_seconds":{},"depth":{},"capacity":{},{}}}"#
        ),
        json::string(&stats.agent.to_string()),
        ready.high,
        ready.normal,
        ready.low,
        stats.delayed,
        stats.reserved,
        stats.dead,
        age,
        stats.depth,
        capacity,
        gate_fields(stats.gate)
    )
}

fn cells(stats: &MailboxStats, capacity: u64) -> [String; 11] {
    let age = |oldest| period::for_people(stats.now.since(oldest));
    [
        stats.agent.to_string(),
        stats.ready.high.to_string(),
        stats.ready.normal.to_string(),
        stats.ready.low.to_string(),
        stats.delayed.to_string(),
        stats.reserved.to_string(),
        stats.dead.to_string(),
        stats.oldest_ready.map_or_else(|| "-".to_owned(), age),
        stats.depth.to_string(),
        capacity.to_string(),
        for_people_gate(stats.gate),
    ]
}
