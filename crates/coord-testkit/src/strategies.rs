//! Proptest strategies for the types of `coord-core`.
//!
//! What they make is valid: every agent id can name a mailbox, every policy and option passes
//! its own check. Texts are short, so that failures stay readable.
//!
//! ```
//! use coord_core::QueueMessage;
//! use coord_testkit::strategies;
//! use proptest::prelude::*;
//!
//! proptest!(|(queued in strategies::queue_messages())| {
//!     let wire = queued.to_wire();
//!     prop_assert_eq!(QueueMessage::from_wire(wire.as_bytes()).unwrap(), queued);
//! });
//! ```

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use coord_core::{
    AgentId, AgentMessage, DeadBody, DeadLetter, DeadSelection, ExpiryPolicy, FailureType, Filter,
    Gate, Headers, MailboxPolicy, MailboxStats, MessageId, MessagePriority, MessageResult,
    MessageType, NackOutcome, Page, Payload, PeekedMessage, Place, QueueMessage, RateLimit,
    ReadyCounts, Receipt, ReceiptTicket, ReceivedMessage, RedriveRate, ReservationToken,
    RoutingKey, SendOptions, SendOutcome, SendRefusal, Timestamp, TopicPattern,
};
use proptest::prelude::*;

/// Agents with and without an instance, also with letters beyond ASCII.
pub fn agent_ids() -> impl Strategy<Value = AgentId> {
    ("[a-zé漢_-]{1,10}", prop::option::of("[a-z0-9é. *?-]{1,10}"))
        .prop_map(|(kind, instance)| AgentId::foreign(kind, instance))
}

/// Ids of messages.
pub fn message_ids() -> impl Strategy<Value = MessageId> {
    "[ -~é漢]{6,24}".prop_map(|text| MessageId::new(text).expect("long enough, no controls"))
}

/// Every level.
pub fn priorities() -> impl Strategy<Value = MessagePriority> {
    prop::sample::select(MessagePriority::SERVED.to_vec())
}

/// Every type of message.
pub fn message_types() -> impl Strategy<Value = MessageType> {
    prop::sample::select(MessageType::ALL.to_vec())
}

/// Every type of failure.
pub fn failure_types() -> impl Strategy<Value = FailureType> {
    use FailureType::{Permanent, Timeout, Transient};
    prop::sample::select(vec![Transient, Permanent, Timeout])
}

/// JSON objects, also with what only Python's dialect knows and with odd spacing.
pub fn payloads() -> impl Strategy<Value = Payload> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|it| it.to_string()),
        any::<i64>().prop_map(|it| it.to_string()),
        "-?[1-9][0-9]{0,40}(\\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?",
        prop::sample::select(vec!["NaN", "Infinity", "-Infinity", "1e400", "-0.0", "\"\\ud800\""])
            .prop_map(str::to_owned),
        "\"[ !#-\\[\\]-~é漢]{0,12}\"",
    ];
    let value = scalar.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            objects(inner),
        ]
    });
    objects(value).prop_map(|text| Payload::from_json(&text).expect("it is an object"))
}

