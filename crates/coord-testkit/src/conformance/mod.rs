//! One suite of facts that every [`MessageCoordinator`](coord_core::MessageCoordinator) must show.
//!
//! A fact is an async function that takes a [`Backend`], asks it for one coordinator with a
//! policy of its choice, and panics if the promise it is named after does not hold. Facts lie in
//! one module per verb. [`conformance_suite!`](crate::conformance_suite) makes one test of each:
//!
//! ```
//! mod my_adapter {
//!     use coord_core::mailbox::Order;
//!     use coord_testkit::conformance::InMemoryBackend;
//!
//!     /// Called once per fact: a backend that nobody else uses, or `None` to skip the fact.
//!     async fn backend() -> Option<InMemoryBackend> {
//!         Some(InMemoryBackend::new(Order::Arrival))
//!     }
//!
//!     coord_testkit::conformance_suite!(backend);
//! }
//!
//! // A single fact can be called by hand.
//! # use coord_core::mailbox::Order;
//! # use coord_testkit::conformance::InMemoryBackend;
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let backend = InMemoryBackend::new(Order::Payload);
//! coord_testkit::conformance::send::message_arrives_as_sent(&backend).await;
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Time
//! On a real server the facts wait for real. What must fall due takes [`TICK`], and nothing is
//! asserted to be *not yet* due unless it is [`FAR`] away, so that a slow machine makes the suite
//! slow, never red.
//!
//! # What an adapter may lack
//! A send option that it refuses as `Unsupported`, with nothing written, counts as kept. The
//! other verbs are needed, also those with a default body in the port, but for `forward`. What only [`Backend::inject_raw`] or
//! [`Backend::subscriptions`] can show is not looked at where they are missing.

mod backend;
mod stage;

pub mod acceptance;
pub mod ack;
pub mod batch;
pub mod broadcast;
pub mod cancel;
pub mod cancel_safety;
pub mod capacity;
pub mod dead_letters;
pub mod dedup;
pub mod delay;
pub mod expiry;
pub mod extend;
pub mod forward;
pub mod metrics;
pub mod nack;
pub mod order;
pub mod pause;
pub mod peek;
pub mod poison;
pub mod policy;
pub mod publish;
pub mod purge;
pub mod receipts;
pub mod receive;
pub mod reconcile;
pub mod recover;
pub mod redrive;
pub mod release;
pub mod send;
pub mod subscribe;
pub mod wait;
pub mod why;

pub use backend::{Backend, InMemoryBackend};

use std::time::Duration;

/// What facts wait for.
pub const TICK: Duration = Duration::from_millis(20);

/// What facts never wait for.
pub const FAR: Duration = Duration::from_secs(3_600);

