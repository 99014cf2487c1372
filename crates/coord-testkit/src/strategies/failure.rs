//! Errors: refusals, infrastructure, unknown outcomes.

use coord_core::registry::RegistryError;
use coord_core::{
    AdminError, BackendError, BackendErrorKind, InvalidInput, Poison, ReceiveError, RetryHint,
    SendError, SettleError, Unsupported,
};
use proptest::prelude::*;

use super::*;

/// Every kind of infrastructure failure.
pub fn backend_error_kinds() -> impl Strategy<Value = BackendErrorKind> {
    use BackendErrorKind::{
        Corrupt, Denied, Incompatible, OutcomeUnknown, Unavailable, Unreachable, Unsupported,
    };
    prop::sample::select(vec![
        Unreachable,
        Unavailable,
        OutcomeUnknown,
        Denied,
        Unsupported,
        Incompatible,
        Corrupt,
    ])
}

/// Every hint on trying again.
pub fn retry_hints() -> impl Strategy<Value = RetryHint> {
    use RetryHint::{AfterBackoff, Never, Now, Reconnect};
    prop::sample::select(vec![Never, Now, AfterBackoff, Reconnect])
}

/// Failures of the infrastructure, without a source.
pub fn backend_errors() -> impl Strategy<Value = BackendError> {
    (backend_error_kinds(), "[a-z ]{1,16}")
        .prop_map(|(kind, message)| BackendError::new(kind, message))
}

/// Refused input.
pub fn invalid_inputs() -> impl Strategy<Value = InvalidInput> {
    (prop::sample::select(vec!["payload", "delay", "agent id"]), "[a-z ]{1,16}")
        .prop_map(|(field, problem)| InvalidInput::new(field, problem))
}

/// What an adapter cannot do.
pub fn unsupported() -> impl Strategy<Value = Unsupported> {
    prop::sample::select(vec!["receive_wait", "receipts", "a rate limit"])
        .prop_map(|feature| Unsupported { feature, place: "on this layout" })
}

/// Reasons why a stored text cannot be read.
pub fn poisons() -> impl Strategy<Value = Poison> {
    "[a-z ]{1,16}".prop_map(Poison::new)
}

/// Every way in which a send fails.
pub fn send_errors() -> impl Strategy<Value = SendError> {
    prop_oneof![
        invalid_inputs().prop_map(SendError::from),
        unsupported().prop_map(SendError::from),
        backend_errors().prop_map(SendError::from),
    ]
}

/// Every way in which a receive fails.
pub fn receive_errors() -> impl Strategy<Value = ReceiveError> {
    prop_oneof![
        invalid_inputs().prop_map(ReceiveError::from),
        unsupported().prop_map(ReceiveError::from),
        backend_errors().prop_map(ReceiveError::from),
    ]
}

/// Every way in which settling fails.
pub fn settle_errors() -> impl Strategy<Value = SettleError> {
    prop_oneof![
        (agent_ids(), reservation_tokens()).prop_map(|(agent, token)| {
            SettleError::ReservationLost { agent: agent.to_string(), token: token.to_string() }
        }),
        invalid_inputs().prop_map(SettleError::from),
        unsupported().prop_map(SettleError::from),
        backend_errors().prop_map(SettleError::from),
    ]
}

/// Every way in which an operator's verb fails.
pub fn admin_errors() -> impl Strategy<Value = AdminError> {
    prop_oneof![
        invalid_inputs().prop_map(AdminError::from),
        unsupported().prop_map(AdminError::from),
        backend_errors().prop_map(AdminError::from),
    ]
}

/// Every way in which a registry fails.
pub fn registry_errors() -> impl Strategy<Value = RegistryError> {
    prop_oneof![
        (agent_ids(), incarnations(), 1..9u64).prop_map(|(agent, own, more)| {
            let current = coord_core::registry::Incarnation::new(own.number() + more);
            RegistryError::Superseded { agent: agent.to_string(), own, current }
        }),
        agent_ids().prop_map(|agent| RegistryError::UnknownAgent { agent: agent.to_string() }),
        invalid_inputs().prop_map(RegistryError::from),
        backend_errors().prop_map(RegistryError::from),
    ]
}
