//! The engine on Lua 5.1 itself, through the `mlua` bridge.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use mlua::chunk::ChunkMode;
use mlua::{Function, HookTriggers, Lua, MultiValue, Table, Value, VmState};

use super::super::reply::Reply;
use super::api::{Current, Exchange, current, error_handler};
use super::args::to_bytes;
use super::convert;
use super::engine::{Control, Host, LuaEngine, Registered, Run, Running, Target};
use super::library::{LoadEnvironment, Loading};
use super::raise::{Raise, Stopping};
use super::random::Random48;
use super::sandbox::{Sandbox, World};

/// Bytes each of the two interpreters may use.
pub(crate) const MEMORY_LIMIT: usize = 256 * 1024 * 1024;
/// Instructions between two looks at the bounds of a run.
const HOOK_STEP: u32 = 10_000;

/// How long the code of a library may run while it is loaded.
const LOAD_TIME: Duration = Duration::from_millis(500);

/// Bounds of the run in progress.
#[derive(Debug)]
struct Watch {
    running: Running,
    executed: u64,
    budget: u64,
    busy_after: Duration,
    /// A library is being loaded, which ends after so long.
    loading: Option<Duration>,
}

type Watching = Arc<Mutex<Option<Watch>>>;

/// Two interpreters, one for scripts and one for functions, with their caches.
#[derive(Debug)]
pub(crate) struct MluaEngine {
    scripts: Sandbox,
    functions: Sandbox,
    compiled: HashMap<String, Function>,
    loaded: Vec<(String, Function)>,
    callable: HashMap<String, Function>,
    watching: Watching,
    control: Arc<Control>,
}

impl MluaEngine {
    /// Starts the interpreters.
    ///
    /// # Errors
    /// An interpreter's error text; in practice only when memory is exhausted.
    pub(crate) fn new(control: Arc<Control>) -> Result<Self, String> {
        let watching = Watching::default();
        let random = Arc::new(Mutex::new(Random48::new()));
        let start = |world| -> mlua::Result<Sandbox> {
            let sandbox = Sandbox::new(world, MEMORY_LIMIT, &random)?;
            sandbox.lua.set_app_data(Current::idle());
            sandbox.lua.set_app_data(Loading::default());
            let watching = Arc::clone(&watching);
            let triggers = HookTriggers::new().every_nth_instruction(HOOK_STEP);
            sandbox.lua.set_global_hook(triggers, move |lua, _| check(lua, &watching))?;
            Ok(sandbox)
        };
        let scripts = start(World::Scripts).map_err(|e| e.to_string())?;
        let functions = start(World::Functions).map_err(|e| e.to_string())?;
        Ok(Self {
            scripts,
            functions,
            compiled: HashMap::new(),
            loaded: Vec::new(),
            callable: HashMap::new(),
            watching,
            control,
        })
    }

    fn watch(&self) -> MutexGuard<'_, Option<Watch>> {
        self.watching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, function: bool, limits: super::engine::Limits, loading: Option<Duration>) {
        for sandbox in [&self.scripts, &self.functions] {
            sandbox.lua.set_app_data(Stopping::default());
        }
        *self.watch() = Some(Watch {
            running: self.control.begin(function),
            executed: 0,
            budget: limits.instructions,
            busy_after: limits.busy_after,
            loading,
        });
    }
}

/// Called by the interpreter every [`HOOK_STEP`] instructions.
fn check(lua: &Lua, watching: &Watching) -> mlua::Result<VmState> {
    let mut watch = watching.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(watch) = watch.as_mut() else { return Ok(VmState::Continue) };
    if watch.running.control().kill_asked() {
        let text = b"Script killed by user with SCRIPT KILL.".to_vec();
        return Err(stop(lua, text));
    }
    if watch.loading.is_some_and(|time| watch.running.lasts_for(time)) {
        return Err(stop(lua, b"FUNCTION LOAD timeout".to_vec()));
    }
    watch.executed += u64::from(HOOK_STEP);
    if watch.executed > watch.budget {
        let text = format!(
            "the fake server stops scripts after {} instructions; a real one would go on and answer BUSY",
            watch.budget
        );
        return Err(stop(lua, text.into_bytes()));
    }
    watch.running.watch(watch.busy_after);
    Ok(VmState::Continue)
}

