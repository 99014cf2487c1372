//! Mocks of the small ports: counters, handles, agents with a state.

use std::time::Duration;

use async_trait::async_trait;
use coord_core::registry::{RunningTask, StatefulAgent};
use coord_core::{BackendError, InvalidInput, MessageMetrics, Payload, SubscriptionCloser};

pub use mocks::{MockCloser, MockMetrics, MockRunningTask, MockStatefulAgent};

#[allow(missing_docs, reason = "the macro writes methods of its own")]
mod mocks {
    use super::*;

    mockall::mock! {
        /// Counters that expect to be told of what a coordinator does.
        #[derive(Debug)]
        pub Metrics {}

        impl MessageMetrics for Metrics {
            fn sent(&self, delivered: bool);
            fn nacked(&self);
            fn retry_scheduled(&self, backoff: Duration);
            fn permanent_failure(&self);
            fn dead_dropped(&self, messages: u64);
        }
    }

    mockall::mock! {
        /// What a subscription's handle calls when it is closed, left or dropped.
        #[derive(Debug)]
        pub Closer {}

        #[async_trait]
        impl SubscriptionCloser for Closer {
            async fn close(&self) -> Result<(), BackendError>;
            async fn leave(&self) -> Result<(), BackendError>;
            fn close_in_background(self: Box<Self>);
        }
    }

    mockall::mock! {
        /// A task that expects to be ended.
        #[derive(Debug)]
        pub RunningTask {}

        impl RunningTask for RunningTask {
            fn abort(&self);
        }
    }

    mockall::mock! {
        /// An agent whose state is asked for and given back.
        #[derive(Debug)]
        pub StatefulAgent {}

        impl StatefulAgent for StatefulAgent {
            fn export_state(&self) -> Payload;
            fn import_state(&mut self, state: &Payload) -> Result<(), InvalidInput>;
        }
    }
}
