//! The steps of a case and how they are chosen.

use std::fmt::Write as _;

use super::arguments::{KEYS, LEXICAL, PLACES, argument, mutate};
use super::commands::FAMILIES;
use super::normalise::name;
use super::random::Random;
use super::template::Template;

/// A command with its arguments.
pub(crate) type Args = Vec<Vec<u8>>;

/// Connections that send commands; the second one speaks RESP3.
pub(crate) const SENDERS: usize = 3;

/// What happens at once; shrinking keeps a step or drops it as a whole.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Commands one after the other on one connection.
    Calls { connection: usize, commands: Vec<Args> },
    /// A key that expires at once, and the time for it to do so.
    Expire { connection: usize, command: Args },
    /// Clients that wait, and the commands meanwhile.
    Block { waiters: Vec<Args>, meanwhile: Vec<(usize, Args)> },
}

/// Chooses steps.
#[derive(Debug)]
pub(crate) struct Generator {
    families: Vec<(&'static str, Vec<Template>)>,
    blocking: Vec<Template>,
    scripts: bool,
    /// Whether each connection has an open transaction, as far as is known.
    in_multi: [bool; SENDERS],
}

const BLOCKING: &[&str] = &[
    "BLPOP ( {l} )+ 0",
    "BRPOP ( {l} )+ 0",
    "BLMOVE {l} {l} ( LEFT | RIGHT ) ( LEFT | RIGHT ) 0",
    "BRPOPLPUSH {l} {l} 0",
    "BLMPOP 0 2 {l} {l} ( LEFT | RIGHT ) [ COUNT {some} ]",
    "BZPOPMIN ( {z} )+ 0",
    "BZPOPMAX ( {z} )+ 0",
    "BZMPOP 0 2 {z} {z} ( MIN | MAX ) [ COUNT {some} ]",
    "XREAD [ COUNT {some} ] BLOCK 0 STREAMS {x} $",
    "XREAD [ COUNT {some} ] BLOCK 0 STREAMS {x} {x} $ $",
    "XREADGROUP GROUP {g} {c} [ COUNT {some} ] BLOCK 0 [ NOACK ] STREAMS {x} >",
];

const SCRIPTS: [&str; 4] = [
    "return redis.call(unpack(ARGV))",
    "return redis.pcall(unpack(ARGV))",
    "redis.setresp(3) return redis.call(unpack(ARGV))",
    "local r = redis.pcall(unpack(ARGV)) if type(r) ~= 'table' then return {type(r), r} end \
     if r.err then return {'err', r.err} elseif r.ok then return {'ok', r.ok} end \
     return {'table', #r}",
];

impl Generator {
    /// `only` restricts the families by name (`COORD_FAMILY=streams,keys`).
    pub(crate) fn new(only: Option<&str>) -> Self {
        let wanted = |name: &str| only.is_none_or(|only| only.split(',').any(|one| one == name));
        let parse = |texts: &[&'static str]| -> Vec<Template> {
            texts.iter().map(|text| Template::parse(text)).collect()
        };
        let families = FAMILIES.iter().filter(|(name, _)| wanted(name));
        let families: Vec<_> = families.map(|(name, texts)| (*name, parse(texts))).collect();
        assert!(!families.is_empty(), "COORD_FAMILY names no family of commands");
        let blocking = if wanted("blocking") { parse(BLOCKING) } else { Vec::new() };
        Self { families, blocking, scripts: wanted("scripts"), in_multi: [false; SENDERS] }
    }

    pub(crate) fn case(&mut self, random: &mut Random) -> Vec<Step> {
        self.in_multi = [false; SENDERS];
        let length = 5 + random.below(50);
        (0..length).map(|_| self.step(random)).collect()
    }

    fn step(&mut self, random: &mut Random) -> Step {
        let connection = random.below(SENDERS);
        match random.below(100) {
            0..=1 if !self.in_multi[connection] => {
                let key = argument("k", random);
                Step::Expire { connection, command: vec![b"PEXPIRE".to_vec(), key, b"5".to_vec()] }
            }
            2..=3 => {
                let key = argument("t", random);
                let count = random.chance(50).then(|| argument("count", random));
                let pop = [b"SPOP".to_vec(), key.clone()].into_iter().chain(count).collect();
                let delete = vec![b"DEL".to_vec(), key];
                Step::Calls { connection, commands: vec![pop, delete] }
            }
            4..=5 if !self.blocking.is_empty() => self.block(random),
            6..=11 if self.scripts => {
                let command = script(self.command(random), random);
                Step::Calls { connection, commands: vec![command] }
            }
            36..=38 => {
                // The keys of any command, and what it does with them.
                let word: &[u8] = if random.chance(50) { b"GETKEYS" } else { b"GETKEYSANDFLAGS" };
                let mut command = vec![b"COMMAND".to_vec(), word.to_vec()];
                command.extend(self.command(random));
                Step::Calls { connection, commands: vec![command] }
            }
            // Transactions are short: most commands run on their own.
            12..=35 if self.in_multi[connection] => {
                self.in_multi[connection] = false;
                let end = if random.chance(85) { "EXEC" } else { "DISCARD" };
                Step::Calls { connection, commands: vec![vec![end.as_bytes().to_vec()]] }
            }
            _ => {
                let mut command = self.command(random);
                if random.chance(8) {
                    mutate(&mut command, random);
                }
                if name(&command) == "MULTI" {
                    self.in_multi[connection] = true;
                }
                Step::Calls { connection, commands: vec![command] }
            }
        }
    }

    fn command(&self, random: &mut Random) -> Args {
        let (_, templates) = &self.families[random.below(self.families.len())];
        templates[random.below(templates.len())].fill(random)
    }

    fn block(&self, random: &mut Random) -> Step {
        let waiters = (0..1 + random.below(2))
            .map(|_| self.blocking[random.below(self.blocking.len())].fill(random));
        let waiters = waiters.collect();
        let meanwhile = (0..1 + random.below(5))
            .map(|_| (random.below(SENDERS), self.command(random)))
            .collect();
        Step::Block { waiters, meanwhile }
    }
}

/// The command inside a script that may use every key.
fn script(command: Args, random: &mut Random) -> Args {
    let unordered = [
        "SMEMBERS",
        "SINTER",
        "SUNION",
        "SDIFF",
        "KEYS",
        "HKEYS",
        "HVALS",
        "HGETALL",
        "SCAN",
        "SSCAN",
        "HSCAN",
        "ZSCAN",
        "SRANDMEMBER",
        "HRANDFIELD",
        "ZRANDMEMBER",
        "RANDOMKEY",
        "TIME",
    ];
    let plain = unordered.contains(&name(&command).as_str());
    let text = SCRIPTS[if plain { 0 } else { random.below(SCRIPTS.len()) }];
    let head = ["EVAL", text, "18", LEXICAL, PLACES]
        .into_iter()
        .chain(KEYS)
        .map(|arg| arg.as_bytes().to_vec());
    head.chain(command).collect()
}

/// Writes a command so that it can be typed into `redis-cli`.
pub(crate) fn show(args: &[Vec<u8>]) -> String {
    let mut text = String::new();
    for arg in args {
        let plain = !arg.is_empty() && arg.iter().all(|byte| byte.is_ascii_graphic());
        let plain = plain && !arg.contains(&b'"') && !arg.contains(&b'\'');
        if plain {
            let _ = write!(text, "{} ", String::from_utf8_lossy(arg));
        } else {
            let _ = write!(text, "\"{}\" ", arg.escape_ascii());
        }
    }
    text
}
