//! F9: cap and deadline of retries.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, BlockingRetryable};
use coord_resilience::{Backoff, Retry, RetryPolicy};

/// Runs the probes; whether ours passed.
pub fn run() -> bool {
    println!("F9  base 1 s, cap 10 s, jitter: the longest of 10 000 delays");
    let cap = Duration::from_secs(10);
    let ours = Backoff::new().with_cap(cap).delays(1).take(10_000).max().unwrap_or_default();
    println!("    {:<22} {ours:>9.2?}", "ours");
    let peer = backon::ExponentialBuilder::new()
        .with_max_delay(cap)
        .without_max_times()
        .with_jitter()
        .build()
        .take(10_000)
        .max()
        .unwrap_or_default();
    println!("    {:<22} {peer:>9.2?}", "backon 1.6");

    println!("F9  attempts of 50 ms that fail, 1 ms between, 200 ms in all: how long it runs");
    let limit = Duration::from_millis(200);
    let attempt = || {
        std::thread::sleep(Duration::from_millis(50));
        Err::<(), ()>(())
    };
    let policy = RetryPolicy::new()
        .with_max_retries(1_000)
        .with_backoff(Backoff::constant(Duration::from_millis(1)))
        .with_deadline(limit);
    let begin = Instant::now();
    let _ = Retry::blocking(policy).expect("valid").run_blocking(|_| attempt());
    let ours_ran = begin.elapsed();
    println!("    {:<22} {ours_ran:>9.2?}", "ours");
    let begin = Instant::now();
    let delays = backon::ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(1))
        .with_max_delay(Duration::from_millis(1))
        .without_max_times()
        .with_total_delay(Some(Duration::from_millis(30)));
    let _ = attempt.retry(delays).call();
    println!("    {:<22} {:>9.2?}   (asked for 30 ms)\n", "backon 1.6", begin.elapsed());
    // One attempt may be under way at the deadline.
    ours <= cap && ours_ran < limit + Duration::from_millis(100)
}