fn objects(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop::collection::vec(("[a-zé]{0,5}", value), 0..4).prop_map(|members| {
        let members = members.iter().map(|(name, value)| format!("\"{name}\" :{value}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(",  "))
    })
}

/// Topics and tags.
pub fn routing_keys() -> impl Strategy<Value = RoutingKey> {
    (prop::option::of(".{0,8}"), prop::collection::vec(".{0,8}", 0..3))
        .prop_map(|(topic, tags)| RoutingKey { topic, tags })
}

/// A few headers.
pub fn headers() -> impl Strategy<Value = Headers> {
    prop::collection::btree_map(".{1,8}", ".{0,8}", 0..3).prop_map(|entries| {
        let mut headers = Headers::default();
        for (name, value) in entries {
            headers.insert(name, value).expect("few and short");
        }
        headers
    })
}

/// Messages with any of their optional parts.
pub fn agent_messages() -> impl Strategy<Value = AgentMessage> {
    let ids = (message_ids(), agent_ids(), agent_ids(), message_types());
    let rest = (payloads(), priorities(), routing_keys(), prop::option::of(".{0,16}"), headers());
    (ids, rest).prop_map(|((id, sender, recipient, kind), rest)| {
        let (payload, priority, routing, timestamp, headers) = rest;
        let mut message = AgentMessage::new(id, sender, recipient, kind)
            .with_payload(payload)
            .with_priority(priority)
            .with_routing(routing);
        message.timestamp = timestamp;
        message.headers = headers;
        message
    })
}

/// Envelopes, fresh ones and ones that failed before.
pub fn queue_messages() -> impl Strategy<Value = QueueMessage> {
    let text = || prop::option::of(".{0,16}");
    (agent_messages(), priorities(), text(), any::<u32>(), text()).prop_map(
        |(message, priority, enqueued_at, attempts, last_error)| {
            let mut queued = QueueMessage::new(message);
            queued.priority = priority;
            queued.enqueued_at = enqueued_at;
            queued.delivery_attempts = attempts;
            queued.last_error = last_error;
            queued
        },
    )
}

/// Times of the years 1970 to 2100, to the microsecond.
pub fn timestamps() -> impl Strategy<Value = Timestamp> {
    (0..4_102_444_800_000_000u64).prop_map(Timestamp::from_micros)
}

/// Zero, and times from a microsecond to thirty days: valid as visibility, delay or back-off.
pub fn durations() -> impl Strategy<Value = Duration> {
    let micros = prop_oneof![
        Just(0u64),
        1..1_000u64,
        1_000..10_000_000u64,
        10_000_000..2_592_000_000_000u64,
    ];
    micros.prop_map(Duration::from_micros)
}

/// Any token.
pub fn reservation_tokens() -> impl Strategy<Value = ReservationToken> {
    any::<u64>().prop_map(ReservationToken::from_bits)
}

/// Options that pass their check.
pub fn send_options() -> impl Strategy<Value = SendOptions> {
    let some = || prop::option::of(durations().prop_filter("not zero", |it| !it.is_zero()));
    let flag = any::<bool>();
    (prop::option::of(durations()), some(), some(), flag).prop_map(
        |(delay, life, window, receipt)| {
            let mut options = SendOptions::new();
            if receipt {
                options = options.with_receipt();
            }
            if let Some(delay) = delay {
                options = options.with_delay(delay);
            }
            if let Some(life) = life {
                options = options.with_expires_in(life);
            }
            match window {
                Some(window) => options.with_dedup_window(window),
                None => options,
            }
        },
    )
}

/// Policies that pass their check.
pub fn policies() -> impl Strategy<Value = MailboxPolicy> {
    let backoff = (durations(), 1.0..10.0f64, durations());
    let expiry = prop::sample::select(vec![ExpiryPolicy::CountAttempt, ExpiryPolicy::KeepAttempts]);
    let guard = prop::option::of(1..10u32);
    let dead = prop::option::of(1..100u64);
    let limits = (0..100u64, prop::option::of(1..100u64), prop::option::of(1..1_000u32), dead);
    let numbers = (1..100u64, 0..6u32);
    (numbers, backoff, expiry, guard, limits).prop_map(|(numbers, backoff, expiry, n, limits)| {
        let ((size, retries), (base, factor, max)) = (numbers, backoff);
        let (reserve, quota, hops, dead) = limits;
        MailboxPolicy::new()
            .with_queue_size(size)
            .with_queue_reserve(reserve % size)
            .with_sender_quota(quota)
            .with_dead_limit(dead.and_then(NonZeroU64::new))
            .with_hop_limits(hops, hops)
            .with_retry_attempts(retries)
            .with_backoff(base, factor, max)
            .with_expiry(expiry)
            .with_low_every(n.and_then(NonZeroU32::new))
    })
}

/// Answers to a send.
pub fn message_results() -> impl Strategy<Value = MessageResult> {
    let outcome = prop_oneof![
        Just(SendOutcome::Accepted),
        Just(SendOutcome::Duplicate),
        (0..3u32, 1..3u32).prop_map(|(confirmed, more)| SendOutcome::Unconfirmed {
            confirmed,
            wanted: confirmed + more
        }),
        (1..1_000u64, 0..10u64).prop_map(|(limit, over)| {
            SendOutcome::Refused(SendRefusal::QueueFull { depth: limit + over, limit })
        }),
        (1..1_000u64).prop_map(|limit| SendOutcome::Refused(SendRefusal::SenderQuota { limit })),
        (1..1_000u32).prop_map(|limit| SendOutcome::Refused(SendRefusal::HopLimit { limit })),
        (1..1_000u32).prop_map(|limit| SendOutcome::Refused(SendRefusal::PingPong { limit })),
    ];
    (message_ids(), outcome).prop_map(|(id, outcome)| MessageResult::new(id, outcome))
}

/// Answers to a nack.
pub fn nack_outcomes() -> impl Strategy<Value = NackOutcome> {
    prop_oneof![
        (1..100u32, durations(), timestamps())
            .prop_map(|(attempts, delay, due)| NackOutcome::Retry { attempts, delay, due }),
        (1..100u32).prop_map(|attempts| NackOutcome::DeadLettered { attempts }),
        Just(NackOutcome::Expired),
    ]
}

/// Answers to a receive that found something.
pub fn received_messages() -> impl Strategy<Value = ReceivedMessage> {
    (reservation_tokens(), queue_messages(), timestamps(), any::<u64>()).prop_map(
        |(token, queued, deadline, fence)| ReceivedMessage::new(token, queued, deadline, fence),
    )
}

/// Topics of few segments, so that patterns fit some of them.
pub fn topics() -> impl Strategy<Value = String> {
    prop::collection::vec("[ab*#]|é", 1..5).prop_map(|segments| segments.join("."))
}

/// Patterns of such topics.
pub fn topic_patterns() -> impl Strategy<Value = TopicPattern> {
    let rest = prop::sample::select(vec!["", ".#"]);
    (prop::collection::vec("[ab*]|é", 1..4), rest).prop_map(|(segments, rest)| {
        (segments.join(".") + rest).parse().expect("whole segments, # at the end only")
    })
}

/// Filters by topic, tags, both or nothing.
pub fn filters() -> impl Strategy<Value = Filter> {
    let tags = prop::collection::vec("[a-cé ,\"]{1,3}", 0..3);
    (prop::option::of(topic_patterns()), tags).prop_map(|(topic, tags)| {
        let filter = topic.map_or(Filter::any(), |topic| Filter::any().with_topic(topic));
        tags.into_iter().try_fold(filter, Filter::with_tag).expect("few short tags")
    })
}

/// Selections of dead messages: of each condition none, or one that some messages fit.
pub fn dead_selections() -> impl Strategy<Value = DeadSelection> {
    let rare = || prop::option::weighted(0.3, 0..5u32);
    let (what, when) = ((rare(), rare(), rare()), (rare(), rare(), rare()));
    (what, when).prop_map(|((kind, error, attempts), (from, before, age))| {
        let at = |n: u32| Timestamp::from_micros(u64::from(n));
        let mut it = DeadSelection::all();
        if let Some(n) = kind {
            it = it.with_type(MessageType::ALL[n as usize % 3]);
        }
        if let Some(n) = error {
            it = it.with_error(n.to_string());
        }
        if let Some(n) = attempts {
            it = it.with_attempts(n..=n + 2);
        }
        if let Some(n) = from {
            it = it.with_died_from(at(n));
        }
        if let Some(n) = before {
            it = it.with_died_before(at(n + 1));
        }
        match age {
            Some(n) => it.with_older_than(Duration::from_micros(u64::from(n))),
            None => it,
        }
    })
}

/// Rates of a redrive.
pub fn redrive_rates() -> impl Strategy<Value = RedriveRate> {
    (1..=RedriveRate::MAX_PER_SECOND)
        .prop_map(|n| RedriveRate::per_second(n).expect("inside the bounds"))
}

/// Peeked messages.
pub fn peeked_messages() -> impl Strategy<Value = PeekedMessage> {
    let place = prop::sample::select(vec![Place::Ready, Place::Delayed]);
    (queue_messages(), place, timestamps()).prop_map(|(queue_message, place, available_at)| {
        PeekedMessage { queue_message, place, available_at }
    })
}

/// Dead letters, readable and not.
pub fn dead_letters() -> impl Strategy<Value = DeadLetter> {
    let body = prop_oneof![
        queue_messages().prop_map(|queued| DeadBody::Message(Box::new(queued))),
        (".{0,20}", ".{1,20}").prop_map(|(raw, reason)| DeadBody::Unreadable { raw, reason }),
    ];
    (body, prop::option::of(timestamps())).prop_map(|(body, died_at)| DeadLetter { body, died_at })
}

/// Counts of a mailbox that agree with each other.
pub fn mailbox_stats() -> impl Strategy<Value = MailboxStats> {
    let ready = (0..50u64, 0..50u64, 0..50u64);
    (agent_ids(), ready, 0..50u64, 0..50u64, 0..50u64, timestamps(), gates()).prop_map(
        |(agent, (high, normal, low), delayed, reserved, dead, now, gate)| {
            let ready = ReadyCounts { high, normal, low };
            let depth = ready.total() + delayed + reserved;
            let oldest_ready = (ready.total() > 0).then_some(now);
            MailboxStats { agent, ready, delayed, reserved, dead, depth, oldest_ready, gate, now }
        },
    )
}

/// Rates that pass their check.
pub fn rate_limits() -> impl Strategy<Value = RateLimit> {
    (1..1_000u32, 1..60u64, 1..100u32).prop_map(|(messages, seconds, burst)| {
        let rate = RateLimit::new(messages, Duration::from_secs(seconds));
        rate.and_then(|rate| rate.with_burst(burst)).expect("in range")
    })
}

/// Gates: open, paused, limited.
pub fn gates() -> impl Strategy<Value = Gate> {
    (any::<bool>(), prop::option::of(rate_limits()))
        .prop_map(|(is_paused, rate)| Gate { is_paused, rate })
}

/// Tickets of messages that leave a receipt.
pub fn receipt_tickets() -> impl Strategy<Value = ReceiptTicket> {
    (agent_ids(), any::<u64>()).prop_map(|(agent, number)| ReceiptTicket::new(agent, number))
}

/// What became of messages that leave a receipt.
pub fn receipts() -> impl Strategy<Value = Receipt> {
    prop_oneof![
        Just(Receipt::Pending),
        timestamps().prop_map(|at| Receipt::Settled { at }),
        timestamps().prop_map(|at| Receipt::Dead { at }),
        Just(Receipt::Gone),
    ]
}

/// Pages.
pub fn pages() -> impl Strategy<Value = Page> {
    (0..100u64, 0..2_000u32).prop_map(|(offset, limit)| Page { offset, limit })
}
