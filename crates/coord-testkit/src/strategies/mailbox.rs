//! Options, policies and answers of mailboxes.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use coord_core::{
    AckAndReceive, AgentId, CancelOutcome, Durability, ExpiryPolicy, Extended, Filter, Gate,
    MailboxPolicy, MailboxStats, MessagePlace, MessageReport, MessageResult, NackOutcome,
    NoteOutcome, Page, PeekedMessage, Place, Publication, RateLimit, ReadyCounts, Receipt,
    ReceiptCount, ReceiptTicket, ReceivedMessage, Reconciliation, SendOptions, SendOutcome,
    SendRefusal, TopicPattern,
};
use proptest::prelude::*;

use super::*;

/// How safe a message must be, all of them valid.
pub fn durabilities() -> impl Strategy<Value = Durability> {
    let within = || (1..3_600_000u64).prop_map(Duration::from_millis);
    prop_oneof![
        Just(Durability::Accepted),
        (1..5u32, within()).prop_map(|(count, within)| Durability::Replicas { count, within }),
        within().prop_map(|within| Durability::Aof { within }),
    ]
}

/// Options that pass their check.
pub fn send_options() -> impl Strategy<Value = SendOptions> {
    let some = || prop::option::of(durations().prop_filter("not zero", |it| !it.is_zero()));
    let times = (prop::option::of(durations()), some(), some());
    (times, durabilities(), any::<bool>()).prop_map(|((delay, life, window), safety, receipt)| {
        let mut options = SendOptions::new().with_durability(safety);
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
    })
}

/// Policies that pass their check.
pub fn policies() -> impl Strategy<Value = MailboxPolicy> {
    let backoff = (durations(), 1.0..10.0f64, durations());
    let guard = prop::option::of(1..10u32);
    let dead = prop::option::of(1..100u64);
    let limits = (0..100u64, prop::option::of(1..100u64), prop::option::of(1..1_000u32), dead);
    let numbers = (1..100u64, 0..6u32);
    (numbers, backoff, expiry_policies(), guard, limits).prop_map(
        |(numbers, backoff, expiry, n, limits)| {
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
        },
    )
}

/// Everything a mailbox may refuse for.
pub fn send_refusals() -> impl Strategy<Value = SendRefusal> {
    prop_oneof![
        (1..1_000u64, 0..10u64)
            .prop_map(|(limit, over)| SendRefusal::QueueFull { depth: limit + over, limit }),
        (1..1_000u64).prop_map(|limit| SendRefusal::SenderQuota { limit }),
        (1..1_000u32).prop_map(|limit| SendRefusal::HopLimit { limit }),
        (1..1_000u32).prop_map(|limit| SendRefusal::PingPong { limit }),
    ]
}

/// What a mailbox does with a message.
pub fn send_outcomes() -> impl Strategy<Value = SendOutcome> {
    prop_oneof![
        Just(SendOutcome::Accepted),
        Just(SendOutcome::Duplicate),
        (0..3u32, 1..3u32).prop_map(|(confirmed, more)| SendOutcome::Unconfirmed {
            confirmed,
            wanted: confirmed + more
        }),
        send_refusals().prop_map(SendOutcome::Refused),
    ]
}

/// Answers to a send; only one that was taken has a ticket.
pub fn message_results() -> impl Strategy<Value = MessageResult> {
    let ticket = prop::option::of(receipt_tickets());
    (message_ids(), send_outcomes(), ticket).prop_map(|(id, outcome, ticket)| {
        let result = MessageResult::new(id, outcome);
        match ticket.filter(|_| result.delivered()) {
            Some(ticket) => result.with_ticket(ticket),
            None => result,
        }
    })
}

/// Answers to a publish: agents in order, each once, some of them not reached.
pub fn publications() -> impl Strategy<Value = Publication> {
    let one = prop_oneof![
        4 => message_results().prop_map(Ok),
        1 => send_errors().prop_map(Err),
    ];
    prop::collection::btree_map("[a-z]{1,8}", one, 0..5).prop_map(|results| {
        let agent = |kind| AgentId::foreign(kind, None);
        let results = results.into_iter().map(|(kind, result)| (agent(kind), result));
        Publication { results: results.collect() }
    })
}

/// Answers to a nack.
pub fn nack_outcomes() -> impl Strategy<Value = NackOutcome> {
    prop_oneof![
        (1..100u32, durations(), timestamps())
            .prop_map(|(attempts, delay, due)| NackOutcome::Retry { attempts, delay, due }),
        (1..100u32).prop_map(|attempts| NackOutcome::DeadLettered { attempts }),
        Just(NackOutcome::Expired),
        Just(NackOutcome::Cancelled),
    ]
}

