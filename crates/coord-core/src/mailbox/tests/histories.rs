//! Told histories.

use std::num::NonZeroU32;
use std::time::Duration;

use expect_test::{Expect, expect};

use super::script::play;
use crate::mailbox::Order;
use crate::{ExpiryPolicy, MailboxPolicy};

fn check(policy: MailboxPolicy, script: &str, wanted: &Expect) {
    wanted.assert_eq(&play(policy, Order::Arrival, script));
}

const DEFAULT: MailboxPolicy = MailboxPolicy::new();

#[test]
fn a_message_is_sent_reserved_and_settled() {
    check(
        DEFAULT,
        "
        send a
        send b low
        send c high
        show
        +1s receive 1
        receive 2
        receive 3
        receive 4
        show
        ack 1
        ack 1
        ack 3
        release 2
        show
        ",
        &expect![[r#"
            0.0s    send a                           accepted
            0.0s    send b low                       accepted
            0.0s    send c high                      accepted
            0.0s    show                             ready [msg-000c msg-000a msg-000b], delayed [], reserved 0, dead []
            1.0s    receive 1                        msg-000c, failed 0 times, fence 1
            1.0s    receive 2                        msg-000a, failed 0 times, fence 2
            1.0s    receive 3                        msg-000b, failed 0 times, fence 3
            1.0s    receive 4                        nothing due
            1.0s    show                             ready [], delayed [], reserved 3, dead [], next Reservation in 30s
            1.0s    ack 1                            settled
            1.0s    ack 1                            reservation lost
            1.0s    ack 3                            settled
            1.0s    release 2                        settled
            1.0s    show                             ready [msg-000a], delayed [], reserved 0, dead []
        "#]],
    );
}

#[test]
fn a_failure_backs_off_and_ends_in_the_dead_letters() {
    check(
        DEFAULT.with_retry_attempts(3),
        "
        send a high
        send b low
        receive 1
        nack 1 transient boom one
        receive 2
        ack 2
        show
        +999ms receive 3
        +1ms receive 4
        nack 4 timeout
        +2s receive 5
        nack 5 transient boom three
        +3s receive 6
        +1s receive 7
        nack 7 transient boom four
        nack 7
        +1h show
        ",
        &expect![[r#"
            0.0s    send a high                      accepted
            0.0s    send b low                       accepted
            0.0s    receive 1                        msg-000a, failed 0 times, fence 1
            0.0s    nack 1 transient boom one        failure 1, again in 1s
            0.0s    receive 2                        msg-000b, failed 0 times, fence 2
            0.0s    ack 2                            settled
            0.0s    show                             ready [], delayed [msg-000a], reserved 0, dead [], next Delay in 1s
            1.0s    receive 3                        nothing due
            1.0s    receive 4                        msg-000a, failed 1 times, fence 3
            1.0s    nack 4 timeout                   failure 2, again in 2s
            3.0s    receive 5                        msg-000a, failed 2 times, fence 4
            3.0s    nack 5 transient boom three      failure 3, again in 4s
            6.0s    receive 6                        nothing due
            7.0s    receive 7                        msg-000a, failed 3 times, fence 5
            7.0s    nack 7 transient boom four       dead after 4 failures
            7.0s    nack 7                           reservation lost
            3607.0s show                             ready [], delayed [], reserved 0, dead [msg-000a (Exhausted: boom four)]
        "#]],
    );
}

#[test]
fn a_permanent_failure_is_dead_at_once() {
    check(
        DEFAULT,
        "
        send a
        receive 1
        nack 1 permanent no such chapter
        show
        ",
        &expect![[r#"
            0.0s    send a                           accepted
            0.0s    receive 1                        msg-000a, failed 0 times, fence 1
            0.0s    nack 1 permanent no such chapter dead after 1 failures
            0.0s    show                             ready [], delayed [], reserved 0, dead [msg-000a (Permanent: no such chapter)]
        "#]],
    );
}

#[test]
fn a_consumer_that_crashes_costs_an_attempt() {
    check(
        DEFAULT.with_retry_attempts(1),
        "
        send a
        receive 1 for 10s
        +9s receive 2
        recover
        +1s receive 3 for 10s
        ack 1
        show
        +10s recover
        recover
        show
        ",
        &expect![[r#"
            0.0s    send a                           accepted
            0.0s    receive 1 for 10s                msg-000a, failed 0 times, fence 1
            9.0s    receive 2                        nothing due
            9.0s    recover                          0 taken back
            10.0s   receive 3 for 10s                msg-000a, failed 1 times, fence 2
            10.0s   ack 1                            reservation lost
            10.0s   show                             ready [], delayed [], reserved 1, dead [], next Reservation in 10s
            20.0s   recover                          1 taken back
            20.0s   recover                          0 taken back
            20.0s   show                             ready [], delayed [], reserved 0, dead [msg-000a (Expired: visibility timeout expired)]
        "#]],
    );
}

#[test]
fn a_late_settle_succeeds_while_nobody_took_the_message_back() {
    check(
        DEFAULT,
        "
        send a
        send b
        send c
        receive 1 for 1s
        receive 2 for 1s
        receive 3 for 1s
        +1h ack 1
        extend 2 by 1m
        nack 3
        show
        recover
        ",
        &expect![[r#"
            0.0s    send a                           accepted
            0.0s    send b                           accepted
            0.0s    send c                           accepted
            0.0s    receive 1 for 1s                 msg-000a, failed 0 times, fence 1
            0.0s    receive 2 for 1s                 msg-000b, failed 0 times, fence 2
            0.0s    receive 3 for 1s                 msg-000c, failed 0 times, fence 3
            3600.0s ack 1                            settled
            3600.0s extend 2 by 1m                   reserved for 60s
            3600.0s nack 3                           failure 1, again in 1s
            3600.0s show                             ready [], delayed [msg-000c], reserved 1, dead [], next Delay in 1s
            3600.0s recover                          0 taken back
        "#]],
    );
}

#[test]
fn an_expired_reservation_may_cost_nothing() {
    check(
        DEFAULT.with_expiry(ExpiryPolicy::KeepAttempts).with_retry_attempts(0),
        "
        send a
        receive 1 for 0s
        receive 2 for 0s
        receive 3 for 0s
        show
        ",
        &expect![[r#"
            0.0s    send a                           accepted
            0.0s    receive 1 for 0s                 msg-000a, failed 0 times, fence 1
            0.0s    receive 2 for 0s                 msg-000a, failed 0 times, fence 2
            0.0s    receive 3 for 0s                 msg-000a, failed 0 times, fence 3
            0.0s    show                             ready [], delayed [], reserved 1, dead [], next Reservation in 0ns
        "#]],
    );
}

#[test]
fn an_extended_reservation_outlives_its_first_deadline() {
    check(
        DEFAULT,
        "
        send a
        receive 1 for 10s
        +5s extend 1 by 10s
        show
        +9s recover
        +1s recover
        extend 1 by 10s
        ",
        &expect![[r#"
            0.0s    send a                           accepted
            0.0s    receive 1 for 10s                msg-000a, failed 0 times, fence 1
            5.0s    extend 1 by 10s                  reserved for 10s
            5.0s    show                             ready [], delayed [], reserved 1, dead [], next Reservation in 10s
            14.0s   recover                          0 taken back
            15.0s   recover                          1 taken back
            15.0s   extend 1 by 10s                  reservation lost
        "#]],
    );
}

#[test]
fn a_full_mailbox_refuses_and_expired_messages_make_room() {
    check(
        DEFAULT.with_queue_size(3),
        "
        send a
        send b in 1h
        send c for 10s
        send d
        receive 1
        send d
        +10s show
        send d
        show
        send e
        ack 1
        send e
        ",
        &expect![[r#"
            0.0s    send a                           accepted
            0.0s    send b in 1h                     accepted
            0.0s    send c for 10s                   accepted
            0.0s    send d                           refused: queue full
            0.0s    receive 1                        msg-000a, failed 0 times, fence 1
            0.0s    send d                           refused: queue full
            10.0s   show                             ready [], delayed [msg-000b], reserved 1, dead [], next Expiry in 0ns
            10.0s   send d                           accepted
            10.0s   show                             ready [msg-000d], delayed [msg-000b], reserved 1, dead [], next Reservation in 20s
            10.0s   send e                           refused: queue full
            10.0s   ack 1                            settled
            10.0s   send e                           accepted
        "#]],
    );
}

#[test]
fn messages_end_by_their_own_wish() {
    check(
        DEFAULT,
        "
        send a for 10s
        send b for 10s
        send c in 20s for 10s
        send d for 10s
        receive 1
        receive 2
        +10s receive 3
        show
        nack 1 permanent late
        ack 2
        +10s show
        receive 4
        ",
        &expect![[r#"
            0.0s    send a for 10s                   accepted
            0.0s    send b for 10s                   accepted
            0.0s    send c in 20s for 10s            accepted
            0.0s    send d for 10s                   accepted
            0.0s    receive 1                        msg-000a, failed 0 times, fence 1
            0.0s    receive 2                        msg-000b, failed 0 times, fence 2
            10.0s   receive 3                        nothing due
            10.0s   show                             ready [], delayed [], reserved 2, dead [], next Reservation in 20s
            10.0s   nack 1 permanent late            expired
            10.0s   ack 2                            settled
            20.0s   show                             ready [], delayed [], reserved 0, dead []
            20.0s   receive 4                        nothing due
        "#]],
    );
}

#[test]
fn the_same_id_is_taken_once_inside_the_window() {
    check(
        DEFAULT,
        "
        send a once 10s
        send a once 1h
        send a
        receive 1
        ack 1
        +9s send a once 10s
        +1s send a once 10s
        show
        ",
        &expect![[r#"
            0.0s    send a once 10s                  accepted
            0.0s    send a once 1h                   duplicate
            0.0s    send a                           accepted
            0.0s    receive 1                        msg-000a, failed 0 times, fence 1
            0.0s    ack 1                            settled
            9.0s    send a once 10s                  duplicate
            10.0s   send a once 10s                  accepted
            10.0s   show                             ready [msg-000a msg-000a], delayed [], reserved 0, dead []
        "#]],
    );
}

#[test]
fn every_third_reservation_starts_from_below() {
    check(
        DEFAULT.with_low_every(NonZeroU32::new(3)),
        "
        send a high
        send b high
        send c high
        send d low
        send e low
        send f normal
        receive 1
        receive 2
        receive 3
        receive 4
        receive 5
        receive 6
        receive 7
        ",
        &expect![[r#"
            0.0s    send a high                      accepted
            0.0s    send b high                      accepted
            0.0s    send c high                      accepted
            0.0s    send d low                       accepted
            0.0s    send e low                       accepted
            0.0s    send f normal                    accepted
            0.0s    receive 1                        msg-000a, failed 0 times, fence 1
            0.0s    receive 2                        msg-000b, failed 0 times, fence 2
            0.0s    receive 3                        msg-000d, failed 0 times, fence 3
            0.0s    receive 4                        msg-000c, failed 0 times, fence 4
            0.0s    receive 5                        msg-000f, failed 0 times, fence 5
            0.0s    receive 6                        msg-000e, failed 0 times, fence 6
            0.0s    receive 7                        nothing due
        "#]],
    );
}

#[test]
fn delayed_messages_and_retries_join_their_level_when_they_fall_due() {
    check(
        DEFAULT,
        "
        send a in 10s
        send b in 5s
        send c high in 10s
        show
        +10s send d
        show
        receive 1
        receive 2
        receive 3
        receive 4
        ",
        &expect![[r#"
            0.0s    send a in 10s                    accepted
            0.0s    send b in 5s                     accepted
            0.0s    send c high in 10s               accepted
            0.0s    show                             ready [], delayed [msg-000b msg-000a msg-000c], reserved 0, dead [], next Delay in 5s
            10.0s   send d                           accepted
            10.0s   show                             ready [msg-000c msg-000b msg-000a msg-000d], delayed [], reserved 0, dead [], next Delay in 0ns
            10.0s   receive 1                        msg-000c, failed 0 times, fence 1
            10.0s   receive 2                        msg-000b, failed 0 times, fence 2
            10.0s   receive 3                        msg-000a, failed 0 times, fence 3
            10.0s   receive 4                        msg-000d, failed 0 times, fence 4
        "#]],
    );
}

#[test]
fn ties_are_ordered_by_arrival_or_by_payload() {
    let script = "
        send c
        send a
        send b
        show
    ";
    let [arrival, payload] =
        [Order::Arrival, Order::Payload].map(|order| play(DEFAULT, order, script));
    assert!(arrival.contains("ready [msg-000c msg-000a msg-000b]"), "{arrival}");
    assert!(payload.contains("ready [msg-000a msg-000b msg-000c]"), "{payload}");
}

#[test]
fn a_zero_back_off_is_ready_at_once() {
    check(
        DEFAULT.with_backoff(Duration::ZERO, 2.0, Duration::ZERO),
        "
        send a
        +1s receive 1
        nack 1
        receive 2
        nack 2
        show
        ",
        &expect![[r#"
            0.0s    send a                           accepted
            1.0s    receive 1                        msg-000a, failed 0 times, fence 1
            1.0s    nack 1                           failure 1, again in 0ns
            1.0s    receive 2                        msg-000a, failed 1 times, fence 2
            1.0s    nack 2                           failure 2, again in 0ns
            1.0s    show                             ready [msg-000a], delayed [], reserved 0, dead []
        "#]],
    );
}

#[test]
fn what_falls_due_is_shown_where_it_will_be_served() {
    for order in [Order::Arrival, Order::Payload] {
        let told = play(
            DEFAULT,
            order,
            "
            send b in 5s
            send c in 5s
            +5s send d
            send a
            show
            receive 1
            receive 2
            receive 3
            receive 4
            ",
        );
        let shown = told.split_once("ready [").unwrap().1.split_once(']').unwrap().0;
        let ids = told.lines().filter(|line| line.contains("receive"));
        let ids: Vec<_> = ids.map(|line| &line[line.find("msg-").unwrap()..][..8]).collect();
        assert_eq!(shown, ids.join(" "), "{order:?}");
    }
}
