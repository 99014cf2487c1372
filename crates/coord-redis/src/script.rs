//! Scripts as typed constants, and how one is run.

use std::sync::OnceLock;

use redis::Cmd;

use crate::layout::KeyLayout;

/// A Lua script with its digest.
pub(crate) struct Script {
    name: &'static str,
    source: &'static str,
    digest: OnceLock<String>,
}

impl Script {
    pub(crate) const fn new(name: &'static str, source: &'static str) -> Self {
        Self { name, source, digest: OnceLock::new() }
    }

    /// `layout/verb`, for messages.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    fn digest(&self) -> &str {
        self.digest.get_or_init(|| sha1_smol::Sha1::from(self.source).digest().to_string())
    }
}

/// The same verb in both layouts.
pub(crate) struct ScriptPair {
    pub(crate) compact: Script,
    pub(crate) tta: Script,
}

impl ScriptPair {
    pub(crate) const fn of(&self, layout: KeyLayout) -> &Script {
        match layout {
            KeyLayout::Compact => &self.compact,
            KeyLayout::Tta => &self.tta,
        }
    }
}

/// A script with its keys and arguments, ready to run.
///
/// The arguments are written where they go over the wire from, once.
pub(crate) struct Call<'a> {
    pub(crate) script: &'a Script,
    by_digest: Cmd,
}

impl<'a> Call<'a> {
    pub(crate) fn new(script: &'a Script, keys: Vec<String>) -> Self {
        Self::with_room(script, keys, 0)
    }

    /// With room for arguments of so many bytes, which then are not moved about.
    // By value: every caller makes the names for this one call.
    #[expect(clippy::needless_pass_by_value, reason = "reads better at every call")]
    pub(crate) fn with_room(script: &'a Script, keys: Vec<String>, bytes: usize) -> Self {
        const NAME: &str = "EVALSHA";
        let names: usize = keys.iter().map(String::len).sum();
        let digest = script.digest();
        let bytes = NAME.len() + digest.len() + names + 64 + bytes;
        let mut by_digest = Cmd::with_capacity(keys.len() + 16, bytes);
        by_digest.arg(NAME).arg(digest).arg(keys.len()).arg(&keys);
        Self { script, by_digest }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<[u8]>) -> Self {
        self.by_digest.arg(arg.as_ref());
        self
    }

    pub(crate) fn number(mut self, number: u64) -> Self {
        self.by_digest.arg(number);
        self
    }

    pub(crate) fn flag(self, flag: bool) -> Self {
        self.arg(if flag { "1" } else { "0" })
    }

    pub(crate) fn args<A: AsRef<[u8]>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// By digest: what runs nearly always.
    pub(crate) const fn by_digest(&self) -> &Cmd {
        &self.by_digest
    }

    /// By source: after the server answered that it does not know the digest.
    pub(crate) fn by_source(&self) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(self.script.source);
        for arg in self.by_digest.args_iter().skip(2) {
            if let redis::Arg::Simple(bytes) = arg {
                command.arg(bytes);
            }
        }
        command
    }
}

/// Joins a script from shared parts and its own file, at compile time.
macro_rules! lua {
    ($name:literal: $($part:literal),+ $(,)?) => {
        $crate::script::Script::new($name, concat!($(include_str!(concat!("../scripts/", $part)), "\n"),+))
    };
}
pub(crate) use lua;
