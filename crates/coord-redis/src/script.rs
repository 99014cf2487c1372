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
pub(crate) struct Call<'a> {
    pub(crate) script: &'a Script,
    keys: Vec<String>,
    args: Vec<Vec<u8>>,
}

impl<'a> Call<'a> {
    pub(crate) const fn new(script: &'a Script, keys: Vec<String>) -> Self {
        Self { script, keys, args: Vec::new() }
    }

    pub(crate) fn arg(mut self, arg: impl Into<Vec<u8>>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn number(self, number: u64) -> Self {
        self.arg(number.to_string())
    }

    pub(crate) fn flag(self, flag: bool) -> Self {
        self.arg(if flag { "1" } else { "0" })
    }

    pub(crate) fn args<A: Into<Vec<u8>>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// By digest: what runs nearly always.
    pub(crate) fn by_digest(&self) -> Cmd {
        self.command("EVALSHA", self.script.digest())
    }

    /// By source: after the server answered that it does not know the digest.
    pub(crate) fn by_source(&self) -> Cmd {
        self.command("EVAL", self.script.source)
    }

    fn command(&self, verb: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(verb);
        command.arg(script).arg(self.keys.len());
        for key in &self.keys {
            command.arg(key);
        }
        for arg in &self.args {
            command.arg(arg.as_slice());
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
