//! The tower layer.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use coord_resilience::tower::CircuitBreakerLayer;
use coord_resilience::{CallError, CircuitBreakerConfig, Outcome, State};
use tower_layer::Layer;
use tower_service::Service;

use crate::support::breaker;

#[derive(Clone)]
struct Server;

impl Service<u16> for Server {
    type Response = u16;
    type Error = &'static str;
    type Future = Ready<Result<u16, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, status: u16) -> Self::Future {
        ready(if status == 0 { Err("refused") } else { Ok(status) })
    }
}

#[tokio::test]
async fn requests_go_through_the_breaker() {
    let (b, _) = breaker(CircuitBreakerConfig::new().with_failure_threshold(2));
    let judge = |result: &Result<u16, &'static str>| match result {
        Ok(500..) | Err(_) => Outcome::FAILURE,
        Ok(_) => Outcome::Success,
    };
    let mut service = CircuitBreakerLayer::new(b.clone()).with_classifier(judge).layer(Server);
    assert_eq!(service.call(200).await, Ok(200));
    assert_eq!(service.call(503).await, Ok(503));
    assert_eq!(service.call(0).await, Err(CallError::Inner("refused")));
    assert_eq!(b.state(), State::Open);
    assert!(matches!(service.call(200).await, Err(CallError::Rejected(_))));
}

#[tokio::test]
async fn the_default_judges_by_the_result() {
    let (b, _) = breaker(CircuitBreakerConfig::new().with_failure_threshold(1));
    let mut service = CircuitBreakerLayer::new(b.clone()).layer(Server);
    assert_eq!(service.call(503).await, Ok(503));
    assert_eq!(b.state(), State::Closed);
    assert!(service.call(0).await.is_err());
    assert_eq!(b.state(), State::Open);
}
