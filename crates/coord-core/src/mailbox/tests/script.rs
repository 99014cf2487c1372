//! A small language for histories: one line is one input, optionally after a step of time.

use std::fmt::Write as _;
use std::time::Duration;

use crate::mailbox::{Input, Mailbox, Order, Send};
use crate::{
    AgentId, AgentMessage, FailureType, MailboxPolicy, MessageId, MessagePriority, MessageType,
    NackOutcome, Page, Place, QueueMessage, ReservationToken, SendOptions, Timestamp,
};

use crate::mailbox::Outcome;

/// 2026-01-01T00:00:00Z.
pub(super) const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// Runs `script` in a fresh mailbox and returns the history as text.
///
/// ```text
/// [+STEP] send ID [low|normal|high] [in DELAY] [for LIFE] [once WINDOW]
/// [+STEP] receive TOKEN [for VISIBILITY]        (default 30s)
/// [+STEP] ack TOKEN | release TOKEN | extend TOKEN by DURATION
/// [+STEP] nack TOKEN [transient|timeout|permanent] [ERROR]
/// [+STEP] recover | show
/// ```
pub(super) fn play(policy: MailboxPolicy, order: Order, script: &str) -> String {
    let mut mailbox = Mailbox::new(policy, order).unwrap();
    let (mut now, mut told) = (START, String::new());
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace().peekable();
        if let Some(step) = words.peek().and_then(|word| word.strip_prefix('+')) {
            now = now + duration(step);
            words.next();
        }
        let words: Vec<&str> = words.collect();
        let came = match words[..] {
            ["show"] => show(&mailbox, now),
            _ => outcome(now, &mailbox.handle(now, input(&words))),
        };
        let at = format!("{:.1}s", now.since(START).as_secs_f64());
        writeln!(told, "{at:<8}{:<32} {came}", words.join(" ")).unwrap();
    }
    told
}

pub(super) fn duration(text: &str) -> Duration {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap();
    let number: u64 = text[..split].parse().unwrap();
    Duration::from_micros(
        number
            * match &text[split..] {
                "us" => 1,
                "ms" => 1_000,
                "s" => 1_000_000,
                "m" => 60_000_000,
                "h" => 3_600_000_000,
                unit => panic!("unit {unit}"),
            },
    )
}

pub(super) fn message(id: &str, priority: MessagePriority) -> QueueMessage {
    let agent = |name: &str| AgentId::parse(name).unwrap();
    let id = MessageId::new(format!("msg-{id:0>4}")).unwrap();
    let message = AgentMessage::new(id, agent("planner"), agent("writer"), MessageType::Request);
    QueueMessage::new(message.with_priority(priority))
}

pub(super) fn token(text: &str) -> ReservationToken {
    ReservationToken::from_bits(text.trim_start_matches('t').parse().unwrap())
}

fn input(words: &[&str]) -> Input {
    match words[..] {
        ["send", id, ref rest @ ..] => {
            let mut options = SendOptions::new();
            let mut priority = MessagePriority::Normal;
            let mut rest = rest.iter();
            while let Some(word) = rest.next() {
                let mut value = || duration(rest.next().unwrap());
                match *word {
                    "in" => options = options.with_delay(value()),
                    "for" => options = options.with_expires_in(value()),
                    "once" => options = options.with_dedup_window(value()),
                    level => priority = level.parse().unwrap(),
                }
            }
            Input::Send(Box::new(Send::new(message(id, priority)).with_options(options)))
        }
        ["receive", t] => receive(t, "30s"),
        ["receive", t, "for", visibility] => receive(t, visibility),
        ["ack", t] => Input::Ack { token: token(t) },
        ["release", t] => Input::Release { token: token(t) },
        ["extend", t, "by", visibility] => {
            Input::Extend { token: token(t), visibility: duration(visibility) }
        }
        ["nack", t] => nack(t, FailureType::Transient, &[]),
        ["nack", t, failure, ref error @ ..] => nack(t, failure.parse().unwrap(), error),
        ["recover"] => Input::Recover,
        _ => panic!("what is {words:?}"),
    }
}

fn receive(t: &str, visibility: &str) -> Input {
    Input::Receive { token: token(t), visibility: duration(visibility) }
}

fn nack(t: &str, failure: FailureType, error: &[&str]) -> Input {
    let error = (!error.is_empty()).then(|| error.join(" "));
    Input::Nack { token: token(t), failure, error }
}

fn outcome(now: Timestamp, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Extended(deadline) => format!("reserved for {:?}", deadline.since(now)),
        Outcome::Nacked(NackOutcome::Retry { due, delay, .. }) => {
            assert_eq!(now + *delay, *due);
            outcome.to_string()
        }
        _ => outcome.to_string(),
    }
}

/// Everything in the mailbox, place by place.
fn show(mailbox: &Mailbox, now: Timestamp) -> String {
    let mut shown = Vec::new();
    for (name, place) in [("ready", Place::Ready), ("delayed", Place::Delayed)] {
        let peeked = mailbox.peek(now, Page::default());
        let ids = peeked.iter().filter(|it| it.place == place);
        let ids: Vec<_> = ids.map(|it| it.queue_message.message.message_id.as_str()).collect();
        shown.push(format!("{name} [{}]", ids.join(" ")));
    }
    shown.push(format!("reserved {}", mailbox.reserved_count()));
    let dead = mailbox.dead_letters().map(|dead| {
        let queued = &dead.queue_message;
        let error = queued.last_error.as_deref().unwrap_or("no error");
        format!("{} ({:?}: {error})", queued.message.message_id, dead.cause)
    });
    shown.push(format!("dead [{}]", dead.collect::<Vec<_>>().join(" ")));
    if let Some((at, reason)) = mailbox.next_deadline() {
        shown.push(format!("next {reason:?} in {:?}", at.since(now)));
    }
    shown.join(", ")
}
