//! The suite on the coordinator in memory.

mod arrival {
    use coord_core::mailbox::Order;
    use coord_testkit::conformance::InMemoryBackend;

    async fn backend() -> Option<InMemoryBackend> {
        Some(InMemoryBackend::new(Order::Arrival))
    }

    coord_testkit::conformance_suite!(backend);
}

mod payload {
    use coord_core::mailbox::Order;
    use coord_testkit::conformance::InMemoryBackend;

    async fn backend() -> Option<InMemoryBackend> {
        Some(InMemoryBackend::new(Order::Payload))
    }

    coord_testkit::conformance_suite!(backend);
}
