//! What holds whatever happens, in random histories.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::script::{START, message};
use crate::mailbox::{Input, Mailbox, Order, Outcome, Send};
use crate::{
    ExpiryPolicy, FailureType, MailboxPolicy, MessagePriority, NackOutcome, Page, Place,
    ReservationToken, SendOptions, SendOutcome, Timestamp,
};

/// One step of a history: how much later, and what.
type Step = (u64, Choice);

#[derive(Debug, Clone, Copy)]
enum Choice {
    Send { level: MessagePriority, delay: u64, life: u64, window: u64, id: u8 },
    Receive { visibility: u64 },
    Ack { pick: usize },
    Nack { pick: usize, failure: FailureType },
    Extend { pick: usize, visibility: u64 },
    Release { pick: usize },
    Recover,
}

fn seconds() -> impl Strategy<Value = u64> {
    prop_oneof![3 => Just(0), 2 => 1u64..5, 1 => 5u64..100]
}

fn choices() -> impl Strategy<Value = Choice> {
    let level = prop::sample::select(MessagePriority::SERVED.to_vec());
    let failure = prop::sample::select(vec![
        FailureType::Transient,
        FailureType::Timeout,
        FailureType::Permanent,
    ]);
    prop_oneof![
        6 => (level, seconds(), seconds(), seconds(), 0..20u8).prop_map(
            |(level, delay, life, window, id)| Choice::Send { level, delay, life, window, id }
        ),
        6 => seconds().prop_map(|visibility| Choice::Receive { visibility }),
        2 => (0..20usize).prop_map(|pick| Choice::Ack { pick }),
        2 => (0..20usize, failure).prop_map(|(pick, failure)| Choice::Nack { pick, failure }),
        1 => (0..20usize, seconds()).prop_map(|(pick, visibility)| Choice::Extend { pick, visibility }),
        1 => (0..20usize).prop_map(|pick| Choice::Release { pick }),
        1 => Just(Choice::Recover),
    ]
}

fn histories() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((seconds(), choices()), 1..80)
}

fn policies() -> impl Strategy<Value = MailboxPolicy> {
    let expiry = prop_oneof![Just(ExpiryPolicy::CountAttempt), Just(ExpiryPolicy::KeepAttempts)];
    let guard = prop::option::of(1..4u32).prop_map(|n| n.and_then(std::num::NonZeroU32::new));
    (1..8u64, 0..3u32, seconds(), expiry, guard).prop_map(|(size, retries, base, expiry, guard)| {
        MailboxPolicy::new()
            .with_queue_size(size)
            .with_retry_attempts(retries)
            .with_backoff(Duration::from_secs(base), 2.0, Duration::from_secs(10))
            .with_expiry(expiry)
            .with_low_every(guard)
    })
}

/// A mailbox, and what is known of it from outside.
struct Watched {
    mailbox: Mailbox,
    size: u64,
    now: Timestamp,
    /// Serial number, which the payload carries, to whether the message may vanish by itself.
    live: BTreeMap<u64, bool>,
    held: Vec<ReservationToken>,
    next: u64,
    fence: u64,
}

impl Watched {
    fn new(policy: MailboxPolicy, order: Order) -> Self {
        Self {
            mailbox: Mailbox::new(policy, order).unwrap(),
            size: policy.queue_size(),
            now: START,
            live: BTreeMap::new(),
            held: Vec::new(),
            next: 0,
            fence: 0,
        }
    }

    fn step(&mut self, (later, choice): Step) -> Outcome {
        self.now = self.now + Duration::from_secs(later);
        self.next += 1;
        let input = self.input(choice);
        let before = self.mailbox.clone();
        let outcome = self.mailbox.handle(self.now, input.clone());
        match (&input, &outcome) {
            (Input::Send(send), Outcome::Sent(SendOutcome::Accepted)) => {
                self.live.insert(self.next, send.options.expires_in().is_some());
            }
            (Input::Send(_), Outcome::Sent(_)) => {
                assert!(before.depth() >= self.mailbox.depth());
                assert!(
                    self.mailbox.depth() == self.size
                        || outcome == Outcome::Sent(SendOutcome::Duplicate)
                );
            }
            (Input::Receive { token, visibility }, Outcome::Received(Some(reserved))) => {
                assert!(reserved.fence > self.fence, "the fence fell");
                self.fence = reserved.fence;
                assert_eq!(reserved.deadline, self.now + *visibility);
                self.held.push(token.clone());
            }
            (Input::Ack { token }, Outcome::Settled) => {
                let serial = serial(&before.reserved[token].entry.queued);
                self.live.remove(&serial).expect("only what is live can be acked");
            }
            (Input::Nack { token, .. }, Outcome::Nacked(NackOutcome::Expired)) => {
                let serial = serial(&before.reserved[token].entry.queued);
                assert_eq!(self.live.remove(&serial), Some(true));
            }
            _ => {}
        }
        self.check();
        outcome
    }

