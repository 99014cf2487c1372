//! What the server keeps for scripting: sources, libraries, the interpreter.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::failure::Failure;
use super::lua::MluaEngine;
use super::lua::engine::{Control, Limits, LuaEngine, Registered};

/// Lines of `redis.log` kept; older ones are dropped.
const LOG_LINES: usize = 1000;

/// Scripting state of one server.
#[derive(Debug, Default)]
pub(crate) struct Scripts {
    /// Taken out while a script runs; started at first use.
    pub(crate) engine: Option<MluaEngine>,
    /// Known scripts by SHA1 in lower-case hex.
    pub(crate) scripts: HashMap<String, Script>,
    /// Loaded libraries by name.
    pub(crate) libraries: BTreeMap<String, Library>,
    /// Seen by all connections without the lock of the state.
    pub(crate) control: Arc<Control>,
    pub(crate) limits: Limits,
    /// Texts that are replaced in scripts, by what.
    pub(crate) edits: Vec<(Vec<u8>, Vec<u8>)>,
    /// Lines of `redis.log` with their level.
    pub(crate) log: VecDeque<(u8, Vec<u8>)>,
}

/// A script that compiled.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// The flags of the shebang line; none for a script without one.
    pub(crate) flags: Option<Vec<&'static str>>,
}

/// A library of functions.
#[derive(Debug, Clone)]
pub(crate) struct Library {
    pub(crate) code: Bytes,
    pub(crate) functions: Vec<Registered>,
}

impl Scripts {
    /// Empty scripting state of another node of the same server.
    pub(crate) fn of_another_node(&self) -> Self {
        Self {
            control: Arc::clone(&self.control),
            limits: self.limits,
            edits: self.edits.clone(),
            ..Self::default()
        }
    }

    /// The interpreter, started if there is none yet.
    pub(crate) fn engine(&mut self) -> Result<&mut MluaEngine, Failure> {
        if self.engine.is_none() {
            let engine = MluaEngine::new(Arc::clone(&self.control));
            self.engine = Some(engine.map_err(|text| Failure::new(format!("ERR no Lua: {text}")))?);
        }
        self.engine.as_mut().ok_or(Failure::fixed("ERR the Lua interpreter is in use"))
    }

    /// Compiles a script and keeps it under its SHA1, which is returned.
    pub(crate) fn add(&mut self, body: &[u8]) -> Result<String, Failure> {
        let sha = sha1_smol::Sha1::from(body).digest().to_string();
        if !self.scripts.contains_key(&sha) {
            let (flags, code) = shebang(body)?;
            let code = self.edited(code);
            self.engine()?.compile(&sha, &code).map_err(|text| {
                Failure::new(format!("ERR Error compiling script (new function): {text}"))
            })?;
            self.scripts.insert(sha.clone(), Script { flags });
        }
        Ok(sha)
    }

    /// The code of a script with all replacements made.
    fn edited<'a>(&self, code: &'a [u8]) -> Cow<'a, [u8]> {
        let mut code = Cow::Borrowed(code);
        for (from, to) in self.edits.iter().filter(|(from, _)| !from.is_empty()) {
            let Some(at) = code.windows(from.len()).position(|window| window == from) else {
                continue;
            };
            let (before, after) = (&code[..at], &code[at + from.len()..]);
            code = Cow::Owned([before, to, after].concat());
        }
        code
    }

    /// Forgets all scripts.
    pub(crate) fn flush(&mut self) {
        self.scripts.clear();
        if let Some(engine) = self.engine.as_mut() {
            engine.forget_scripts();
        }
    }

    /// The function of this name.
    pub(crate) fn function(&self, name: &str) -> Option<&Registered> {
        self.libraries
            .values()
            .flat_map(|l| &l.functions)
            .find(|f| f.name.eq_ignore_ascii_case(name))
    }

    /// True for a request to run a script or function that is declared to write nothing.
    pub(crate) fn only_reads(&self, command: &str, args: &[Bytes]) -> bool {
        let Some(given) = args.get(1) else { return false };
        let named = String::from_utf8_lossy(given);
        match command {
            "eval" => shebang(given)
                .is_ok_and(|(flags, _)| flags.is_some_and(|flags| flags.contains(&"no-writes"))),
            "evalsha" => self
                .scripts
                .get(&named.to_ascii_lowercase())
                .and_then(|script| script.flags.as_ref())
                .is_some_and(|flags| flags.contains(&"no-writes")),
            "fcall" => {
                self.function(&named).is_some_and(|found| found.flags.contains(&"no-writes"))
            }
            _ => false,
        }
    }

    /// Loads a library; with `replace` over one of the same name, which stays if
    /// the new one fails. Returns its name.
    pub(crate) fn load(&mut self, code: &Bytes, replace: bool) -> Result<String, Failure> {
        let (name, body) = library_header(code)?;
        let old = self.libraries.remove(&name);
        if let Some(old) = old.as_ref().filter(|_| !replace) {
            self.libraries.insert(name.clone(), old.clone());
            return Err(Failure::new(format!("ERR Library '{name}' already exists")));
        }
        match self.load_body(body) {
            Ok(functions) => {
                for gone in old.into_iter().flat_map(|old| old.functions) {
                    self.engine()?.drop_function(&gone.name);
                }
                self.engine()?.publish();
                self.libraries.insert(name.clone(), Library { code: code.clone(), functions });
                Ok(name)
            }
            Err(failure) => {
                if let Some(old) = old {
                    self.libraries.insert(name, old);
                }
                Err(failure)
            }
        }
    }

    fn load_body(&mut self, body: &[u8]) -> Result<Vec<Registered>, Failure> {
        let functions = self.engine()?.load_library(body).map_err(Failure::new)?;
        match functions.iter().find(|f| self.function(&f.name).is_some()) {
            Some(taken) => Err(Failure::new(format!("ERR Function {} already exists", taken.name))),
            None => Ok(functions),
        }
    }

    /// Drops a library; false if there is none.
    pub(crate) fn drop_library(&mut self, name: &str) -> bool {
        let Some(library) = self.libraries.remove(name) else { return false };
        if let Some(engine) = self.engine.as_mut() {
            for function in &library.functions {
                engine.drop_function(&function.name);
            }
        }
        true
    }

    /// Drops every library.
    pub(crate) fn drop_libraries(&mut self) {
        for name in self.libraries.keys().cloned().collect::<Vec<_>>() {
            self.drop_library(&name);
        }
    }

    /// Keeps a line of `redis.log`.
    pub(crate) fn keep_log(&mut self, level: u8, text: Vec<u8>) {
        if self.log.len() == LOG_LINES {
            self.log.pop_front();
        }
        self.log.push_back((level, text));
    }
}

