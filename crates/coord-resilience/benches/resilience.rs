//! The cost of a call: `cargo bench -p coord-resilience`.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use coord_resilience::breaker::{Rates, WindowConfig};
use coord_resilience::{CircuitBreaker, CircuitBreakerConfig, Retry, RetryBudget, RetryPolicy};
use divan::Bencher;

fn main() {
    divan::main();
}

fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the operation is ready at once"),
    }
}

fn closed() -> CircuitBreaker {
    CircuitBreaker::new("bench", CircuitBreakerConfig::new()).expect("valid")
}

fn windowed(window: WindowConfig) -> CircuitBreaker {
    let config = CircuitBreakerConfig::new().with_window(window);
    CircuitBreaker::new("bench", config).expect("valid")
}

#[divan::bench(threads = [1, 8])]
fn closed_call_async(bencher: Bencher) {
    let b = closed();
    bencher.bench(|| ready(b.call(|| async { Ok::<u64, ()>(black_box(1)) })));
}

#[divan::bench(threads = [1, 8])]
fn closed_call_blocking(bencher: Bencher) {
    let b = closed();
    bencher.bench(|| b.call_blocking(|| Ok::<u64, ()>(black_box(1))));
}

#[divan::bench(threads = [1, 8])]
fn closed_permit(bencher: Bencher) {
    let b = closed();
    bencher.bench(|| b.try_acquire().map(|permit| permit.success()));
}

#[divan::bench(threads = [1, 8])]
fn closed_call_count_window(bencher: Bencher) {
    let b = windowed(WindowConfig::Count { size: 100, rates: Rates::new() });
    bencher.bench(|| b.call_blocking(|| Ok::<u64, ()>(black_box(1))));
}

#[divan::bench(threads = [1, 8])]
fn closed_call_time_window(bencher: Bencher) {
    let span = Duration::from_secs(10);
    let b = windowed(WindowConfig::Time { span, rates: Rates::new() });
    bencher.bench(|| b.call_blocking(|| Ok::<u64, ()>(black_box(1))));
}

/// Every tenth call fails and goes through the lock.
#[divan::bench(threads = [1, 8])]
fn closed_call_count_window_tenth_fails(bencher: Bencher) {
    let b = windowed(WindowConfig::Count { size: 100, rates: Rates::new() });
    bencher.bench(|| {
        for i in 0..10 {
            let _ = b.call_blocking(|| if black_box(i) == 0 { Err(()) } else { Ok(()) });
        }
    });
}

#[divan::bench(threads = [1, 8])]
fn open_rejection(bencher: Bencher) {
    let b = closed();
    for _ in 0..5 {
        let _ = b.call_blocking(|| Err::<(), ()>(()));
    }
    bencher.bench(|| b.call_blocking(|| Ok::<u64, ()>(black_box(1))));
}

#[divan::bench]
fn retry_first_try_async(bencher: Bencher) {
    let retry = Retry::new(RetryPolicy::new()).expect("valid");
    bencher.bench(|| ready(retry.run(|_| async { Ok::<u64, ()>(black_box(1)) })));
}

#[divan::bench]
fn retry_first_try_blocking(bencher: Bencher) {
    let retry = Retry::blocking(RetryPolicy::new()).expect("valid");
    bencher.bench(|| retry.run_blocking(|_| Ok::<u64, ()>(black_box(1))));
}

#[divan::bench]
fn retry_first_try_blocking_with_all(bencher: Bencher) {
    let policy = RetryPolicy::new().with_deadline(Duration::from_secs(5));
    let retry = Retry::blocking(policy).expect("valid");
    let retry = retry.with_budget(RetryBudget::new()).with_breaker(closed());
    bencher.bench(|| retry.run_blocking(|_| Ok::<u64, ()>(black_box(1))));
}
