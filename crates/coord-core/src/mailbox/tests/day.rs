//! A day in the life of a mailbox.

use std::fmt::Write as _;
use std::time::Duration;

use super::script::{START, message};
use crate::mailbox::{Input, Mailbox, Order, Send};
use crate::{FailureType, MailboxPolicy, MessagePriority, ReservationToken, SendOptions};

const OPERATIONS: u64 = 100_000;
const DAY: Duration = Duration::from_secs(86_400);

/// A small generator of numbers, so that the day is the same on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A short number that differs if anything in the histories differs.
struct Digest(u64);

impl std::fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

fn live_through(order: Order, seed: u64) -> (u64, String) {
    let policy = MailboxPolicy::new().with_queue_size(500);
    let mut mailbox = Mailbox::new(policy, order).unwrap();
    let (mut numbers, mut digest) = (Numbers(seed), Digest(0xcbf2_9ce4_8422_2325));
    let mut held: Vec<ReservationToken> = Vec::new();
    let mut now = START;
    let mean = crate::micros(DAY) / OPERATIONS;
    for number in 0..OPERATIONS {
        now = now + Duration::from_micros(numbers.below(2 * mean));
        let mut pick = |numbers: &mut Numbers| match held.len() {
            0 => ReservationToken::from_bits(u64::MAX),
            held_now => held.swap_remove(usize::try_from(numbers.below(held_now as u64)).unwrap()),
        };
        let minutes = Duration::from_secs(60 * (1 + numbers.below(10)));
        let input = match numbers.below(20) {
            0..8 => {
                let level = MessagePriority::SERVED[usize::try_from(numbers.below(3)).unwrap()];
                let options = match numbers.below(8) {
                    0 => SendOptions::new().with_delay(minutes),
                    1 => SendOptions::new().with_expires_in(minutes),
                    2 => SendOptions::new().with_dedup_window(minutes),
                    _ => SendOptions::new(),
                };
                let queued = message(&numbers.below(50_000).to_string(), level);
                Input::Send(Box::new(Send::new(queued).with_options(options)))
            }
            8..14 => {
                let token = ReservationToken::from_bits(number);
                // Every eighth consumer crashes: nobody will know its token.
                if numbers.below(8) > 0 {
                    held.push(token.clone());
                }
                Input::Receive { token, visibility: minutes }
            }
            14..17 => Input::Ack { token: pick(&mut numbers) },
            17 => {
                let failures =
                    [FailureType::Transient, FailureType::Permanent, FailureType::Timeout];
                let failure = failures[usize::try_from(numbers.below(3)).unwrap()];
                Input::Nack { token: pick(&mut numbers), failure, error: Some("boom".into()) }
            }
            18 => Input::Release { token: pick(&mut numbers) },
            _ => Input::Recover,
        };
        let outcome = mailbox.handle(now, input);
        write!(digest, "{outcome}").unwrap();
        assert!(mailbox.depth() <= policy.queue_size());
    }
    let summary = format!(
        "{} of simulated time, depth {}, reserved {}, dead {}",
        format_args!("{:.1} h", now.since(START).as_secs_f64() / 3_600.0),
        mailbox.depth(),
        mailbox.reserved_count(),
        mailbox.dead_letters().len(),
    );
    (digest.0, summary)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "it prints how long the simulated day took")]
fn a_day_of_a_hundred_thousand_operations_is_deterministic() {
    let mut digests = Vec::new();
    for order in [Order::Arrival, Order::Payload] {
        let begun = std::time::Instant::now();
        let (digest, summary) = live_through(order, 7);
        println!("{order:?}: {OPERATIONS} operations in {:?}: {summary}", begun.elapsed());
        assert_eq!(live_through(order, 7).0, digest);
        digests.push(digest);
    }
    assert_ne!(digests[0], digests[1], "ties by arrival and by payload differ somewhere");
}