/// Makes one `#[tokio::test]` of every fact of [`conformance`](crate::conformance).
///
/// The argument is something that, called without arguments, gives a future of
/// `Option<impl Backend>`; `None` skips the fact and says so on standard error. It is called
/// once per fact. The tests lie in one module per verb; to run the suite for several backends,
/// put each call into a module of its own. The crate needs tokio with `macros`, `rt` and `time`.
#[macro_export]
macro_rules! conformance_suite {
    ($backend:expr) => {
        $crate::__conformance_tests! { $backend;
            acceptance: [
                priority_order_and_fifo, retry_with_backoff_and_limits, visibility_and_recovery,
                overflow_is_graceful, metrics_count, recovery_of_all_mailboxes,
                broadcast_reaches_each,
            ];
            ack: [
                removes_the_message, twice_is_lost, late_ack_succeeds, lost_after_taken_back,
                other_mailbox_is_not_touched, unknown_token_is_lost, parsed_token_works,
                one_of_many_wins, makes_room, invalid_agent_is_refused,
            ];
            batch: [
                sends_answer_in_order, send_options_are_each_ones_own, of_nothing_is_fine,
                receives_in_order_up_to_its_bound, acks_answer_in_order,
                ack_and_receive_does_both, refuses_bad_input,
            ];
            broadcast: [
                results_are_in_order, a_full_mailbox_does_not_stop_the_others,
                keeps_the_original_recipient, an_invalid_recipient_does_not_stop_the_others,
                options_hold_for_each, nobody_is_fine,
            ];
            cancel_safety: [dropped_sends_are_whole_or_nothing, dropped_receives_lose_nothing,
                dropped_nacks_lose_nothing];
            cancel: [
                removes_what_waits, removes_what_would_expire, tells_the_holder,
                holds_after_it_is_given_back, of_nothing_is_told, finds_one_of_many,
                notes_reach_the_holder, notes_end_with_the_reservation, notes_are_few_and_short,
                refuses_invalid_agents,
            ];
            capacity: [keeps_places_for_the_urgent, keeps_places_inside_a_batch,
                a_sender_has_its_quota, a_quota_counts_the_unsettled];
            dead_letters: [
                are_oldest_first_in_pages, keep_attempts_and_error, are_found_by_conditions,
                are_found_by_time, unreadable_ones_are_counted_apart, are_not_served, make_room,
                a_limit_drops_the_oldest, a_limit_holds_for_the_expired,
                a_limit_holds_for_the_unreadable, a_lowered_limit_is_reached_in_steps,
                none_is_empty,
            ];
            dedup: [inside_the_window, after_the_window, per_mailbox, without_window_twice_is_two,
                refused_send_opens_no_window];
            delay: [is_not_served_early, ends, keeps_its_level, zero_is_at_once,
                counts_against_capacity];
            expiry: [drops_what_nobody_took, is_served_before, spares_what_is_reserved,
                nack_after_it_drops, holds_after_a_nack, makes_room];
            extend: [counts_from_now, keeps_the_message, may_shorten, late_extend_succeeds,
                lost_token, refuses_too_long];
            forward: [
                settles_here_and_sends_there, lost_token_sends_nothing,
                refusal_keeps_the_reservation, works_inside_one_mailbox, duplicate_settles,
                refuses_bad_recipients, carries_the_way_on, ends_at_the_hop_limit,
                ends_a_ping_pong,
            ];
            metrics: [count_sends, count_nacks, a_lost_nack_counts_nothing];
            nack: [
                transient_comes_back, timeout_is_as_transient, permanent_is_dead,
                dead_after_the_retries, no_retries_at_all, backoff_doubles_to_its_cap,
                backoff_saturates, waits_for_its_backoff, error_is_kept_and_overwritten,
                long_error_is_cut, keeps_its_level_and_lets_others_by, goes_behind_the_ready,
                keeps_every_byte, late_nack_succeeds, lost_token,
            ];
            order: [high_then_normal_then_low, fifo_inside_a_level, fifo_whatever_the_ids,
                guard_serves_low, guard_is_off_by_default];
            pause: [
                holds_back, spares_what_is_reserved, waiters_wake_when_it_ends, is_of_one_mailbox,
                a_rate_lets_a_burst_through, a_rate_goes_on, a_rate_outlives_a_pause,
                a_rate_counts_what_is_handed_over, refuses_invalid_agents,
            ];
            peek: [is_in_serving_order, does_not_touch, pages, unused_is_empty, counts_every_place,
                lists_mailboxes, refuses_invalid_agents];
            poison: [goes_to_the_dead_letters, does_not_block, foreign_messages_are_read,
                foreign_attempts_count, unknown_fields_survive_a_nack];
            policy: [refuses_bad_fields, holds_for_later_operations];
            publish: [
                reaches_every_subscriber, of_another_type_reaches_nobody, nobody_is_fine,
                filters_by_topic, filters_by_tags, several_handles_get_one_copy,
                closed_ones_are_passed_over, left_ones_are_reached,
                a_full_mailbox_does_not_stop_the_others, the_sender_may_be_among_them,
                keeps_the_message, refuses_bad_input,
            ];
            purge: [takes_the_dead_only, only_the_named, only_what_fits, takes_the_unreadable,
                unused_is_nothing];
            receipts: [
                tell_of_each_recipient, are_left_by_every_settling, survive_retries_and_death,
                tell_the_expired_from_the_settled, are_left_only_if_asked_for,
                waiting_ends_with_the_quorum, waiting_ends_with_its_time, of_nothing_are_gone,
                refuse_bad_input,
            ];
            receive: [
                empty_gives_none, hides_what_is_reserved, deadline_is_from_now, fence_grows,
                tokens_are_new, takes_expired_back, expiry_counts_an_attempt,
                expiry_ends_in_the_dead_letters, attempts_are_kept_if_asked,
                consumers_never_share, refuses_bad_input, default_instance_is_one_mailbox,
            ];
            reconcile: [leaves_the_healthy, what_is_settled_stays_so, unused_is_nothing,
                refuses_bad_input];
            recover: [counts_what_expired, leaves_the_living, of_all_mailboxes, of_one_mailbox,
                old_token_is_lost, keeps_the_level, unused_is_nothing, refuses_invalid_agents];
            redrive: [
                starts_afresh, oldest_first_up_to_the_limit, only_the_named, only_what_fits,
                paced_takes_the_same, paced_stops_when_dropped, only_while_there_is_room,
                leaves_the_unreadable, unused_is_nothing,
            ];
            release: [is_back_at_once, counts_no_attempt, keeps_the_level, lost_token];
            send: [
                message_arrives_as_sent, fills_times, keeps_a_given_timestamp, odd_json_survives,
                unknown_fields_survive, headers_travel, full_mailbox_refuses,
                reserved_counts_against_capacity, capacity_is_per_mailbox,
                many_senders_never_overfill, ids_are_new_and_ascending, refuses_bad_recipients,
                refuses_bad_options,
            ];
            subscribe: [
                names_each_type_once, close_removes, drop_removes, leave_keeps,
                handles_are_counted, left_outlives_the_held, refuses_invalid_agents,
            ];
            wait: [
                takes_what_is_there, zero_does_not_wait, a_send_wakes, a_large_message_wakes,
                settling_wakes, a_delay_that_ends_wakes, a_retry_wakes,
                an_expired_reservation_wakes, ends_with_its_time, each_message_wakes_one,
                other_mailboxes_do_not_wake, dropped_waits_keep_nothing, refuses_bad_input,
            ];
            why: [follows_a_message, finds_the_dead, tells_of_a_cancellation, tells_the_expiry,
                of_nothing_is_none, refuses_invalid_agents];
        }
    };
}

/// The expansion of [`conformance_suite!`](crate::conformance_suite).
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($backend:expr; $($verb:ident: [$($fact:ident),* $(,)?];)*) => {
        async fn conformance_backend() -> Option<impl $crate::conformance::Backend> {
            ($backend)().await
        }

        $(mod $verb {
            $(#[::tokio::test]
            async fn $fact() {
                match super::conformance_backend().await {
                    Some(backend) => $crate::conformance::$verb::$fact(&backend).await,
                    None => eprintln!("skipped: {}", module_path!()),
                }
            })*
        })*
    };
}

#[cfg(test)]
mod tests;
