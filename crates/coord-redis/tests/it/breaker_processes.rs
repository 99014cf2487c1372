//! A process of a fleet, for tests: this very test binary, started with `breaker_process` as its
//! only test, told what to do line by line.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use coord_redis::{KeyLayout, RedisBreakerStore};
use coord_resilience::breaker::{Coordination, EventKind, SharedConfig};
use coord_resilience::clock::{Clock, SystemClock};
use coord_resilience::sleep::TokioSleeper;
use coord_resilience::{CallError, CircuitBreaker, CircuitBreakerConfig, SharedBreaker};
use tokio::sync::watch;

use crate::harness::config;

/// Names the role of a child process.
const ROLE: &str = "COORD_TEST_BREAKER_PROCESS";
/// How long a test waits for something that should happen at once.
const HANGS: Duration = Duration::from_secs(60);

/// What the processes of a fleet are started with.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) url: String,
    pub(crate) layout: KeyLayout,
    pub(crate) prefix: String,
    pub(crate) name: String,
    pub(crate) timeout: Duration,
    pub(crate) max_calls: u32,
    pub(crate) lease: Duration,
    pub(crate) poll: Duration,
    pub(crate) budget: Duration,
}

/// A running process.
pub(crate) struct Member {
    child: Child,
    orders: ChildStdin,
    lines: Receiver<String>,
    /// Lines that were read while waiting for another.
    kept: Vec<String>,
}

impl Member {
    /// Starts one whose clock is off by `skew`, and waits until it is in touch with the store.
    pub(crate) fn start(role: &Role, skew: Duration) -> Self {
        let ms = |time: Duration| time.as_millis();
        let text = format!(
            "{} {} {} {} {} {} {} {} {} {}",
            role.url,
            role.layout,
            role.prefix,
            role.name,
            ms(role.timeout),
            role.max_calls,
            ms(role.lease),
            ms(role.poll),
            ms(role.budget),
            ms(skew)
        );
        let mut child = Command::new(std::env::current_exe().expect("a test knows its binary"))
            .args(["--exact", "breaker_processes::breaker_process", "--nocapture"])
            .env(ROLE, text)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test binary starts");
        let orders = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some(said) = line.strip_prefix("> ")
                    && sender.send(said.to_owned()).is_err()
                {
                    return;
                }
            }
        });
        let mut member = Self { child, orders, lines, kept: Vec::new() };
        member.wait_for("ready");
        member
    }

    pub(crate) fn tell(&mut self, order: &str) {
        writeln!(self.orders, "{order}").expect("the process listens");
    }

    /// The rest of the next line that starts with `word`; others are kept.
    pub(crate) fn wait_for(&mut self, word: &str) -> String {
        let give_up = Instant::now() + HANGS;
        let rest = |line: &str| line.strip_prefix(word).map(|it| it.trim().to_owned());
        if let Some(at) = self.kept.iter().position(|line| rest(line).is_some()) {
            return rest(&self.kept.remove(at)).expect("it has the word");
        }
        loop {
            let left = give_up.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => match rest(&line) {
                    Some(rest) => return rest,
                    None => self.kept.push(line),
                },
                Err(RecvTimeoutError::Timeout) => panic!("no {word:?}, but {:?}", self.kept),
                Err(RecvTimeoutError::Disconnected) => panic!("gone before {word:?}"),
            }
        }
    }

    /// Forgets what was said and not waited for.
    pub(crate) fn forget_lines(&mut self) {
        self.kept.clear();
        while self.lines.try_recv().is_ok() {}
    }

    /// Asks, and gives the answer.
    pub(crate) fn ask(&mut self, order: &str) -> String {
        self.tell(order);
        self.wait_for(order.split(' ').next().expect("an order has a word"))
    }

    /// How `calls` calls at once began: admitted ones and rejected ones. Admitted ones stay until
    /// `finish`.
    pub(crate) fn burst(&mut self, calls: u32) -> (u32, u32) {
        let said = self.ask(&format!("burst {calls}"));
        let numbers: Vec<u32> = said.split(' ').map(|word| word.parse().unwrap()).collect();
        (numbers[0], numbers[1])
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Fails if it has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Wall time, the same for all processes of a machine.
fn wall_us() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros()
}

