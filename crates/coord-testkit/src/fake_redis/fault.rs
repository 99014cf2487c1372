//! Faults as rules: what happens, to which commands, how often.

use std::time::Duration;

use bytes::Bytes;

use super::dispatch;

/// A rule that makes commands of clients fail. Commands inside a transaction or a script are not
/// looked at; the EXEC or EVAL that runs them is.
///
/// Without conditions a rule fires on every command, for ever.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// use coord_testkit::fake_redis::{FakeRedis, Fault, Reply};
///
/// let server = FakeRedis::start().await?;
/// server.inject(Fault::loading().command("GET").nth(2).times(1));
/// assert_eq!(server.command(["GET", "key"]), Reply::Null);
/// assert!(server.command(["GET", "key"]).is_error());
/// assert_eq!(server.command(["GET", "key"]), Reply::Null);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Fault {
    effect: Effect,
    command: Option<Vec<u8>>,
    key: Option<Bytes>,
    /// The matching call it starts with, from 1.
    from: u64,
    times: Option<u64>,
    probability: Option<f64>,
}

/// What a fault does to a command.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    Delay(Duration),
    Error(String),
    DropBefore,
    ExecuteThenDrop,
    ExecuteThenHang,
    PartialReply(usize),
    KillAll,
    FlushScripts,
    FailOver(usize),
}

/// Names an injected fault, to take it away again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FaultId(u64);

impl Fault {
    const fn new(effect: Effect) -> Self {
        Self { effect, command: None, key: None, from: 1, times: None, probability: None }
    }

    /// The command waits for `by` before it is executed, by the server's clock.
    #[must_use]
    pub const fn delay(by: Duration) -> Self {
        Self::new(Effect::Delay(by))
    }

    /// The command is not executed and answered with this error: the whole text with its code.
    #[must_use]
    pub fn error(text: impl Into<String>) -> Self {
        Self::new(Effect::Error(text.into()))
    }

    /// `LOADING`: the server has just started.
    #[must_use]
    pub fn loading() -> Self {
        Self::error("LOADING Redis is loading the dataset in memory")
    }

    /// `READONLY`: the server has become a replica.
    #[must_use]
    pub fn read_only() -> Self {
        Self::error("READONLY You can't write against a read only replica.")
    }

    /// `OOM`: the memory is used up.
    #[must_use]
    pub fn out_of_memory() -> Self {
        Self::error("OOM command not allowed when used memory > 'maxmemory'.")
    }

    /// `MASTERDOWN`: a replica has lost its master.
    #[must_use]
    pub fn master_down() -> Self {
        Self::error(
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        )
    }

