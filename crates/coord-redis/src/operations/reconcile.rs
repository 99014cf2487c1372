//! Repairing what crashed peers left behind.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use coord_core::{
    AdminError, AgentId, BackendError, QueueMessage, Reconciliation, check_grace, micros,
};
use redis::{Cmd, Value, from_redis_value};

use crate::error::{running, unexpected};
use crate::layout::KeyLayout;
use crate::mailbox::Mailboxes;
use crate::reply;
use crate::script::{Call, ScriptPair, lua};

static RECONCILE: ScriptPair = ScriptPair {
    compact: lua!("compact/reconcile": "lib/time.lua", "lib/waiters.lua", "lib/compact.lua",
        "lib/compact_settle.lua", "lib/compact_take.lua", "lib/gate.lua", "lib/compact_serve.lua",
        "compact/reconcile.lua"),
    tta: lua!("tta/reconcile": "lib/time.lua", "lib/waiters.lua", "lib/tta_take.lua",
        "lib/gate.lua", "lib/tta_serve.lua", "tta/reconcile.lua"),
};

/// The deadline of a reservation that has none, from now.
const VISIBILITY: Duration = Duration::from_secs(30);
/// How many entries of a list, hash or zset are read at once.
const PAGE: usize = 100;
/// How many messages one script verifies: all together they cost a walk over the reservations,
/// and those that moved meanwhile a walk over the list each.
const CHUNK: usize = 128;
/// How many bytes of them at most, unless one alone is larger.
const CHUNK_BYTES: usize = 1 << 20;

pub(crate) async fn reconcile(
    mailboxes: &Mailboxes,
    agent: &AgentId,
    grace: Duration,
) -> Result<Reconciliation, AdminError> {
    agent.check()?;
    check_grace(grace)?;
    match mailboxes.layout {
        KeyLayout::Compact => Ok(compact(mailboxes, agent).await?),
        KeyLayout::Tta => Ok(Pass::new(mailboxes, agent, grace).run().await?),
    }
}

/// Every step there is atomic, so nothing needs a grace.
async fn compact(mailboxes: &Mailboxes, agent: &AgentId) -> Result<Reconciliation, BackendError> {
    let parts = ["ready", "timers", "messages", "reserved", "meta", "waiters"];
    let script = &RECONCILE.compact;
    let mut total = Reconciliation::default();
    // What points at nothing goes first: it must not vouch for a message.
    for part in ["reserved", "timers", "ready", "messages"] {
        let mut cursor = "0".to_owned();
        loop {
            let call = Call::new(script, mailboxes.keys(agent).parts(&parts))
                .arg(part)
                .arg(&cursor)
                .number(PAGE as u64)
                .number(micros(VISIBILITY));
            let answer = mailboxes.lane.call(&call).await?;
            let (next, redriven, given, removed): (String, u64, u64, u64) =
                from_redis_value(answer).map_err(|e| running(script.name(), e.into()))?;
            total.redriven += redriven;
            total.deadlines_given += given;
            total.leaks_removed += removed;
            cursor = next;
            if cursor == "0" {
                break;
            }
        }
    }
    Ok(total)
}

/// What a message is known by while only counted.
type Digest = [u8; 20];

/// A token and the JSON it holds.
type Held = (Vec<u8>, Vec<u8>);

fn digest(json: &[u8]) -> Digest {
    sha1_smol::Sha1::from(json).digest().bytes()
}

/// How often a message stands in the list, and in places where it can be received from or comes
/// back to.
#[derive(Default)]
struct Copies {
    listed: u64,
    placed: u64,
}

/// A message to verify: its JSON, and where its one copy was seen in the list.
type Doubtful = (Vec<u8>, Option<usize>);

/// One pass over a mailbox of the original's layout.
///
/// It reads the mailbox page by page, so what it reads is no picture of one moment: it only tells
/// who looks lost. The script looks again, at one moment, and decides.
struct Pass<'a> {
    mailboxes: &'a Mailboxes,
    agent: &'a AgentId,
    grace: Duration,
    /// What stands in the list; bounded by its length.
    listed: HashMap<Digest, Copies>,
    verified: HashSet<Digest>,
    chunk: Vec<Doubtful>,
    total: Reconciliation,
}

impl<'a> Pass<'a> {
    fn new(mailboxes: &'a Mailboxes, agent: &'a AgentId, grace: Duration) -> Self {
        Self {
            mailboxes,
            agent,
            grace,
            listed: HashMap::new(),
            verified: HashSet::new(),
            chunk: Vec::new(),
            total: Reconciliation::default(),
        }
    }

    async fn run(mut self) -> Result<Reconciliation, BackendError> {
        // The list before the places: a message moves from the list's end through the places, so
        // a healthy one is seen in one of them, or is settled by then.
        let mut from = 0;
        while let Some(page) = self.page("LRANGE", "queue", from).await? {
            from += page.len();
            for json in &page {
                self.listed.entry(digest(json)).or_default().listed += 1;
            }
        }
        for level in [9, 5, 1] {
            let mut from = 0;
            while let Some(page) = self.page("ZRANGE", &format!("sched:{level}"), from).await? {
                from += page.len();
                self.place(page.iter().map(|json| digest(json)));
            }
        }
        self.reservations().await?;
        self.listed.retain(|_, copies| copies.listed > copies.placed);
        self.lost().await?;
        self.suspected().await?;
        Ok(self.total)
    }

