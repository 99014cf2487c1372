//! One case on both servers, reply by reply.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use coord_testkit::server::{Frame, RawClient};

use super::World;
use super::arguments::{KEYS, LEXICAL, PLACES};
use super::normalise::{name, same};
use super::step::{Args, SENDERS, Step, show};

/// Long enough for a time to live of five milliseconds to pass on both.
const EXPIRED_AFTER: Duration = Duration::from_millis(9);
/// Within this a blocking command is at work on both.
const BLOCKED_WITHIN: Duration = Duration::from_secs(60);

/// The connections of a case to one server.
struct Side {
    senders: Vec<RawClient>,
    waiters: Vec<RawClient>,
    waiter_ids: Vec<String>,
    control: RawClient,
    ears: RawClient,
    /// Commands queued since MULTI, to compare what EXEC returns.
    queued: Vec<Vec<Args>>,
}

/// Where the servers differ: after how many steps, and how.
#[derive(Debug, Clone)]
pub(crate) struct Difference {
    pub(crate) steps: usize,
    pub(crate) text: String,
}

impl Difference {
    /// The first word of the text: the command, where there is one.
    pub(crate) fn command(&self) -> String {
        let text = self
            .text
            .strip_prefix("EVAL")
            .map_or(&*self.text, |rest| rest.split("{a}k1 ").nth(1).unwrap_or(rest));
        text.split_ascii_whitespace().next().unwrap_or_default().to_uppercase()
    }
}

impl Side {
    fn open(port: u16) -> Self {
        let connect = || RawClient::connect(port).expect("the server accepts connections");
        let mut control = connect();
        let _ = control.call(&["FLUSHALL"]);
        let _ = control.call(&["CONFIG", "SET", "notify-keyspace-events", "KEA"]);
        let mut ears = connect();
        let _ = ears.call(&["PSUBSCRIBE", "__key*"]);
        let mut senders: Vec<_> = (0..SENDERS).map(|_| connect()).collect();
        let mut waiters: Vec<_> = (0..2).map(|_| connect()).collect();
        for client in [&mut senders[1], &mut waiters[1]] {
            let _ = client.call(&["HELLO", "3"]);
        }
        let waiter_ids = waiters.iter_mut().map(|client| match client.call(&["CLIENT", "ID"]) {
            Ok(Frame::Integer(id)) => id.to_string(),
            _ => String::new(),
        });
        let waiter_ids = waiter_ids.collect();
        Self { senders, waiters, waiter_ids, control, ears, queued: vec![Vec::new(); SENDERS] }
    }

    fn call(client: &mut RawClient, args: &[Vec<u8>]) -> Frame {
        client.call(args).unwrap_or_else(|error| Frame::Error(format!("connection: {error:?}")))
    }

    /// Waits until as many clients are blocked, or one has been answered at once.
    fn await_blocked(&mut self, clients: usize) -> bool {
        let deadline = Instant::now() + BLOCKED_WITHIN;
        let wanted = format!("blocked_clients:{clients}");
        while Instant::now() < deadline {
            let info = self.control.call(&["INFO", "clients"]);
            if let Ok(Frame::Bulk(text) | Frame::Verbatim(text)) = info
                && String::from_utf8_lossy(&text).lines().any(|line| line == wanted)
            {
                return true;
            }
            for waiter in &mut self.waiters {
                if waiter.has_reply() {
                    return false;
                }
            }
        }
        false
    }

    /// Keyspace events since the connection was opened.
    fn events(&mut self) -> Vec<Frame> {
        let _ = self.control.call(&["PUBLISH", "__keyend", ""]);
        let mut events = Vec::new();
        while let Ok(Frame::Array(mut parts)) = self.ears.read() {
            if parts.get(2) == Some(&Frame::Bulk(b"__keyend".to_vec())) {
                break;
            }
            events.push(Frame::Array(parts.split_off(2)));
        }
        // When an expired key is noticed is not laid down.
        let expired =
            |part: &Frame| matches!(part, Frame::Bulk(text) if text.ends_with(b"expired"));
        events.retain(|event| !matches!(event, Frame::Array(parts) if parts.iter().any(expired)));
        events
    }
}