fn say(text: &str) {
    // One write for the line; the test harness leaves its own line open before it.
    let line = format!("\n> {text}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).expect("the parent reads");
}

/// A clock that began hours ago, a different time in each process.
#[derive(Debug)]
struct Skewed(SystemClock, Duration);

impl Clock for Skewed {
    fn now(&self) -> Duration {
        self.0.now() + self.1
    }
}

/// The body of a process; nothing at all as an ordinary test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn breaker_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let words: Vec<&str> = role.split(' ').collect();
    let [url, layout, prefix, name, numbers @ ..] = &words[..] else { panic!("{role:?}") };
    let numbers: Vec<u64> = numbers.iter().map(|word| word.parse().expect("a number")).collect();
    let ms = |at: usize| Duration::from_millis(numbers[at]);
    let budget = ms(4);
    let settings = config(url, layout.parse().expect("a layout"), prefix);
    let limit = budget.mul_f64(0.8);
    let settings = settings.with_response_timeout(limit).with_connect_timeout(limit);
    let store = RedisBreakerStore::open_with(settings, limit).expect("valid");
    let max_calls = u32::try_from(numbers[1]).expect("few calls");
    let own = CircuitBreakerConfig::new()
        .with_failure_threshold(1)
        .with_timeout(ms(0))
        .with_half_open_max_calls(max_calls)
        .with_success_threshold(max_calls)
        .with_slow_threshold(Duration::from_secs(3000));
    let clock = Arc::new(Skewed(SystemClock::new(), ms(5)));
    let local = CircuitBreaker::with_clock(name, own, clock, 1).expect("valid");
    local.on_event(|event| {
        if let EventKind::Transition(transition) = event.kind {
            say(&format!("{:?} {}", transition.to, wall_us()));
        }
    });
    let shared = SharedConfig::new()
        .with_poll(ms(3))
        .with_vote_ttl(ms(3).max(Duration::from_secs(30)) * 2)
        .with_probe_lease(ms(2))
        .with_store_budget(budget);
    let (breaker, driver) =
        SharedBreaker::join(local, Arc::new(store), Arc::new(TokioSleeper), shared).expect("valid");
    tokio::spawn(driver.run());
    while breaker.coordination() != Coordination::Coordinated {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    say("ready");
    obey(breaker).await;
}

/// Calls that go on all the time, and what became of them.
#[derive(Default)]
struct Load {
    passed: AtomicU64,
    rejected: AtomicU64,
    longest_us: AtomicU64,
}

async fn obey(breaker: SharedBreaker) {
    let (orders_in, mut orders) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in BufReader::new(std::io::stdin().lock()).lines().map_while(Result::ok) {
            if orders_in.send(line).is_err() {
                return;
            }
        }
        // The parent is gone.
        std::process::exit(0);
    });
    let load = Arc::new(Load::default());
    let finish = Arc::new(Mutex::new(watch::channel(false).0));
    while let Some(order) = orders.recv().await {
        match order.split_once(' ').unwrap_or((&order, "")) {
            ("trip", _) => {
                let before = wall_us();
                let _ = breaker.call(|| async { Err::<(), _>(()) }).await;
                say(&format!("trip {before}"));
            }
            ("state", _) => {
                let state = breaker.local().state();
                say(&format!("state {state:?} {:?}", breaker.coordination()));
            }
            ("burst", calls) => {
                let answer = burst(&breaker, calls.parse().expect("a number"), &finish).await;
                say(&answer);
            }
            ("finish", _) => {
                let old = std::mem::replace(&mut *finish.lock().unwrap(), watch::channel(false).0);
                old.send_replace(true);
                say("finish");
            }
            ("call", _) => {
                let called = breaker.call(|| async { Ok::<_, ()>(()) }).await;
                say(if called.is_ok() { "call passed" } else { "call rejected" });
            }
            ("load", _) => {
                tokio::spawn(keep_calling(breaker.clone(), Arc::clone(&load)));
                say("load");
            }
            ("report", _) => {
                let take = |number: &AtomicU64| number.swap(0, Ordering::Relaxed);
                let (passed, rejected) = (take(&load.passed), take(&load.rejected));
                say(&format!("report {passed} {rejected} {}", take(&load.longest_us)));
            }
            other => panic!("odd order {other:?}"),
        }
    }
}

/// Begins calls at once, and counts how they begin; admitted ones wait for the order to finish.
async fn burst(breaker: &SharedBreaker, calls: u32, finish: &Mutex<watch::Sender<bool>>) -> String {
    let (told_in, mut told) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..calls {
        let (breaker, told_in) = (breaker.clone(), told_in.clone());
        let mut finished = finish.lock().unwrap().subscribe();
        tokio::spawn(async move {
            let started = told_in.clone();
            let called = breaker.call(|| async move {
                let _ = started.send(true);
                let _ = finished.wait_for(|it| *it).await;
                Ok::<_, ()>(())
            });
            match called.await {
                Ok(()) => {}
                Err(CallError::Rejected(_)) => drop(told_in.send(false)),
                Err(CallError::Inner(())) => panic!("no call fails"),
            }
        });
    }
    let mut counts = (0, 0);
    for _ in 0..calls {
        match told.recv().await.expect("every call tells") {
            true => counts.0 += 1,
            false => counts.1 += 1,
        }
    }
    format!("burst {} {}", counts.0, counts.1)
}

async fn keep_calling(breaker: SharedBreaker, load: Arc<Load>) {
    loop {
        let began = Instant::now();
        match breaker.call(|| async { Ok::<_, ()>(()) }).await {
            Ok(()) => load.passed.fetch_add(1, Ordering::Relaxed),
            Err(CallError::Rejected(_)) => load.rejected.fetch_add(1, Ordering::Relaxed),
            Err(CallError::Inner(())) => panic!("no call fails"),
        };
        let took = u64::try_from(began.elapsed().as_micros()).expect("short");
        load.longest_us.fetch_max(took, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