    fn input(&self, choice: Choice) -> Input {
        let token = |pick: usize| match self.held.len() {
            0 => ReservationToken::from_bits(u64::MAX),
            held => self.held[pick % held].clone(),
        };
        match choice {
            Choice::Send { level, delay, life, window, id } => {
                let mut queued = message(&id.to_string(), level);
                let payload = format!("{{\"serial\": {}}}", self.next);
                queued.message.payload = crate::Payload::from_json(&payload).unwrap();
                let mut options = SendOptions::new().with_delay(Duration::from_secs(delay));
                if life > 0 {
                    options = options.with_expires_in(Duration::from_secs(life));
                }
                if window > 0 {
                    options = options.with_dedup_window(Duration::from_secs(window));
                }
                Input::Send(Box::new(Send::new(queued).with_options(options)))
            }
            Choice::Receive { visibility } => Input::Receive {
                token: ReservationToken::from_bits(self.next),
                visibility: Duration::from_secs(visibility),
            },
            Choice::Ack { pick } => Input::Ack { token: token(pick) },
            Choice::Nack { pick, failure } => {
                Input::Nack { token: token(pick), failure, error: Some("boom".into()) }
            }
            Choice::Extend { pick, visibility } => {
                Input::Extend { token: token(pick), visibility: Duration::from_secs(visibility) }
            }
            Choice::Release { pick } => Input::Release { token: token(pick) },
            Choice::Recover => Input::Recover,
        }
    }

    /// Every live message is in exactly one place, and nothing else is anywhere.
    fn check(&mut self) {
        let mailbox = &self.mailbox;
        assert!(mailbox.depth() <= self.size, "{} of {}", mailbox.depth(), self.size);
        let waiting = mailbox.waiting().map(|(entry, ..)| &entry.queued);
        let reserved = mailbox.reserved.values().map(|it| &it.entry.queued);
        let dead = mailbox.dead.iter().map(|it| &it.queue_message);
        let mut seen = BTreeSet::new();
        for queued in waiting.chain(reserved).chain(dead) {
            let serial = serial(queued);
            assert!(seen.insert(serial), "message {serial} is in two places");
            assert!(self.live.contains_key(&serial), "message {serial} came back from the dead");
        }
        self.live.retain(|serial, may_expire| {
            let there = seen.contains(serial);
            assert!(there || *may_expire, "message {serial} is lost");
            there
        });
        assert_eq!(mailbox.deadlines.len(), mailbox.reserved.len());
        let ready: u64 =
            MessagePriority::SERVED.map(|level| mailbox.ready_count(level)).iter().sum();
        let places = ready + mailbox.delayed_count() + mailbox.reserved_count();
        assert_eq!(places, mailbox.depth());
    }
}

fn serial(queued: &crate::QueueMessage) -> u64 {
    let json = queued.message.payload.as_json();
    json.trim_start_matches("{\"serial\": ").trim_end_matches('}').parse().unwrap()
}

proptest! {
    #[test]
    fn no_message_is_lost_or_doubled(policy in policies(), payload: bool, steps in histories()) {
        let order = if payload { Order::Payload } else { Order::Arrival };
        let mut watched = Watched::new(policy, order);
        for step in steps {
            watched.step(step);
        }
        // In the end everything that does not expire can be received and settled, or is dead.
        watched.now = watched.now + Duration::from_secs(1_000);
        watched.mailbox.recover(watched.now);
        watched.check();
        while let Outcome::Received(Some(reserved)) =
            watched.step((0, Choice::Receive { visibility: 100 }))
        {
            let ack = watched.mailbox.ack(watched.now, &reserved.token);
            prop_assert!(ack);
            watched.live.remove(&serial(&reserved.queue_message));
        }
        prop_assert_eq!(watched.mailbox.depth(), 0);
        prop_assert_eq!(watched.mailbox.dead.len(), watched.live.len());
        prop_assert_eq!(watched.mailbox.next_deadline(), None);
    }

    #[test]
    fn the_same_history_gives_the_same_outcomes(policy in policies(), steps in histories()) {
        let run = || {
            let mut watched = Watched::new(policy, Order::Arrival);
            steps.iter().map(|step| watched.step(*step)).collect::<Vec<_>>()
        };
        prop_assert_eq!(run(), run());
    }

    /// What peek shows as ready is what receives then take, in that order.
    #[test]
    fn peek_tells_what_receive_will_take(payload: bool, policy in policies(), steps in histories()) {
        let order = if payload { Order::Payload } else { Order::Arrival };
        let mut watched = Watched::new(policy.with_low_every(None), order);
        for step in steps {
            watched.step(step);
        }
        let now = watched.now;
        watched.mailbox.recover(now);
        let stats = watched.mailbox.stats(now, crate::AgentId::of_type("writer").unwrap());
        let peeked = watched.mailbox.peek(now, Page::default());
        let shown = peeked.iter().filter(|it| it.place == Place::Ready);
        let shown: Vec<_> = shown.map(|it| it.queue_message.clone()).collect();
        prop_assert_eq!(stats.ready.total(), shown.len() as u64);
        prop_assert_eq!(stats.delayed, (peeked.len() - shown.len()) as u64);
        let mut taken = Vec::new();
        while let Outcome::Received(Some(reserved)) =
            watched.step((0, Choice::Receive { visibility: 100 }))
        {
            taken.push(reserved.queue_message);
        }
        prop_assert_eq!(taken, shown);
    }
}