/// Runs a case on both and reports the first difference.
pub(crate) fn run(world: &World, steps: &[Step]) -> Option<Difference> {
    let (_fake, ports) = world.fresh();
    let (mut fake, mut real) = (Side::open(ports.0), Side::open(ports.1));
    for (at, step) in steps.iter().enumerate() {
        let found = match step {
            Step::Calls { connection, commands } => {
                commands.iter().find_map(|args| compare(&mut fake, &mut real, *connection, args))
            }
            Step::Expire { connection, command } => {
                let found = compare(&mut fake, &mut real, *connection, command);
                std::thread::sleep(EXPIRED_AFTER);
                // The real server forgets the key when it is looked at.
                let look = vec![b"EXISTS".to_vec(), command[1].clone()];
                found.or_else(|| compare(&mut fake, &mut real, *connection, &look))
            }
            Step::Block { waiters, meanwhile } => block(&mut fake, &mut real, waiters, meanwhile),
        };
        if let Some(text) = found {
            return Some(Difference { steps: at + 1, text });
        }
    }
    let steps = steps.len();
    if let Some(text) = compare_data(&mut fake, &mut real) {
        return Some(Difference { steps, text });
    }
    let (left, right) = (fake.events(), real.events());
    if left != right {
        let at = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
        let text = format!(
            "keyspace event {at}: fake {:?}, real {:?}",
            left.get(at).map(pretty),
            right.get(at).map(pretty)
        );
        return Some(Difference { steps, text });
    }
    exchange(&mut fake, &mut real).map(|text| Difference { steps, text })
}

/// Restores what each has dumped on both: they must make the same of it.
fn exchange(fake: &mut Side, real: &mut Side) -> Option<String> {
    for side in [&mut *fake, &mut *real] {
        let _ = side.control.call(&["SELECT", "0"]);
    }
    for key in KEYS.into_iter().chain([LEXICAL, PLACES]) {
        let dump = [b"DUMP".to_vec(), key.as_bytes().to_vec()];
        let payloads = [Side::call(&mut fake.control, &dump), Side::call(&mut real.control, &dump)];
        for (from, payload) in ["the fake", "the real server"].into_iter().zip(payloads) {
            let Frame::Bulk(payload) = payload else { continue };
            let mut restore: Args =
                ["RESTORE", key, "0"].iter().map(|word| word.as_bytes().to_vec()).collect();
            restore.extend([payload, b"REPLACE".to_vec()]);
            let found = compare_control(fake, real, &restore);
            if let Some(text) = found.or_else(|| compare_key(fake, real, key)) {
                return Some(format!("restored from {from}: {text}"));
            }
        }
    }
    None
}

fn compare(fake: &mut Side, real: &mut Side, at: usize, args: &Args) -> Option<String> {
    let left = Side::call(&mut fake.senders[at], args);
    let right = Side::call(&mut real.senders[at], args);
    let queued = |frame: &Frame| *frame == Frame::Simple("QUEUED".to_owned());
    if queued(&left) && queued(&right) {
        fake.queued[at].push(args.clone());
        return None;
    }
    let equal = match (name(args).as_str(), &left, &right) {
        ("EXEC", Frame::Array(left), Frame::Array(right)) => {
            let commands = std::mem::take(&mut fake.queued[at]);
            left.len() == right.len()
                && left.len() == commands.len()
                && commands.iter().zip(left.iter().zip(right)).all(|(c, (l, r))| same(c, l, r))
        }
        _ => same(args, &left, &right),
    };
    if matches!(name(args).as_str(), "EXEC" | "DISCARD") {
        fake.queued[at].clear();
    }
    (!equal).then(|| difference(args, &left, &right))
}

fn difference(args: &[Vec<u8>], fake: &Frame, real: &Frame) -> String {
    format!("{}\n    fake: {}\n    real: {}", show(args), pretty(fake), pretty(real))
}

