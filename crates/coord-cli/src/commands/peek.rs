//! `coord peek`: looks at waiting messages.

use clap::Args;
use coord_core::{AgentId, MessageCoordinator, Page, PeekedMessage, Place};
use serde::Deserialize;

use crate::answer::{Answer, Human};
use crate::failure::{Failure, Kind};
use crate::field;
use crate::json;
use crate::session::Session;
use crate::table::{Table, shortened};

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeekArgs {
    /// Whose mailbox
    #[serde(deserialize_with = "field::agent")]
    agent: AgentId,

    /// Show up to N messages [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    max: Option<u32>,
}

const HEADER: [&str; 8] =
    ["PLACE", "DUE", "PRIORITY", "MESSAGE", "TYPE", "FROM", ">ATTEMPTS", "PAYLOAD"];

pub(super) async fn run(args: PeekArgs, session: &Session) -> Result<Answer, Failure> {
    let page = page(args.max, None)?;
    let peeked = session.mail.peek(&args.agent, page).await?;
    let mut table = Table::new(&HEADER);
    for message in &peeked {
        table.row(&cells(message));
    }
    let failure = peeked.is_empty().then(|| {
        let why = format!("nothing to see: no message of {} is waiting", args.agent);
        Failure::new(Kind::Empty, why)
            .with_advice(&format!("`coord queues {}` counts reserved and dead ones", args.agent))
    });
    let human = if peeked.is_empty() { Human::Text(String::new()) } else { Human::Table(table) };
    Ok(Answer::list(peeked.iter().map(line).collect(), human).and(failure))
}

/// The part of a list that was asked for: 1 to [`Page::MAX_LIMIT`] entries, 100 if not said.
pub(super) fn page(max: Option<u32>, offset: Option<u64>) -> Result<Page, Failure> {
    let limit = max.unwrap_or(100);
    if limit == 0 || limit > Page::MAX_LIMIT {
        let most = Page::MAX_LIMIT;
        return Err(Failure::usage(format!("invalid max: {limit}, 1 to {most} are allowed")));
    }
    Ok(Page { offset: offset.unwrap_or(0), limit })
}

fn line(peeked: &PeekedMessage) -> String {
    format!(
        r#"{{"place":"{}","available_at":"{}","queue_message":{}}}"#,
        place(peeked.place),
        peeked.available_at,
        json::one_line(&peeked.queue_message.to_wire())
    )
}

fn cells(peeked: &PeekedMessage) -> [String; 8] {
    let queued = &peeked.queue_message;
    let message = &queued.message;
    [
        place(peeked.place).to_owned(),
        peeked.available_at.to_string(),
        queued.priority.as_str().to_owned(),
        message.message_id.to_string(),
        message.message_type.as_str().to_owned(),
        message.sender.to_string(),
        queued.delivery_attempts.to_string(),
        shortened(message.payload.as_json(), 60),
    ]
}

const fn place(place: Place) -> &'static str {
    match place {
        Place::Ready => "ready",
        Place::Delayed => "delayed",
    }
}
