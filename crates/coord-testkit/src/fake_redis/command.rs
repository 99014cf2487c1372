//! Rows of the command table.

use bytes::Bytes;

use super::call::Call;
use super::failure::Failure;
use super::reply::Reply;

/// What runs a command.
pub(crate) type Handler = fn(&mut Call<'_>) -> Result<Reply, Failure>;

/// Properties of a command, combined with `|`.
pub(crate) mod flag {
    /// May change the data.
    pub(crate) const WRITE: u32 = 1;
    /// Only reads.
    pub(crate) const READONLY: u32 = 1 << 1;
    /// Refused when memory is short.
    pub(crate) const DENYOOM: u32 = 1 << 2;
    pub(crate) const ADMIN: u32 = 1 << 3;
    pub(crate) const PUBSUB: u32 = 1 << 4;
    /// Not callable from a script.
    pub(crate) const NOSCRIPT: u32 = 1 << 5;
    /// May block the connection.
    pub(crate) const BLOCKING: u32 = 1 << 6;
    pub(crate) const FAST: u32 = 1 << 7;
    /// Allowed before AUTH.
    pub(crate) const NO_AUTH: u32 = 1 << 8;
    /// Not allowed inside MULTI.
    pub(crate) const NO_MULTI: u32 = 1 << 9;
    /// Allowed while a script is busy.
    pub(crate) const ALLOW_BUSY: u32 = 1 << 10;
    /// Executed at once even inside MULTI.
    pub(crate) const UNQUEUED: u32 = 1 << 11;
    /// Allowed to a RESP2 subscriber.
    pub(crate) const IN_SUBSCRIBER: u32 = 1 << 12;
    /// Allowed while loading.
    pub(crate) const LOADING: u32 = 1 << 13;
    /// Allowed on a stale replica.
    pub(crate) const STALE: u32 = 1 << 14;
    /// Keys are found by `GETKEYS` only (EVAL, SORT, MIGRATE).
    pub(crate) const MOVABLE_KEYS: u32 = 1 << 15;
    pub(crate) const SKIP_MONITOR: u32 = 1 << 16;
    /// Sensitive: dangerous by ACL category.
    pub(crate) const DANGEROUS: u32 = 1 << 17;
    /// Does nothing to the data but matters to replicas (PUBLISH, EVAL).
    pub(crate) const MAY_REPLICATE: u32 = 1 << 18;
}

/// Where the keys of a command stand among its arguments (0 is the name).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keys {
    None,
    /// From `first` to `last` (negative counts from the end) in steps.
    Range {
        first: usize,
        last: i32,
        step: usize,
    },
    /// A count at this index, the keys after it.
    Counted(usize),
    /// A destination at index 1, a count at index 2, the keys after it.
    DestAndCounted,
    /// The indexes of the keys; an error text is left to the command itself.
    Custom(fn(&[Bytes]) -> Vec<usize>),
}

/// The number at the start of a text, as C's `atoi` reads it; where keys are counted, Redis looks
/// no further.
fn leading_count(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    super::number::parse_i64(&text[..digits]).unwrap_or(0)
}

impl Keys {
    /// One key, right after the name.
    pub(crate) const ONE: Self = Self::Range { first: 1, last: 1, step: 1 };
    /// Two keys, right after the name.
    pub(crate) const TWO: Self = Self::Range { first: 1, last: 2, step: 1 };
    /// Every argument.
    pub(crate) const ALL: Self = Self::Range { first: 1, last: -1, step: 1 };
    /// Every second argument (MSET).
    pub(crate) const PAIRS: Self = Self::Range { first: 1, last: -1, step: 2 };
    /// Every argument but the last (BLPOP).
    pub(crate) const BEFORE_LAST: Self = Self::Range { first: 1, last: -2, step: 1 };
    /// The argument after the subcommand.
    pub(crate) const SECOND: Self = Self::Range { first: 2, last: 2, step: 1 };

    /// Indexes of the keys among `args`.
    pub(crate) fn find(&self, args: &[Bytes]) -> Vec<usize> {
        let counted = |at: usize| -> Vec<usize> {
            let count = args.get(at).map_or(0, |arg| leading_count(arg));
            let count = usize::try_from(count).unwrap_or(0);
            if count > args.len().saturating_sub(at + 1) {
                return Vec::new();
            }
            (at + 1..=at + count).collect()
        };
        match *self {
            Self::None => Vec::new(),
            Self::Range { first, last, step } => {
                let last = if last < 0 {
                    args.len().saturating_sub(last.unsigned_abs() as usize)
                } else {
                    usize::try_from(last).unwrap_or(0)
                };
                (first..=last.min(args.len().saturating_sub(1))).step_by(step).collect()
            }
            Self::Counted(at) => counted(at),
            Self::DestAndCounted => {
                let mut keys = counted(2);
                // Redis names the destination last where it has to read the count leniently.
                let exact = args.get(2).is_some_and(|arg| super::number::parse_i64(arg).is_some());
                match (keys.is_empty(), exact) {
                    (true, _) => {}
                    (false, true) => keys.insert(0, 1),
                    (false, false) => keys.push(1),
                }
                keys
            }
            Self::Custom(find) => find(args),
        }
    }
}

/// One command or subcommand.
#[derive(Debug)]
pub(crate) struct Command {
    /// Lower case; a subcommand carries its own name only.
    pub(crate) name: &'static str,
    /// Arguments with the name; negative means at least.
    pub(crate) arity: i32,
    pub(crate) flags: u32,
    pub(crate) keys: Keys,
    pub(crate) run: Handler,
    /// Subcommands; where there are some, the first argument selects one of them.
    pub(crate) subcommands: &'static [Self],
    /// ACL categories beyond those that follow from the flags, for example `string`.
    pub(crate) group: &'static str,
}

impl Command {
    /// A plain command.
    pub(crate) const fn new(
        name: &'static str,
        arity: i32,
        flags: u32,
        keys: Keys,
        run: Handler,
    ) -> Self {
        Self { name, arity, flags, keys, run, subcommands: &[], group: "" }
    }

    /// A command that is only a name for its subcommands.
    pub(crate) const fn container(name: &'static str, subcommands: &'static [Self]) -> Self {
        Self {
            name,
            arity: -2,
            flags: 0,
            keys: Keys::None,
            run: no_handler,
            subcommands,
            group: "",
        }
    }

    pub(crate) const fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    pub(crate) fn arity_fits(&self, count: usize) -> bool {
        let wanted = self.arity.unsigned_abs() as usize;
        if self.arity < 0 { count >= wanted } else { count == wanted }
    }
}

fn no_handler(call: &mut Call<'_>) -> Result<Reply, Failure> {
    Err(Failure::arity(&call.name()))
}

/// The rows of one theme, all in the same ACL category.
#[derive(Debug)]
pub(crate) struct Family {
    /// ACL category without `@`, for example `string`.
    pub(crate) group: &'static str,
    pub(crate) commands: &'static [Command],
}
