//! `coord receipts`: what became of messages that were sent with `--receipt`.

use clap::Args;
use coord_core::{MessageCoordinator, Receipt, ReceiptCount, ReceiptTicket};
use serde::Deserialize;

use crate::answer::{Answer, Human};
use crate::failure::{Failure, Kind};
use crate::field;
use crate::json;
use crate::period::Period;
use crate::session::Session;

#[derive(Debug, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptsArgs {
    /// The tickets that `send` and `broadcast` gave
    #[arg(required = true, value_name = "TICKET")]
    #[serde(deserialize_with = "field::list")]
    tickets: Vec<ReceiptTicket>,

    /// Wait until so many are settled [default: all]
    #[arg(long, value_name = "N", requires = "wait")]
    #[serde(default)]
    quorum: Option<usize>,

    /// Wait so long at most
    #[arg(long, value_name = "DURATION")]
    #[serde(default, deserialize_with = "field::optional")]
    wait: Option<Period>,
}

impl ReceiptsArgs {
    pub(super) const fn waits(&self) -> bool {
        self.wait.is_some()
    }
}

pub(super) async fn run(args: ReceiptsArgs, session: &Session) -> Result<Answer, Failure> {
    let quorum = args.quorum.unwrap_or(args.tickets.len());
    let receipts = match args.wait {
        None => session.mail.receipts(&args.tickets).await?,
        Some(Period(wait)) => {
            let waited = session.mail.wait_for_receipts(&args.tickets, quorum, wait);
            tokio::select! {
                receipts = waited => receipts?,
                () = session.interrupt.asked() => session.mail.receipts(&args.tickets).await?,
            }
        }
    };
    let lines = args.tickets.iter().zip(&receipts).map(|(ticket, receipt)| line(ticket, *receipt));
    let count = ReceiptCount::of(&receipts);
    let human = args.tickets.iter().zip(&receipts).map(|(ticket, receipt)| told(ticket, *receipt));
    let mut human: Vec<String> = human.collect();
    human.push(format!("{} of {} settled", count.settled, receipts.len()));
    let failure = (args.wait.is_some() && !count.has_quorum(quorum)).then(|| {
        let why = format!("no quorum: {} of {quorum} wanted are settled", count.settled);
        let advice = format!("{} pending, {} dead, {} gone", count.pending, count.dead, count.gone);
        Failure::new(Kind::NoQuorum, why).with_advice(&advice)
    });
    Ok(Answer::list(lines.collect(), Human::Text(human.join("\n"))).and(failure))
}

const fn word(receipt: Receipt) -> &'static str {
    match receipt {
        Receipt::Pending => "pending",
        Receipt::Settled { .. } => "settled",
        Receipt::Dead { .. } => "dead",
        _ => "gone",
    }
}

fn at(receipt: Receipt) -> Option<String> {
    match receipt {
        Receipt::Settled { at } | Receipt::Dead { at } => Some(at.to_string()),
        _ => None,
    }
}

fn line(ticket: &ReceiptTicket, receipt: Receipt) -> String {
    let (ticket, at) = (json::string(&ticket.to_string()), json::optional(at(receipt).as_deref()));
    format!(r#"{{"ticket":{ticket},"receipt":"{}","at":{at}}}"#, word(receipt))
}

fn told(ticket: &ReceiptTicket, receipt: Receipt) -> String {
    match at(receipt) {
        Some(at) => format!("{} {ticket} at {at}", word(receipt)),
        None => format!("{} {ticket}", word(receipt)),
    }
}
