//! What a call costs. Medians of short batches, all contenders in turn in every round, so that
//! a busy machine disturbs them alike.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use backon::{BlockingRetryable, Retryable};
use coord_resilience::breaker::{Rates, WindowConfig};
use coord_resilience::{CircuitBreaker, CircuitBreakerConfig, Retry, RetryPolicy};
use failsafe::CircuitBreaker as _;
use tower::Service;
use tower_resilience_circuitbreaker::{CircuitBreakerLayer, SlidingWindowType};

type Contender<'a> = (&'static str, Box<dyn Fn(u32) + Sync + 'a>);

/// Wraps a call into a loop, so that the indirection is paid once per batch.
fn batch<'a>(name: &'static str, call: impl Fn() + Sync + 'a) -> Contender<'a> {
    (name, Box::new(move |n| (0..n).for_each(|_| call())))
}

pub fn run() {
    breakers(1);
    breakers(8);
    rejections(1);
    rejections(8);
    retries();
}

fn breakers(threads: usize) {
    let ours = CircuitBreaker::new("b", CircuitBreakerConfig::new()).expect("valid");
    let rates = Rates::new();
    let config = |window| CircuitBreakerConfig::new().with_window(window);
    let count = config(WindowConfig::Count { size: 100, rates });
    let count = CircuitBreaker::new("b", count).expect("valid");
    let time = config(WindowConfig::Time { span: Duration::from_secs(10), rates });
    let time = CircuitBreaker::new("b", time).expect("valid");
    let recloser = recloser::Recloser::custom().build();
    let failsafe = failsafe::Config::new().build();
    let tower_count = CircuitBreakerLayer::builder().sliding_window_size(100).build();
    let tower_time = CircuitBreakerLayer::builder()
        .sliding_window_type(SlidingWindowType::TimeBased)
        .sliding_window_duration(Duration::from_secs(10))
        .build();
    let tower = [tower_count, tower_time].map(|layer| {
        let ok = tower::service_fn(|(): ()| async { Ok::<u64, ()>(black_box(1)) });
        layer.expect("valid").layer_fn(ok)
    });
    let through = |index: usize| {
        let service = &tower[index];
        move |n: u32| {
            let mut service = service.clone();
            for _ in 0..n {
                // It waits for a lock where threads meet.
                let _ = black_box(blocking(service.call(())).is_ok());
            }
        }
    };
    let op = || Ok::<u64, ()>(black_box(1));
    let mut contenders: Vec<Contender<'_>> = vec![
        batch("ours, blocking", || keep(ours.call_blocking(op))),
        batch("ours, async", || keep(ready(ours.call(|| async { op() })))),
        batch("ours, permit", || ours.try_acquire().expect("closed").success()),
        batch("ours, count window", || keep(count.call_blocking(op))),
        batch("ours, time window", || keep(time.call_blocking(op))),
        batch("recloser", || keep(recloser.call(op))),
        batch("failsafe", || keep(failsafe.call(op))),
        ("tower-resilience, count", Box::new(through(0))),
    ];
    if threads == 1 {
        // Its cost grows with every call in the window; with threads it would take minutes.
        contenders.push(("tower-resilience, time", Box::new(through(1))));
    }
    let s = if threads == 1 { "" } else { "s" };
    println!("CLOSED, a call that succeeds, {threads} thread{s}, ns per call (median, fastest)");
    compare(&contenders, threads);
}

fn rejections(threads: usize) {
    let ours = CircuitBreaker::new("b", CircuitBreakerConfig::new()).expect("valid");
    let recloser = recloser::Recloser::custom().closed_len(4).build();
    let backoff = failsafe::backoff::constant(Duration::from_secs(60));
    let policy = failsafe::failure_policy::consecutive_failures(3, backoff);
    let failsafe = failsafe::Config::new().failure_policy(policy).build();
    for _ in 0..20 {
        let _ = ours.call_blocking(|| Err::<(), ()>(()));
        let _ = recloser.call(|| Err::<(), ()>(()));
        let _ = failsafe.call(|| Err::<(), ()>(()));
    }
    let op = || Ok::<u64, ()>(1);
    let contenders = vec![
        batch("ours", || keep(ours.call_blocking(op))),
        batch("recloser", || keep(recloser.call(op))),
        batch("failsafe", || keep(failsafe.call(op))),
    ];
    let s = if threads == 1 { "" } else { "s" };
    println!(
        "OPEN, a rejected call, {threads} thread{s}, ns per call (median, fastest); only ours says when to come again"
    );
    compare(&contenders, threads);
}

fn retries() {
    let ours = Retry::new(RetryPolicy::new()).expect("valid");
    let blocking = Retry::blocking(RetryPolicy::new()).expect("valid");
    let op = || Ok::<u64, ()>(black_box(1));
    let delays = || [Duration::from_secs(1); 3].into_iter();
    let contenders = vec![
        batch("ours, async", || keep(ready(ours.run(|_| async { op() })))),
        batch("backon, async", || {
            let call = (|| async { op() }).retry(backon::ExponentialBuilder::new());
            let _ = black_box(ready(call.into_future()));
        }),
        batch("tokio-retry2, async", || {
            let action = || async { op().map_err(tokio_retry2::RetryError::transient) };
            let _ = black_box(ready(tokio_retry2::Retry::spawn(delays(), action)));
        }),
        batch("ours, blocking", || keep(blocking.run_blocking(|_| op()))),
        batch("backon, blocking", || {
            let _ = black_box(op.retry(backon::ExponentialBuilder::new()).call());
        }),
    ];
    println!("Retry, success at the first try, 1 thread, ns per call (median, fastest)");
    compare(&contenders, 1);
}

/// Runs all contenders in turn, `ROUNDS` times, and prints their medians.
fn compare(contenders: &[Contender<'_>], threads: usize) {
    let mut samples = vec![Vec::new(); contenders.len()];
    let rounds = if threads == 1 { 400 } else { 15 };
    for first in 0..rounds {
        // Another one begins each time.
        for i in 0..contenders.len() {
            let i = (first + i) % contenders.len();
            samples[i].push(round(&contenders[i].1, threads));
        }
    }
    for ((name, _), mut samples) in contenders.iter().zip(samples) {
        samples.sort_by(f64::total_cmp);
        let (median, fastest) = (samples[samples.len() / 2], samples[0]);
        println!("    {name:<26} {median:>9.1} {fastest:>9.1}");
    }
    println!();
}

/// Wall nanoseconds per call and thread.
fn round(call: &(dyn Fn(u32) + Sync), threads: usize) -> f64 {
    if threads == 1 {
        // Shorter than a time slice, so that most batches run undisturbed.
        call(50);
        let begin = Instant::now();
        call(500);
        return begin.elapsed().as_nanos() as f64 / 500.0;
    }
    let barrier = Barrier::new(threads + 1);
    let each = 20_000;
    let begin = std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                barrier.wait();
                call(each);
            });
        }
        let begin = Instant::now();
        barrier.wait();
        begin
    });
    begin.elapsed().as_nanos() as f64 / f64::from(each)
}

/// Runs a future on this thread, parked where it waits.
fn blocking<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return value;
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        std::thread::park();
    }
}

/// The value of a future that is ready at once.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("ready at once"),
    }
}

/// Keeps the compiler from leaving a value out.
fn keep<T>(value: T) {
    black_box(value);
}
