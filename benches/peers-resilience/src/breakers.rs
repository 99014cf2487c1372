//! The breakers behind one face.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use coord_resilience::breaker::{Rates, WindowConfig};
use coord_resilience::{CircuitBreaker, CircuitBreakerConfig};
use failsafe::futures::CircuitBreaker as _;
use tower::ServiceExt;
use tower_resilience_circuitbreaker::CircuitBreakerLayer;

/// What the dependency does with a call.
#[derive(Clone)]
pub enum Job {
    Ok,
    Fail,
    Hang,
    Panic,
    /// Succeeds when told to.
    Later(Arc<tokio::sync::Notify>),
}

/// Calls that reached the dependency.
pub type Hits = Arc<AtomicU32>;

type Calling = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One breaker in front of the dependency.
pub struct Breaker {
    pub name: &'static str,
    pub hits: Hits,
    call: Box<dyn Fn(Job) -> Calling + Send + Sync>,
}

impl Breaker {
    /// Makes a call; whether it was admitted shows in the hits.
    pub fn call(&self, job: Job) -> Calling {
        (self.call)(job)
    }

    pub fn hits(&self) -> u32 {
        self.hits.load(Ordering::SeqCst)
    }
}

/// What all are set to.
#[derive(Clone, Copy)]
pub struct Settings {
    /// Calls in the window; opens at half of them failed.
    pub window: u32,
    pub open: Duration,
    /// Probes at once.
    pub probes: u32,
    pub slow: Duration,
}

async fn work(job: Job, hits: Hits) -> Result<(), ()> {
    hits.fetch_add(1, Ordering::SeqCst);
    match job {
        Job::Ok => Ok(()),
        Job::Fail => Err(()),
        Job::Hang => std::future::pending().await,
        Job::Panic => panic!("on purpose"),
        Job::Later(told) => {
            told.notified().await;
            Ok(())
        }
    }
}

/// Ours and the peers, with the same settings as far as they have them.
pub fn all(settings: Settings) -> Vec<Breaker> {
    vec![ours(settings), recloser(settings), failsafe(settings), tower_resilience(settings)]
}

fn ours(s: Settings) -> Breaker {
    let rates = Rates::new().with_minimum_calls(s.window);
    let config = CircuitBreakerConfig::new()
        .with_window(WindowConfig::Count { size: s.window, rates })
        .with_timeout(s.open)
        .with_half_open_max_calls(s.probes)
        .with_success_threshold(1)
        .with_slow_threshold(s.slow);
    let breaker = CircuitBreaker::new("ours", config).expect("valid");
    face("ours", move |job, hits| {
        let breaker = breaker.clone();
        Box::pin(async move {
            let _ = breaker.call(|| work(job, hits)).await;
        })
    })
}

fn recloser(s: Settings) -> Breaker {
    let breaker = recloser::Recloser::custom()
        .error_rate(0.5)
        .closed_len(s.window as usize)
        .half_open_len(s.probes as usize)
        .open_wait(s.open)
        .build();
    let breaker = recloser::AsyncRecloser::from(breaker);
    face("recloser 1.4", move |job, hits| {
        let call = breaker.call(work(job, hits));
        Box::pin(async move {
            let _ = call.await;
        })
    })
}

fn failsafe(s: Settings) -> Breaker {
    // It has no count window; as many failures in a row as would fill half of one.
    let backoff = failsafe::backoff::constant(s.open);
    let policy = failsafe::failure_policy::consecutive_failures(s.window.div_ceil(2), backoff);
    let breaker = failsafe::Config::new().failure_policy(policy).build();
    face("failsafe 1.3", move |job, hits| {
        let call = breaker.call(work(job, hits));
        Box::pin(async move {
            let _ = call.await;
        })
    })
}

fn tower_resilience(s: Settings) -> Breaker {
    let layer = CircuitBreakerLayer::builder()
        .failure_rate_threshold(0.5)
        .sliding_window_size(s.window as usize)
        .minimum_number_of_calls(s.window as usize)
        .wait_duration_in_open(s.open)
        .permitted_calls_in_half_open(s.probes as usize)
        .slow_call_duration_threshold(s.slow)
        .slow_call_rate_threshold(0.5)
        .build()
        .expect("valid");
    let service = layer.layer_fn(tower::service_fn(|(job, hits): (Job, Hits)| work(job, hits)));
    face("tower-resilience 0.14", move |job, hits| {
        let call = service.clone().oneshot((job, hits));
        Box::pin(async move {
            let _ = call.await;
        })
    })
}

fn face(
    name: &'static str,
    call: impl Fn(Job, Hits) -> Calling + Send + Sync + 'static,
) -> Breaker {
    let hits = Hits::default();
    let own = Arc::clone(&hits);
    Breaker { name, hits, call: Box::new(move |job| call(job, Arc::clone(&own))) }
}
