//! The same random commands to the fake and to a real server, reply by reply.
//!
//! `COORD_CASES` sets how many cases run (default 150), `COORD_SEED` where they
//! start (a number, or `random`), `COORD_FAMILY` restricts the commands
//! (`streams,keys`), and `COORD_FAILURES` collects cases of several commands.
//! A failing case is shrunk to the steps that are needed.

mod arguments;
mod commands;
mod normalise;
mod pair;
mod random;
mod step;
mod template;

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher};

use coord_testkit::FakeRedis;
use coord_testkit::server::{Frame, RealServer};

use pair::Difference;
use random::Random;
use step::{Generator, Step, show};

const DEFAULT_CASES: u64 = 150;
/// Fixed, so that a change is judged by the same cases before and after it.
const DEFAULT_SEED: u64 = 20_261_120;
/// The version whose behaviour the fake has.
const VERSION: &str = "7.0.";

#[test]
fn the_fake_answers_as_the_server_does() {
    let Some(server) = RealServer::builder().private().start_or_ignore("differential") else {
        return;
    };
    if !is_comparable(&server) {
        return;
    }
    let world = World::new(server);
    let seed = match std::env::var("COORD_SEED").as_deref() {
        Ok("random") => RandomState::new().build_hasher().finish(),
        Ok(seed) => seed.parse().expect("COORD_SEED is a number or `random`"),
        Err(_) => DEFAULT_SEED,
    };
    let cases = number("COORD_CASES").unwrap_or(DEFAULT_CASES);
    let most = usize::try_from(number("COORD_FAILURES").unwrap_or(1)).unwrap();
    let only = std::env::var("COORD_FAMILY").ok();
    let mut generator = Generator::new(only.as_deref());
    let mut report = String::new();
    let mut seen = BTreeSet::new();
    for case in 0..cases {
        let seed = seed.wrapping_add(case);
        let steps = generator.case(&mut Random::new(seed));
        if let Some(found) = pair::run(&world, &steps) {
            // One case is enough for each command that differs.
            if !seen.insert(found.command()) {
                continue;
            }
            let _ = writeln!(report, "{}", shrink(&world, steps, seed, &found));
            if seen.len() >= most {
                break;
            }
        }
    }
    assert!(seen.is_empty(), "{} kinds of cases differ:\n{report}", seen.len());
}

/// A real server for the whole test and a fake one for each case.
struct World {
    runtime: tokio::runtime::Runtime,
    real: RealServer,
}

impl World {
    fn new(real: RealServer) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        Self { runtime, real }
    }

    /// A new fake, with its port and the one of the real server.
    fn fresh(&self) -> (FakeRedis, (u16, u16)) {
        let fake = self.runtime.block_on(FakeRedis::start()).unwrap();
        let ports = (fake.address().port(), self.real.port());
        (fake, ports)
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[expect(clippy::print_stderr, reason = "a test that does not run says so")]
fn is_comparable(server: &RealServer) -> bool {
    let Ok(Frame::Bulk(info)) = server.command(&["INFO", "server"]) else {
        panic!("INFO is not a string");
    };
    let info = String::from_utf8_lossy(&info).into_owned();
    let version = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
    let version = version.unwrap_or("unknown");
    let comparable = version.starts_with(VERSION);
    if !comparable {
        eprintln!("ignored: the fake behaves as Redis {VERSION}x, found {version} (differential)");
    }
    comparable
}

/// Drops the steps a difference does not need.
fn shrink(world: &World, mut steps: Vec<Step>, seed: u64, found: &Difference) -> String {
    let mut best = pair::run(world, &steps);
    let Some(first) = &best else {
        return format!("COORD_SEED={seed} COORD_CASES=1, only sometimes: {}", found.text);
    };
    steps.truncate(first.steps);
    let mut size = steps.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + size).min(steps.len()));
            match pair::run(world, &fewer) {
                Some(found) => {
                    fewer.truncate(found.steps);
                    steps = fewer;
                    best = Some(found);
                }
                None => at += size,
            }
        }
        size /= 2;
    }
    let mut text = format!("COORD_SEED={seed} COORD_CASES=1\n");
    for step in &steps {
        match step {
            Step::Calls { connection, commands } => {
                for args in commands {
                    let _ = writeln!(text, "  {connection}> {}", show(args));
                }
            }
            Step::Expire { connection, command } => {
                let _ = writeln!(text, "  {connection}> {}(and wait)", show(command));
            }
            Step::Block { waiters, meanwhile } => {
                for args in waiters {
                    let _ = writeln!(text, "  waits> {}", show(args));
                }
                for (connection, args) in meanwhile {
                    let _ = writeln!(text, "  {connection}> {}", show(args));
                }
            }
        }
    }
    text + "  " + &best.map(|found| found.text).unwrap_or_default()
}
