//! A tower [`Layer`] and [`Service`] around a breaker (feature `tower`).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use crate::breaker::{CallError, CircuitBreaker, Outcome};

/// Sends every request of a service through a breaker.
///
/// Readiness is the inner service's; an open breaker rejects in `call`, so that a load balancer
/// above sees an error and not an endless wait.
#[derive(Clone, Debug)]
pub struct CircuitBreakerLayer<C = Results> {
    breaker: CircuitBreaker,
    classify: C,
}

/// Counts `Ok` as success and `Err` as failure.
#[derive(Clone, Copy, Debug)]
pub struct Results;

/// How responses are judged; a closure in an `Arc`, or [`Results`].
pub trait ClassifyResponse<T, E>: Clone {
    /// What a finished request means.
    fn classify(&self, result: &Result<T, E>) -> Outcome;
}

impl<T, E> ClassifyResponse<T, E> for Results {
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        Outcome::of(result)
    }
}

impl<T, E, F: Fn(&Result<T, E>) -> Outcome + ?Sized> ClassifyResponse<T, E> for Arc<F> {
    fn classify(&self, result: &Result<T, E>) -> Outcome {
        self(result)
    }
}

impl CircuitBreakerLayer {
    /// A layer over this breaker.
    #[must_use]
    pub const fn new(breaker: CircuitBreaker) -> Self {
        Self { breaker, classify: Results }
    }
}

impl<C> CircuitBreakerLayer<C> {
    /// Judges responses with `classify`, e.g. server errors in an `Ok` as failures.
    #[must_use]
    pub fn with_classifier<F>(self, classify: F) -> CircuitBreakerLayer<Arc<F>> {
        CircuitBreakerLayer { breaker: self.breaker, classify: Arc::new(classify) }
    }
}

impl<S, C: Clone> Layer<S> for CircuitBreakerLayer<C> {
    type Service = CircuitBreakerService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        let (breaker, classify) = (self.breaker.clone(), self.classify.clone());
        CircuitBreakerService { inner, breaker, classify }
    }
}

/// A service whose requests go through a breaker; made by [`CircuitBreakerLayer`].
#[derive(Clone, Debug)]
pub struct CircuitBreakerService<S, C = Results> {
    inner: S,
    breaker: CircuitBreaker,
    classify: C,
}

impl<S, C, R> Service<R> for CircuitBreakerService<S, C>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
    C: ClassifyResponse<S::Response, S::Error> + Send + 'static,
{
    type Response = S::Response;
    type Error = CallError<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(CallError::Inner)
    }

    fn call(&mut self, request: R) -> Self::Future {
        // The permit first: a rejected request must not reach the inner service.
        let permit = match self.breaker.try_acquire_owned() {
            Ok(permit) => permit,
            Err(rejected) => return Box::pin(std::future::ready(Err(rejected.into()))),
        };
        let response = self.inner.call(request);
        let classify = self.classify.clone();
        Box::pin(async move {
            let result = response.await;
            permit.record(classify.classify(&result));
            result.map_err(CallError::Inner)
        })
    }
}
