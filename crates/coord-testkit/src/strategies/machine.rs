//! Inputs of the mailbox machine, its answers, and mailboxes in the middle of their lives.

use coord_core::mailbox::{
    Dead, DeadCause, DeadlineReason, ForwardOutcome, Input, Mailbox, Order, Outcome, Reserved, Send,
};
use coord_core::{
    DeliveryCounters, FailureType, MetricsSnapshot, ReservationToken, RetryCounters, Timestamp,
};
use proptest::prelude::*;

use super::*;

/// Messages on their way into a mailbox.
pub fn sends() -> impl Strategy<Value = Send> {
    (queue_messages(), send_options(), prop::option::of(agent_ids())).prop_map(
        |(queued, options, sender)| {
            let send = Send::new(queued).with_options(options);
            match sender {
                Some(sender) => send.with_sender(sender),
                None => send,
            }
        },
    )
}

/// Everything that happens to a mailbox. The tokens to settle are 0 to 3; one to reserve under
/// is any other, as it must be new to the mailbox.
pub fn inputs() -> impl Strategy<Value = Input> {
    let token = || (0..4u64).prop_map(ReservationToken::from_bits);
    prop_oneof![
        3 => sends().prop_map(|send| Input::Send(Box::new(send))),
        3 => (4..u64::MAX, durations()).prop_map(|(bits, visibility)| {
            Input::Receive { token: ReservationToken::from_bits(bits), visibility }
        }),
        1 => token().prop_map(|token| Input::Ack { token }),
        1 => (token(), failure_types(), prop::option::of(".{0,16}"))
            .prop_map(|(token, failure, error)| Input::Nack { token, failure, error }),
        1 => (token(), durations())
            .prop_map(|(token, visibility)| Input::Extend { token, visibility }),
        1 => token().prop_map(|token| Input::Release { token }),
        1 => Just(Input::Recover),
    ]
}

/// Up to `count` inputs, one after the other. Receives reserve under 0, 1, 2 and so on, so that
/// what is settled is often there.
pub fn input_sequences(count: usize) -> impl Strategy<Value = Vec<Input>> {
    prop::collection::vec(inputs(), 0..=count).prop_map(|mut inputs| {
        let mut fresh = (0..).map(ReservationToken::from_bits);
        for input in &mut inputs {
            if let Input::Receive { token, .. } = input {
                *token = fresh.next().expect("the numbers do not end");
            }
        }
        inputs
    })
}

/// What comes of an input.
pub fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        send_outcomes().prop_map(Outcome::Sent),
        prop::option::of(reserved().prop_map(Box::new)).prop_map(Outcome::Received),
        Just(Outcome::Settled),
        nack_outcomes().prop_map(Outcome::Nacked),
        timestamps().prop_map(Outcome::Extended),
        Just(Outcome::ReservationLost),
        (0..9u64).prop_map(Outcome::Recovered),
    ]
}

/// Reserved messages as the machine hands them out.
pub fn reserved() -> impl Strategy<Value = Reserved> {
    (reservation_tokens(), queue_messages(), timestamps(), any::<u64>()).prop_map(
        |(token, queue_message, deadline, fence)| Reserved {
            token,
            queue_message,
            deadline,
            fence,
        },
    )
}

/// Both orders of messages of the same level and microsecond.
pub fn orders() -> impl Strategy<Value = Order> {
    prop::sample::select(vec![Order::Arrival, Order::Payload])
}

/// Every reason to look at a mailbox again.
pub fn deadline_reasons() -> impl Strategy<Value = DeadlineReason> {
    use DeadlineReason::{Delay, Expiry, Reservation};
    prop::sample::select(vec![Delay, Reservation, Expiry])
}

/// Every cause of death.
pub fn dead_causes() -> impl Strategy<Value = DeadCause> {
    prop::sample::select(vec![DeadCause::Permanent, DeadCause::Exhausted, DeadCause::Expired])
}

/// What becomes of a hand-over.
pub fn forward_outcomes() -> impl Strategy<Value = ForwardOutcome> {
    prop_oneof![
        Just(ForwardOutcome::ReservationLost),
        send_outcomes().prop_map(ForwardOutcome::Sent),
    ]
}

/// Mailboxes after up to a dozen inputs, a second from one to the next, at the year 2001.
pub fn mailboxes() -> impl Strategy<Value = Mailbox> {
    (policies(), orders(), input_sequences(12)).prop_map(|(policy, order, inputs)| {
        let mut mailbox = Mailbox::new(policy, order).expect("the policy passes its check");
        for (second, input) in inputs.into_iter().enumerate() {
            let now = Timestamp::from_micros(1_000_000_000_000_000 + second as u64 * 1_000_000);
            drop(mailbox.handle(now, input));
        }
        mailbox
    })
}

/// Messages that died in a mailbox.
pub fn dead() -> impl Strategy<Value = Dead> {
    (queue_messages(), timestamps(), prop::option::of(".{0,16}")).prop_map(|(queued, at, error)| {
        let mut mailbox = Mailbox::default();
        let token = ReservationToken::from_bits(1);
        mailbox.send(at, Send::new(queued));
        mailbox.receive(at, token.clone(), std::time::Duration::from_secs(1));
        mailbox.nack(at, &token, FailureType::Permanent, error.as_deref());
        mailbox.dead_letters().next().expect("it died for good").clone()
    })
}

/// Counters of retries; at most as many failures and retries as there were nacks.
pub fn retry_counters() -> impl Strategy<Value = RetryCounters> {
    (0..100u64, 0..100u64, 0..3_600_000u64).prop_map(|(retries, failures, last)| RetryCounters {
        total_nacks: retries + failures,
        total_permanent_failures: failures,
        total_retries_scheduled: retries,
        last_backoff_seconds: last as f64 / 1_000.0,
    })
}

/// Counters of sends.
pub fn delivery_counters() -> impl Strategy<Value = DeliveryCounters> {
    (0..100u64, 0..100u64).prop_map(|(delivered_ok, delivered_error)| DeliveryCounters {
        delivered_ok,
        delivered_error,
    })
}

/// All counters of one moment.
pub fn metrics_snapshots() -> impl Strategy<Value = MetricsSnapshot> {
    (retry_counters(), delivery_counters())
        .prop_map(|(retry, delivery)| MetricsSnapshot { retry, delivery })
}
