//! One suite of facts that every [`AgentRegistry`](coord_core::registry::AgentRegistry) must show.
//!
//! As [`conformance`](crate::conformance) for mailboxes: a fact is an async function that takes a
//! [`RegistryBackend`] and panics if the promise it is named after does not hold, and
//! [`registry_conformance_suite!`](crate::registry_conformance_suite) makes one test of each. On
//! a real server the facts wait for real; nothing is asserted to be *not yet* over unless it is
//! an hour away.

mod backend;
mod stage;

pub mod capabilities;
pub mod deregister;
pub mod events;
pub mod heartbeat;
pub mod liveness;
pub mod register;

pub use backend::{InMemoryRegistryBackend, RegistryBackend};

/// Makes one `#[tokio::test]` of every fact of
/// [`conformance_registry`](crate::conformance_registry).
///
/// The argument is something that, called without arguments, gives a future of
/// `Option<impl RegistryBackend>`; `None` skips the fact and says so on standard error.
#[macro_export]
macro_rules! registry_conformance_suite {
    ($backend:expr) => {
        $crate::__registry_conformance_tests! { $backend;
            capabilities: [are_found_by_name, are_found_by_kind, are_found_by_similar_names, need_a_registration, are_replaced,
                follow_beats, come_back_with_a_beat, of_the_draining_are_left_out, go_with_the_agent,
                picking_leaves_out];
            deregister: [removes, of_nobody_is_false, refuses_late_beats, of_a_successor_is_refused];
            events: [tell_a_life_in_order, counters_alone_are_none, gap_after_a_restart,
                overrun_is_a_gap, watch_starts_with_a_snapshot];
            heartbeat: [keeps_alive, restores_a_lost_record, of_a_zombie_is_refused,
                many_at_once, handle_tells, stops_with_its_handle];
            liveness: [suspect_after_two_intervals, suspect_recovers, dead_after_its_time,
                mass_loss_kills_nobody_at_once, drains];
            register: [shows_everything, numbers_grow, takes_over, keeps_the_state,
                restores_state_first, refuses_bad_input, default_instance_is_one_agent];
        }
    };
}

/// The expansion of [`registry_conformance_suite!`](crate::registry_conformance_suite).
#[doc(hidden)]
#[macro_export]
macro_rules! __registry_conformance_tests {
    ($backend:expr; $($verb:ident: [$($fact:ident),* $(,)?];)*) => {
        async fn registry_backend() -> Option<impl $crate::conformance_registry::RegistryBackend> {
            ($backend)().await
        }

        $(mod $verb {
            $(#[::tokio::test]
            async fn $fact() {
                match super::registry_backend().await {
                    Some(backend) => $crate::conformance_registry::$verb::$fact(&backend).await,
                    None => eprintln!("skipped: {}", module_path!()),
                }
            })*
        })*
    };
}

#[cfg(test)]
mod tests {
    async fn backend() -> Option<super::InMemoryRegistryBackend> {
        Some(super::InMemoryRegistryBackend::new())
    }

    crate::registry_conformance_suite!(backend);
}
