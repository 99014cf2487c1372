//! Batches, hand-overs, dead letters, and the bound of one receive.

use std::time::Duration;

use super::script::{START, message, token};
use crate::dead_letters::DeadSelection;
use crate::mailbox::{Dead, ForwardOutcome, Mailbox, Order, SWEEP_LIMIT, Send, forward};
use crate::{
    FailureType, MailboxPolicy, MessagePriority, Page, ReservationToken, SendOptions, SendOutcome,
    SendRefusal,
};

const LONG: Duration = Duration::from_secs(60);

fn filled(policy: MailboxPolicy, count: usize) -> Mailbox {
    let mut mailbox = Mailbox::new(policy, Order::Arrival).unwrap();
    for number in 0..count {
        let queued = message(&number.to_string(), MessagePriority::Normal);
        assert_eq!(mailbox.send(START, Send::new(queued)), SendOutcome::Accepted);
    }
    mailbox
}

fn killed(mailbox: &mut Mailbox, count: u64) {
    for bits in 0..count {
        let token = ReservationToken::from_bits(bits);
        mailbox.receive(START, token.clone(), LONG).unwrap();
        mailbox.nack(START, &token, FailureType::Permanent, Some("no")).unwrap();
    }
}

#[test]
fn a_bad_policy_is_refused_and_the_old_one_stays() {
    let bad = MailboxPolicy::new().with_queue_size(0);
    assert_eq!(Mailbox::new(bad, Order::Arrival).unwrap_err().field(), "queue_size");
    let mut mailbox = filled(MailboxPolicy::new().with_queue_size(1), 1);
    assert_eq!(mailbox.configure(bad).unwrap_err().field(), "queue_size");
    let refused = mailbox.send(START, Send::new(message("1", MessagePriority::Low)));
    let full = SendRefusal::QueueFull { depth: 1, limit: 1 };
    assert_eq!(refused, SendOutcome::Refused(full));
}

#[test]
fn batches_answer_one_by_one() {
    let mut mailbox = filled(MailboxPolicy::new().with_queue_size(3), 1);
    let batch = (1..4).map(|n| Send::new(message(&n.to_string(), MessagePriority::Normal)));
    let outcomes = mailbox.send_batch(START, batch.collect());
    assert_eq!(outcomes[..2], [SendOutcome::Accepted; 2]);
    assert!(matches!(outcomes[2], SendOutcome::Refused(_)));

    let tokens: Vec<_> = (0..5).map(ReservationToken::from_bits).collect();
    let received = mailbox.receive_batch(START, tokens.clone(), LONG);
    let fences: Vec<_> = received.iter().map(|it| it.fence).collect();
    assert_eq!(fences, [1, 2, 3]);
    assert_eq!(mailbox.ack_batch(START, &tokens), [true, true, true, false, false]);
    assert_eq!(mailbox.depth(), 0);
}

#[test]
fn a_hand_over_does_both_or_neither() {
    let mut from = filled(MailboxPolicy::new(), 2);
    let mut to = filled(MailboxPolicy::new().with_queue_size(1), 0);
    let send = || Send::new(message("9", MessagePriority::High));
    let [first, second] = [token("1"), token("2")];
    for token in [&first, &second] {
        from.receive(START, token.clone(), LONG).unwrap();
    }
    let done = forward(START, &mut from, &first, &mut to, send());
    assert_eq!(done, ForwardOutcome::Sent(SendOutcome::Accepted));
    assert_eq!((from.depth(), to.depth()), (1, 1));

    assert_eq!(forward(START, &mut from, &first, &mut to, send()), ForwardOutcome::ReservationLost);
    let full = forward(START, &mut from, &second, &mut to, send());
    assert!(matches!(full, ForwardOutcome::Sent(SendOutcome::Refused(_))));
    assert_eq!((from.reserved_count(), to.depth()), (1, 1));

    to.receive(START, token("3"), LONG).unwrap();
    assert!(to.ack(START, &token("3")));
    let once = SendOptions::new().with_dedup_window(LONG);
    assert_eq!(to.send(START, send().with_options(once)), SendOutcome::Accepted);
    let again = forward(START, &mut from, &second, &mut to, send().with_options(once));
    assert_eq!(again, ForwardOutcome::Sent(SendOutcome::Duplicate));
    assert_eq!((from.depth(), to.depth()), (0, 1));
}

#[test]
fn redriven_messages_start_afresh_and_only_where_there_is_room() {
    let mut mailbox = filled(MailboxPolicy::new().with_queue_size(5), 5);
    killed(&mut mailbox, 4);
    let ids = |mailbox: &Mailbox| -> Vec<String> {
        let id = |dead: &Dead| dead.queue_message.message.message_id.to_string();
        mailbox.dead_letters().map(id).collect()
    };
    assert_eq!(ids(&mailbox), ["msg-0000", "msg-0001", "msg-0002", "msg-0003"]);
    let second = DeadSelection::ids(vec![message("1", MessagePriority::Low).message.message_id]);
    assert_eq!(mailbox.redrive(START, &second, 10), 1);
    assert_eq!(mailbox.redrive(START, &second, 10), 0);
    assert_eq!(mailbox.redrive(START, &DeadSelection::all(), 2), 2);
    assert_eq!(ids(&mailbox), ["msg-0003"]);
    assert_eq!(mailbox.depth(), 4);
    mailbox.send(START, Send::new(message("8", MessagePriority::Low)));
    assert_eq!(mailbox.redrive(START, &DeadSelection::all(), 2), 0);
    assert_eq!(mailbox.purge(START, &second), 0);
    assert_eq!(mailbox.purge(START, &DeadSelection::all()), 1);
    assert!(mailbox.dead_page(Page::default()).is_empty());
    for peeked in mailbox.peek(START, Page::default()) {
        assert_eq!(peeked.queue_message.delivery_attempts, 0);
    }
}

#[test]
fn one_receive_works_off_a_bounded_number_of_timers() {
    let many = SWEEP_LIMIT as u64 + 50;
    let mut mailbox = filled(MailboxPolicy::new(), SWEEP_LIMIT + 50);
    let tokens = (0..many).map(ReservationToken::from_bits).collect();
    assert_eq!(mailbox.receive_batch(START, tokens, Duration::ZERO).len() as u64, many);
    mailbox.receive(START, token("999"), LONG).unwrap();
    assert_eq!(mailbox.reserved_count(), 50 + 1);
    mailbox.receive(START, token("998"), LONG).unwrap();
    assert_eq!(mailbox.reserved_count(), 2);
}
