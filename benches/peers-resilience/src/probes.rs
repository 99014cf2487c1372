//! F1 to F4: calls that hang, panic, come late or flood.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::breakers::{Breaker, Job, Settings, all};

const SETTINGS: Settings = Settings {
    window: 4,
    open: Duration::from_millis(100),
    probes: 1,
    slow: Duration::from_millis(5),
};

/// Runs every probe on every breaker; whether ours passed all.
pub async fn run() -> bool {
    let mut sound = true;
    println!(
        "F1  100 calls to a dependency that hangs, each under a time-out of 15 ms: how many reach it (fewer is better)"
    );
    for b in all(SETTINGS) {
        for _ in 0..100 {
            let _ = timeout(Duration::from_millis(15), b.call(Job::Hang)).await;
        }
        // Four, and a probe each time the open time has passed.
        sound &= show(&b, b.hits(), "calls", 25);
    }
    println!("F1  20 calls that panic: how many reach the dependency");
    for b in all(SETTINGS) {
        for _ in 0..20 {
            let _ = tokio::spawn(b.call(Job::Panic)).await;
        }
        sound &= show(&b, b.hits(), "calls", 4);
    }
    println!("F2  window of 100, limit 50 %: after 10 000 successes, failures until it opens");
    for b in all(Settings { window: 100, ..SETTINGS }) {
        for _ in 0..10_000 {
            b.call(Job::Ok).await;
        }
        let before = b.hits();
        for _ in 0..20_000 {
            let hits = b.hits();
            b.call(Job::Fail).await;
            if b.hits() == hits {
                break;
            }
        }
        sound &= show(&b, b.hits() - before, "failures", 51);
    }
    println!(
        "F3  HALF_OPEN with one probe under way; a call of the CLOSED era comes back well: how many of 10 calls pass then"
    );
    for b in all(SETTINGS) {
        let (old, probe) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let late = tokio::spawn(b.call(Job::Later(Arc::clone(&old))));
        sleep(Duration::from_millis(1)).await;
        open(&b).await;
        let probing = tokio::spawn(b.call(Job::Later(Arc::clone(&probe))));
        sleep(Duration::from_millis(20)).await;
        old.notify_one();
        let _ = late.await;
        let before = b.hits();
        for _ in 0..10 {
            b.call(Job::Ok).await;
        }
        sound &= show(&b, b.hits() - before, "calls", 0);
        probe.notify_one();
        let _ = probing.await;
    }
    println!(
        "F4  HALF_OPEN with one probe allowed, 1000 calls at once: how many reach the sick dependency"
    );
    for b in all(SETTINGS) {
        open(&b).await;
        let (told, before) = (Arc::new(Notify::new()), b.hits());
        let calls: Vec<_> =
            (0..1000).map(|_| tokio::spawn(b.call(Job::Later(Arc::clone(&told))))).collect();
        sleep(Duration::from_millis(50)).await;
        let hits = b.hits() - before;
        calls.iter().for_each(|call| call.abort());
        sound &= show(&b, hits, "calls", 1);
    }
    println!("F5  is about a Python peer; ours: `cargo test -p coord-resilience f5`\n");
    sound
}

/// Fails calls until the breaker is open, then lets the open time pass.
async fn open(b: &Breaker) {
    for _ in 0..20 {
        b.call(Job::Fail).await;
    }
    sleep(SETTINGS.open + Duration::from_millis(30)).await;
}

/// Prints one line; whether it is a peer's, or ours and within its limit.
fn show(b: &Breaker, measured: u32, what: &str, limit: u32) -> bool {
    println!("    {:<22} {measured:>6} {what}", b.name);
    b.name != "ours" || measured <= limit
}