/// Answers to a receive that found something.
pub fn received_messages() -> impl Strategy<Value = ReceivedMessage> {
    (reservation_tokens(), queue_messages(), timestamps(), any::<u64>()).prop_map(
        |(token, queued, deadline, fence)| ReceivedMessage::new(token, queued, deadline, fence),
    )
}

/// Answers to an ack that asks for the next message.
pub fn acks_and_receives() -> impl Strategy<Value = AckAndReceive> {
    (any::<bool>(), prop::option::of(received_messages()))
        .prop_map(|(settled, next)| AckAndReceive { settled, next })
}

/// Answers to an extend, with and without news.
pub fn extensions() -> impl Strategy<Value = Extended> {
    let notes = prop::collection::vec(notes(), 0..=coord_core::mailbox::MAX_NOTES);
    (timestamps(), any::<bool>(), notes).prop_map(|(deadline, is_cancelled, notes)| Extended {
        deadline,
        is_cancelled,
        notes,
    })
}

/// Answers to a cancellation.
pub fn cancel_outcomes() -> impl Strategy<Value = CancelOutcome> {
    use CancelOutcome::{Cancelled, HolderIsTold, NotFound};
    prop::sample::select(vec![Cancelled, HolderIsTold, NotFound])
}

/// Answers to a note.
pub fn note_outcomes() -> impl Strategy<Value = NoteOutcome> {
    use NoteOutcome::{HolderIsTold, NotFound, NotReserved, TooMany};
    prop::sample::select(vec![HolderIsTold, NotReserved, TooMany, NotFound])
}

/// Where a message may be.
pub fn message_places() -> impl Strategy<Value = MessagePlace> {
    prop_oneof![
        timestamps().prop_map(|since| MessagePlace::Ready { since }),
        timestamps().prop_map(|due| MessagePlace::Delayed { due }),
        (reservation_tokens(), timestamps(), any::<bool>()).prop_map(
            |(token, deadline, is_cancelled)| MessagePlace::Reserved {
                token,
                deadline,
                is_cancelled
            }
        ),
        prop::option::of(timestamps()).prop_map(|at| MessagePlace::Dead { at }),
    ]
}

/// Answers to `why`.
pub fn message_reports() -> impl Strategy<Value = MessageReport> {
    let expiry = prop::option::of(timestamps());
    (queue_messages(), message_places(), expiry, timestamps()).prop_map(
        |(queue_message, place, expires_at, now)| MessageReport {
            queue_message,
            place,
            expires_at,
            now,
        },
    )
}

/// What repairing came to.
pub fn reconciliations() -> impl Strategy<Value = Reconciliation> {
    let few = || 0..3u64;
    (few(), few(), few(), few()).prop_map(|(redriven, deadlines_given, leaks_removed, suspects)| {
        Reconciliation { redriven, deadlines_given, leaks_removed, suspects }
    })
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

/// Peeked messages.
pub fn peeked_messages() -> impl Strategy<Value = PeekedMessage> {
    (queue_messages(), places(), timestamps()).prop_map(|(queue_message, place, available_at)| {
        PeekedMessage { queue_message, place, available_at }
    })
}

/// Where a peeked message may stand.
pub fn places() -> impl Strategy<Value = Place> {
    prop::sample::select(vec![Place::Ready, Place::Delayed])
}

/// What an expired reservation counts for.
pub fn expiry_policies() -> impl Strategy<Value = ExpiryPolicy> {
    prop::sample::select(vec![ExpiryPolicy::CountAttempt, ExpiryPolicy::KeepAttempts])
}

/// Ready messages by level, few of each.
pub fn ready_counts() -> impl Strategy<Value = ReadyCounts> {
    (0..50u64, 0..50u64, 0..50u64).prop_map(|(high, normal, low)| ReadyCounts { high, normal, low })
}

/// Counts of a mailbox that agree with each other.
pub fn mailbox_stats() -> impl Strategy<Value = MailboxStats> {
    (agent_ids(), ready_counts(), 0..50u64, 0..50u64, 0..50u64, timestamps(), gates()).prop_map(
        |(agent, ready, delayed, reserved, dead, now, gate)| {
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

/// Receipts, counted.
pub fn receipt_counts() -> impl Strategy<Value = ReceiptCount> {
    prop::collection::vec(receipts(), 0..9).prop_map(|all| ReceiptCount::of(&all))
}

/// Pages.
pub fn pages() -> impl Strategy<Value = Page> {
    (0..100u64, 0..2_000u32).prop_map(|(offset, limit)| Page { offset, limit })
}