    /// The next entries of a list or zset, which starts with `sched:` for a schedule.
    async fn page(
        &self,
        command: &'static str,
        part: &str,
        from: usize,
    ) -> Result<Option<Vec<Vec<u8>>>, BackendError> {
        let keys = self.mailboxes.keys(self.agent);
        let key = match part.strip_prefix("sched:") {
            Some(level) => format!("{}{level}", keys.schedule_prefix()),
            None => keys.part(part),
        };
        let range = redis::cmd(command).arg(key).arg(from).arg(from + PAGE - 1).take();
        let page: Vec<Vec<u8>> = self.ask(command, &range).await?;
        Ok((!page.is_empty()).then_some(page))
    }

    async fn ask<T: redis::FromRedisValue>(
        &self,
        what: &str,
        command: &Cmd,
    ) -> Result<T, BackendError> {
        let answer: Value = self.mailboxes.lane.command(what, command).await?;
        from_redis_value(answer).map_err(|e| running(what, e.into()))
    }

    /// Notes where these messages stand besides the list.
    fn place(&mut self, digests: impl IntoIterator<Item = Digest>) {
        for digest in digests {
            if let Some(copies) = self.listed.get_mut(&digest) {
                copies.placed += 1;
            }
        }
    }

    /// Counts what is reserved, and gives deadlines.
    async fn reservations(&mut self) -> Result<(), BackendError> {
        let key = self.mailboxes.keys(self.agent).part("reserved");
        let mut cursor = "0".to_owned();
        // A walk may show an entry twice.
        let mut seen: HashMap<Vec<u8>, Digest> = HashMap::new();
        loop {
            let scan = redis::cmd("HSCAN").arg(&key).arg(&cursor).arg("COUNT").arg(PAGE).take();
            let (next, page): (String, Vec<Held>) = self.ask("HSCAN", &scan).await?;
            for tokens in page.chunks(PAGE) {
                self.step(tokens, &[]).await?;
            }
            seen.extend(page.into_iter().map(|(token, json)| (token, digest(&json))));
            cursor = next;
            if cursor == "0" {
                break;
            }
        }
        self.place(seen.into_values());
        Ok(())
    }

    /// Verifies what stands nowhere but in the list.
    async fn lost(&mut self) -> Result<(), BackendError> {
        let mut from = 0;
        while !self.listed.is_empty() {
            let Some(page) = self.page("LRANGE", "queue", from).await? else { break };
            let before = self.total.leaks_removed;
            for (at, json) in (from..).zip(page) {
                from = at + 1;
                if let Some(copies) = self.listed.remove(&digest(&json)) {
                    let at = (copies.listed == 1).then_some(at);
                    self.verify((json, at)).await?;
                }
            }
            // What was removed moved the rest forward.
            from -= usize::try_from(self.total.leaks_removed - before).unwrap_or(from).min(from);
        }
        self.flush().await
    }

    /// Verifies what a pass before this one noted, and this one did not come upon.
    async fn suspected(&mut self) -> Result<(), BackendError> {
        let mut noted = Vec::new();
        while let Some(page) = self.page("ZRANGE", "suspects", noted.len()).await? {
            noted.extend(page);
        }
        for json in noted {
            if !self.verified.contains(&digest(&json)) {
                self.verify((json, None)).await?;
            }
        }
        self.flush().await
    }

    async fn verify(&mut self, doubtful: Doubtful) -> Result<(), BackendError> {
        self.verified.insert(digest(&doubtful.0));
        self.chunk.push(doubtful);
        let bytes: usize = self.chunk.iter().map(|(json, _)| json.len()).sum();
        if self.chunk.len() >= CHUNK || bytes >= CHUNK_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), BackendError> {
        let chunk = std::mem::take(&mut self.chunk);
        if chunk.is_empty() {
            return Ok(());
        }
        self.step(&[], &chunk).await
    }

    /// Lets the script look at these reservations and messages, and do what is to be done.
    async fn step(
        &mut self,
        reservations: &[Held],
        messages: &[Doubtful],
    ) -> Result<(), BackendError> {
        let parts = ["queue", "sched", "reserved", "reserved_deadlines", "dlq", "fence"];
        let mut keys = self.mailboxes.keys(self.agent).parts(&parts);
        keys.extend(self.mailboxes.keys(self.agent).parts(&["waiters", "suspects", "gate"]));
        let script = &RECONCILE.tta;
        let mut call = Call::new(script, keys)
            .number(micros(self.grace))
            .number(micros(VISIBILITY))
            .number(reservations.len() as u64)
            .args(reservations.iter().map(|(token, _)| token));
        for (json, at) in messages {
            let level = QueueMessage::from_wire(json).map_or(0, |it| it.priority.number());
            let at = at.map_or_else(String::new, |at| at.to_string());
            call = call.arg(json).number(u64::from(level)).arg(at);
        }
        let answer = self.mailboxes.lane.call(&call).await?;
        let numbers = reply::numbers(script.name(), answer)?;
        let [redriven, given, removed, suspects] = numbers[..] else {
            return Err(unexpected(script.name(), numbers));
        };
        self.total.redriven += redriven;
        self.total.deadlines_given += given;
        self.total.leaks_removed += removed;
        self.total.suspects += suspects;
        Ok(())
    }
}