type Flags = Option<Vec<&'static str>>;

const FLAGS: &[&str] =
    &["no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"];

/// Splits a script into the flags of its shebang line and the code after it.
fn shebang(body: &[u8]) -> Result<(Flags, &[u8]), Failure> {
    if !body.starts_with(b"#!") {
        return Ok((None, body));
    }
    let Some(end) = body.iter().position(|b| *b == b'\n') else {
        return Err(Failure::fixed("ERR Invalid script shebang"));
    };
    let line = String::from_utf8_lossy(&body[..end]);
    let mut parts = line.split_ascii_whitespace();
    let engine = parts.next().unwrap_or_default();
    if engine != "#!lua" {
        return Err(Failure::new(format!("ERR Unexpected engine in script shebang: {engine}")));
    }
    let mut flags = Vec::new();
    for part in parts {
        let Some(list) = part.strip_prefix("flags=") else {
            return Err(Failure::new(format!("ERR Unknown lua shebang option: {part}")));
        };
        for name in list.split(',').filter(|_| !list.is_empty()) {
            match FLAGS.iter().find(|flag| **flag == name) {
                Some(flag) => flags.push(*flag),
                None => {
                    let text = format!("ERR Unexpected flag in script shebang: {name}");
                    return Err(Failure::new(text));
                }
            }
        }
    }
    Ok((Some(flags), &body[end..]))
}

/// Splits a library into its name and the code after the first line.
fn library_header(code: &[u8]) -> Result<(String, &[u8]), Failure> {
    if !code.starts_with(b"#!") {
        return Err(Failure::fixed("ERR Missing library metadata"));
    }
    let Some(end) = code.iter().position(|b| *b == b'\n') else {
        return Err(Failure::fixed("ERR Invalid library metadata"));
    };
    let parts = super::request::split_args(&code[..end])
        .filter(|parts| !parts.is_empty())
        .ok_or(Failure::fixed("ERR Invalid library metadata"))?;
    let mut parts = parts.iter().map(|part| String::from_utf8_lossy(part));
    // The mark of the first line belongs to the engine's name.
    let engine = parts.next().unwrap_or_default().get(2..).unwrap_or_default().to_owned();
    let mut name = None;
    for part in parts {
        let given = part.get(..5).filter(|mark| mark.eq_ignore_ascii_case("name="));
        match given.map(|_| &part[5..]) {
            Some(_) if name.is_some() => {
                return Err(Failure::fixed(
                    "ERR Invalid metadata value, name argument was given multiple times",
                ));
            }
            Some(given) => name = Some(given.to_owned()),
            None => {
                return Err(Failure::new(format!("ERR Invalid metadata value given: {part}")));
            }
        }
    }
    let Some(name) = name else {
        return Err(Failure::fixed("ERR Library name was not given"));
    };
    if !super::lua::is_valid_name(&name) {
        return Err(Failure::new(format!("ERR {}", super::lua::INVALID_NAME)));
    }
    if !engine.eq_ignore_ascii_case("lua") {
        return Err(Failure::new(format!("ERR Engine '{engine}' not found")));
    }
    Ok((name, &code[end..]))
}