    /// `BUSY`: a script runs for too long.
    #[must_use]
    pub fn busy() -> Self {
        Self::error(
            "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        )
    }

    /// `NOSCRIPT`: the script cache has forgotten the script.
    #[must_use]
    pub fn no_script() -> Self {
        Self::error("NOSCRIPT No matching script. Please use EVAL.")
    }

    /// `CLUSTERDOWN`: the cluster does not serve this slot.
    #[must_use]
    pub fn cluster_down() -> Self {
        Self::error("CLUSTERDOWN The cluster is down")
    }

    /// `MOVED`: another node serves this slot.
    #[must_use]
    pub fn moved(slot: u16, address: std::net::SocketAddr) -> Self {
        Self::error(format!("MOVED {slot} {address}"))
    }

    /// The connection is closed and the command never executed.
    #[must_use]
    pub const fn drop_before_executing() -> Self {
        Self::new(Effect::DropBefore)
    }

    /// The command is executed, but the connection is closed without its reply.
    #[must_use]
    pub const fn execute_then_drop() -> Self {
        Self::new(Effect::ExecuteThenDrop)
    }

    /// The command is executed, but nothing is ever answered on this connection again.
    #[must_use]
    pub const fn execute_then_hang() -> Self {
        Self::new(Effect::ExecuteThenHang)
    }

    /// The command is executed, but only the first `bytes` bytes of its reply are sent before
    /// the connection is closed.
    #[must_use]
    pub const fn partial_reply(bytes: usize) -> Self {
        Self::new(Effect::PartialReply(bytes))
    }

    /// Every connection is closed and the command never executed.
    #[must_use]
    pub const fn kill_all_connections() -> Self {
        Self::new(Effect::KillAll)
    }

    /// The script cache is emptied, then the command is executed.
    #[must_use]
    pub const fn flush_scripts() -> Self {
        Self::new(Effect::FlushScripts)
    }

    /// The server fails over and loses the last `lost_writes` writes; the command is never
    /// executed. Only where a sentinel watches; elsewhere it closes every connection.
    #[must_use]
    pub const fn fail_over(lost_writes: usize) -> Self {
        Self::new(Effect::FailOver(lost_writes))
    }

    /// Only commands of this name, in any case.
    #[must_use]
    pub fn command(mut self, name: &str) -> Self {
        self.command = Some(name.to_ascii_lowercase().into_bytes());
        self
    }

    /// Only commands that name this key.
    #[must_use]
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.key = Some(Bytes::copy_from_slice(key.as_ref()));
        self
    }

    /// Starts with the `nth` matching command, counted from 1. Default: 1.
    #[must_use]
    pub const fn nth(mut self, nth: u64) -> Self {
        self.from = nth;
        self
    }

    /// Fires so many times and then never again. Default: for ever.
    #[must_use]
    pub const fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Fires with this probability (0 to 1), drawn from the server's seeded sequence. Default: 1.
    #[must_use]
    pub const fn probability(mut self, probability: f64) -> Self {
        self.probability = Some(probability);
        self
    }

    fn fits(&self, args: &[Bytes]) -> bool {
        let named = self.command.as_ref().is_none_or(|name| args[0].eq_ignore_ascii_case(name));
        named
            && self.key.as_ref().is_none_or(|key| {
                let keys = dispatch::find(args).map(|found| found.command.keys.find(args));
                keys.is_ok_and(|keys| keys.iter().any(|at| args.get(*at) == Some(key)))
            })
    }
}

/// The rules that are in force.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
    next: u64,
}

#[derive(Debug)]
struct Rule {
    id: FaultId,
    fault: Fault,
    seen: u64,
    fired: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) -> FaultId {
        self.next += 1;
        let id = FaultId(self.next);
        self.rules.push(Rule { id, fault, seen: 0, fired: 0 });
        id
    }

    /// True if there was such a rule.
    pub(crate) fn remove(&mut self, id: FaultId) -> bool {
        let count = self.rules.len();
        self.rules.retain(|rule| rule.id != id);
        self.rules.len() != count
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// How often a rule has fired; 0 if there is none.
    pub(crate) fn fired(&self, id: FaultId) -> u64 {
        self.rules.iter().find(|rule| rule.id == id).map_or(0, |rule| rule.fired)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What happens to a request: the first rule that fires decides.
    /// `random` draws from the server's sequence.
    pub(crate) fn decide(
        &mut self,
        args: &[Bytes],
        mut random: impl FnMut() -> u64,
    ) -> Option<Effect> {
        for rule in &mut self.rules {
            if !rule.fault.fits(args) {
                continue;
            }
            rule.seen += 1;
            let spent = rule.fault.times.is_some_and(|times| rule.fired >= times);
            if rule.seen < rule.fault.from || spent {
                continue;
            }
            if let Some(probability) = rule.fault.probability {
                // 53 bits are what an f64 holds exactly.
                let drawn = (random() >> 11) as f64 / (1_u64 << 53) as f64;
                if drawn >= probability {
                    continue;
                }
            }
            rule.fired += 1;
            return Some(rule.fault.effect.clone());
        }
        None
    }
}