/// Lets clients wait, does something else, and looks who has been served with what.
fn block(
    fake: &mut Side,
    real: &mut Side,
    waiters: &[Args],
    meanwhile: &[(usize, Args)],
) -> Option<String> {
    for (at, args) in waiters.iter().enumerate() {
        for side in [&mut *fake, &mut *real] {
            let _ = side.waiters[at].send(args);
            side.await_blocked(at + 1);
        }
    }
    let found = meanwhile.iter().find_map(|(at, args)| compare(fake, real, *at, args));
    if found.is_some() {
        return found;
    }
    for (at, args) in waiters.iter().enumerate() {
        let unblock = |side: &mut Side| {
            let id = side.waiter_ids[at].clone();
            let answer = side.control.call(&["CLIENT", "UNBLOCK", &id]);
            (answer.ok(), side.waiters[at].read().ok())
        };
        let (left, right) = (unblock(fake), unblock(real));
        if left != right {
            return Some(format!(
                "blocked {}\n    fake: {left:?}\n    real: {right:?}",
                show(args)
            ));
        }
    }
    None
}

/// Compares everything that is stored.
fn compare_data(fake: &mut Side, real: &mut Side) -> Option<String> {
    for db in ["0", "1", "2", "15"] {
        for side in [&mut *fake, &mut *real] {
            let _ = side.control.call(&["SELECT", db]);
        }
        // The real server counts expired keys until they are looked at.
        let look: Args =
            ["EXISTS"].iter().chain(&KEYS).map(|arg| arg.as_bytes().to_vec()).collect();
        if let Some(text) = compare_control(fake, real, &look) {
            return Some(format!("afterwards in db {db}: {text}"));
        }
        // Keys of mutated commands are in no list: a scan meets them.
        for side in [&mut *fake, &mut *real] {
            let _ = side.control.call(&["SCAN", "0", "COUNT", "10000"]);
        }
        let size = vec![b"DBSIZE".to_vec()];
        if let Some(text) = compare_control(fake, real, &size) {
            return Some(format!("afterwards in db {db}: {text}"));
        }
        for key in KEYS.into_iter().chain([LEXICAL, PLACES]) {
            if let Some(text) = compare_key(fake, real, key) {
                return Some(format!("afterwards in db {db}: {text}"));
            }
        }
    }
    None
}

fn compare_control(fake: &mut Side, real: &mut Side, args: &Args) -> Option<String> {
    let left = Side::call(&mut fake.control, args);
    let right = Side::call(&mut real.control, args);
    (!same(args, &left, &right)).then(|| difference(args, &left, &right))
}

fn compare_key(fake: &mut Side, real: &mut Side, key: &str) -> Option<String> {
    let mut ask = |words: &[&str]| -> Result<Frame, String> {
        let args: Args = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let left = Side::call(&mut fake.control, &args);
        let right = Side::call(&mut real.control, &args);
        if same(&args, &left, &right) { Ok(right) } else { Err(difference(&args, &left, &right)) }
    };
    let mut all = || {
        let Frame::Simple(kind) = ask(&["TYPE", key])? else {
            return Ok(());
        };
        match kind.as_str() {
            "string" => ask(&["GET", key])?,
            "list" => ask(&["LRANGE", key, "0", "-1"])?,
            "hash" => ask(&["HGETALL", key])?,
            "set" => ask(&["SMEMBERS", key])?,
            "zset" => ask(&["ZRANGE", key, "0", "-1", "WITHSCORES"])?,
            "stream" => ask(&["XINFO", "STREAM", key, "FULL", "COUNT", "0"])?,
            _ => return Ok(()),
        };
        ask(&["OBJECT", "ENCODING", key])?;
        ask(&["PTTL", key]).map(|_| ())
    };
    let found: Result<(), String> = all();
    found.err()
}

fn pretty(frame: &Frame) -> String {
    let list = |mark: &str, items: &[Frame]| {
        let items: Vec<_> = items.iter().map(pretty).collect();
        format!("{mark}[{}]", items.join(", "))
    };
    match frame {
        Frame::Bulk(text) => format!("\"{}\"", text.escape_ascii()),
        Frame::Simple(text) => format!("+{text}"),
        Frame::Error(text) => format!("-{text}"),
        Frame::Integer(number) => format!(":{number}"),
        Frame::Array(items) => list("", items),
        Frame::Set(items) => list("~", items),
        Frame::Map(pairs) => {
            let mut text = String::from("%{");
            for (key, value) in pairs {
                let _ = write!(text, "{}: {}, ", pretty(key), pretty(value));
            }
            text + "}"
        }
        other => format!("{other:?}"),
    }
}