fn stop(lua: &Lua, text: Vec<u8>) -> mlua::Error {
    lua.set_app_data(Stopping(Some(text.clone())));
    Raise::Stopped(text).into()
}

impl LuaEngine for MluaEngine {
    fn compile(&mut self, sha: &str, body: &[u8]) -> Result<(), String> {
        if !self.compiled.contains_key(sha) {
            let function =
                compile(&self.scripts.lua, body, "@user_script").map_err(|e| message(&e))?;
            self.compiled.insert(sha.to_owned(), function);
        }
        Ok(())
    }

    fn forget_scripts(&mut self) {
        self.compiled.clear();
    }

    fn load_library(&mut self, body: &[u8]) -> Result<Vec<Registered>, String> {
        let lua = &self.functions.lua;
        let code = compile(lua, body, "@user_function")
            .map_err(|e| format!("ERR Error compiling function: {}", message(&e)))?;
        self.begin(true, super::engine::Limits::default(), Some(LOAD_TIME));
        let result = load(&self.functions, &code);
        *self.watch() = None;
        let functions = lua.app_data_mut::<Loading>().and_then(|mut loading| loading.0.take());
        result.map_err(|text| format!("ERR Error registering functions: {text}"))?;
        let functions = functions.unwrap_or_default();
        if functions.is_empty() {
            return Err("ERR No functions registered".to_owned());
        }
        self.loaded.clear();
        let mut registered = Vec::new();
        for (description, function) in functions {
            self.loaded.push((description.name.clone(), function));
            registered.push(description);
        }
        Ok(registered)
    }

    fn publish(&mut self) {
        self.callable.extend(self.loaded.drain(..));
    }

    fn drop_function(&mut self, name: &str) {
        self.callable.remove(name);
    }

    fn run(&mut self, run: &Run<'_>, host: &mut dyn Host) -> Reply {
        let (sandbox, function, name) = match run.target {
            Target::Script(sha) => (&self.scripts, self.compiled.get(sha), sha),
            Target::Function(name) => (&self.functions, self.callable.get(name), name),
        };
        let Some(function) = function else {
            return Reply::Error("NOSCRIPT No matching script. Please use EVAL.".to_owned());
        };
        self.begin(matches!(run.target, Target::Function(_)), run.limits, None);
        let result = execute(sandbox, function, run, name, host);
        *self.watch() = None;
        // A run must leave nothing behind for the next one.
        let cleaned = sandbox.clean();
        sandbox.lua.gc_restart();
        match result.and_then(|reply| cleaned.map(|()| reply)) {
            Ok(reply) => reply,
            Err(problem) => {
                Reply::Error(convert::one_line(format!("ERR {}", message(&problem)).as_bytes()))
            }
        }
    }
}

fn compile(lua: &Lua, body: &[u8], name: &str) -> mlua::Result<Function> {
    lua.load(body).set_name(name).set_mode(ChunkMode::Text).into_function()
}

fn message(problem: &mlua::Error) -> String {
    match problem {
        mlua::Error::SyntaxError { message, .. } => message.clone(),
        other => super::raise::unwrap(other).to_string(),
    }
}

/// Runs a library's code; the functions it registers stay in [`Loading`].
fn load(sandbox: &Sandbox, code: &Function) -> Result<(), String> {
    let text = |e: mlua::Error| format!("ERR {}", message(&e));
    let environment = LoadEnvironment::new(&sandbox.lua).map_err(text)?;
    code.set_environment(environment.table.clone()).map_err(text)?;
    if let Some(mut loading) = sandbox.lua.app_data_mut::<Loading>() {
        loading.0 = Some(Vec::new());
    }
    let handler = error_handler(&sandbox.lua, 2).map_err(text)?;
    let results: MultiValue = sandbox.invoke.call((code, handler)).map_err(text)?;
    environment.open(&sandbox.globals).map_err(text)?;
    match (results.front(), results.get(1)) {
        (Some(Value::Boolean(true)), _) => Ok(()),
        (_, problem) => Err(Problem::of(problem).map_err(text)?.text),
    }
}

fn execute(
    sandbox: &Sandbox,
    function: &Function,
    run: &Run<'_>,
    name: &str,
    host: &mut dyn Host,
) -> mlua::Result<Reply> {
    let lua = &sandbox.lua;
    let keys = strings(lua, run.keys)?;
    let args = strings(lua, run.args)?;
    let handler = error_handler(lua, 2)?;
    let results = lua.scope(|scope| {
        let serve = scope.create_function_mut(|lua, ()| serve(lua, host))?;
        *current(lua)? = Current { host: Some(serve), exchange: Exchange::Idle, resp3: false };
        match run.target {
            Target::Script(_) => {
                sandbox.globals.raw_set("KEYS", keys)?;
                sandbox.globals.raw_set("ARGV", args)?;
                sandbox.invoke.call::<MultiValue>((function, handler))
            }
            Target::Function(_) => sandbox.invoke.call((function, handler, keys, args)),
        }
    });
    let resp3 = std::mem::replace(&mut *current(lua)?, Current::idle()).resp3;
    let results = results?;
    match (results.front(), results.get(1)) {
        (Some(Value::Boolean(true)), value) => {
            convert::to_reply(value.unwrap_or(&Value::Nil), resp3)
        }
        (_, problem) => Ok(Reply::Error(Problem::of(problem)?.line(name))),
    }
}

/// Answers the exchange that a function of the `redis` table has left.
fn serve(lua: &Lua, host: &mut dyn Host) -> mlua::Result<()> {
    let request = std::mem::replace(&mut current(lua)?.exchange, Exchange::Idle);
    let answer = match request {
        Exchange::Call(args, resp3) => Exchange::Reply(host.call(args, resp3)),
        Exchange::MayCall(args) => Exchange::May(host.may_call(&args)),
        Exchange::Log(level, text) => {
            host.log(level, text);
            Exchange::Idle
        }
        other => other,
    };
    current(lua)?.exchange = answer;
    Ok(())
}

fn strings(lua: &Lua, items: &[Bytes]) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(items.len(), 0)?;
    for (index, item) in items.iter().enumerate() {
        table.raw_set(index + 1, lua.create_string(item)?)?;
    }
    Ok(table)
}

/// An uncaught error as the handler has left it.
struct Problem {
    text: String,
    place: Option<(String, i64)>,
}

impl Problem {
    fn of(value: Option<&Value>) -> mlua::Result<Self> {
        let Some(Value::Table(table)) = value else {
            // The handler itself failed: memory or the stack is exhausted.
            let text = value.and_then(to_bytes).unwrap_or_else(|| b"unknown error".to_vec());
            return Ok(Self { text: format!("ERR {}", convert::one_line(&text)), place: None });
        };
        let text =
            to_bytes(&table.raw_get("err")?).unwrap_or_else(|| b"ERR unknown error".to_vec());
        let source = to_bytes(&table.raw_get("source")?);
        let line = table.raw_get::<Option<i64>>("line")?;
        let place = source.zip(line).map(|(source, line)| (convert::one_line(&source), line));
        Ok(Self { text: convert::one_line(&text), place })
    }

    fn line(&self, name: &str) -> String {
        match &self.place {
            Some((source, line)) => format!("{} script: {name}, on {source}:{line}.", self.text),
            None => format!("{} script: {name}", self.text),
        }
    }
}
