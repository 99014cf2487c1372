//! Finding a server binary, a free port, and waiting until the server answers.

use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Frame, Instance, Origin, RawClient, RealServer, RealServerBuilder, ServerError};

/// The unix socket's name in the server's directory.
pub(super) const SOCKET: &str = "redis.sock";
const LOG: &str = "server.log";
const CONFIG: &str = "sentinel.conf";

/// How long a server may take until it answers.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Pause between two looks at something another process does.
pub(super) const POLL: Duration = Duration::from_millis(5);
/// Ports tried when another process is faster in taking the chosen one.
const PORTS_TRIED: usize = 8;

/// Below the usual range of outgoing connections, so that a port stays free
/// between kill and restart; 10000 more is the cluster bus and still below it.
const PORTS: std::ops::Range<u16> = 11_000..22_000;
const BUS_OFFSET: u16 = 10_000;

pub(super) fn start(options: &RealServerBuilder) -> Result<RealServer, ServerError> {
    if !options.private
        && let Ok(url) = std::env::var("COORD_TEST_REDIS_URL")
    {
        let port = port_of(&url).ok_or_else(|| ServerError::Url { url: url.clone() })?;
        return Ok(RealServer { origin: Origin::Given { url, port } });
    }
    let binary = find_binary()?;
    let mut tried = 0;
    loop {
        tried += 1;
        let mut own = Instance {
            options: options.clone(),
            binary: binary.clone(),
            port: free_port()?,
            child: None,
            dir: tempfile::Builder::new().prefix("coord-redis-").tempdir()?,
        };
        match own.launch() {
            Ok(()) => return Ok(RealServer { origin: Origin::Private(Box::new(own)) }),
            // Between our look and its bind, another test took the port.
            Err(ServerError::NotReady { log, .. })
                if tried < PORTS_TRIED && log.contains("Address already in use") => {}
            Err(error) => return Err(error),
        }
    }
}

impl Instance {
    /// Spawns the process and waits until it answers PING under its own pid.
    pub(super) fn launch(&mut self) -> Result<(), ServerError> {
        let log = File::options().create(true).append(true).open(self.dir.path().join(LOG))?;
        let mut command = Command::new(&self.binary);
        if let Some(lines) = &self.options.sentinel {
            // It rewrites the file, so a restart must not begin from scratch.
            let config = self.dir.path().join(CONFIG);
            if !config.exists() {
                std::fs::write(&config, lines)?;
            }
            command.arg(config).arg("--sentinel");
        }
        command
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .arg("--dir")
            .arg(self.dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        if self.options.sentinel.is_none() {
            let append_only = if self.options.append_only { "yes" } else { "no" };
            command.args(["--save", "", "--appendonly", append_only]);
        }
        if self.options.append_only {
            command.args(["--appendfsync", "always"]);
        }
        if self.options.unix_socket {
            command.arg("--unixsocket").arg(self.dir.path().join(SOCKET));
        }
        if let Some(password) = &self.options.password {
            command.args(["--requirepass", password, "--masterauth", password]);
        }
        let child = command
            .args(&self.options.args)
            .spawn()
            .map_err(|source| ServerError::Spawn { binary: self.binary.clone(), source })?;
        self.child = Some(child);
        self.await_ready()
    }

    fn await_ready(&mut self) -> Result<(), ServerError> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let reason = match self.probe() {
                Ok(()) => return Ok(()),
                Err(error) => format!("{error:?}"),
            };
            let ended = match &mut self.child {
                Some(child) => child.try_wait()?,
                None => return Err(ServerError::Stopped),
            };
            let reason = match ended {
                Some(status) => format!("process ended with {status}"),
                None if Instant::now() >= deadline => reason,
                None => {
                    std::thread::sleep(POLL);
                    continue;
                }
            };
            self.end();
            let log = log_tail(&self.dir.path().join(LOG));
            return Err(ServerError::NotReady { port: self.port, reason, log });
        }
    }

    /// One PING, and a look whether it is our process that answers.
    fn probe(&self) -> Result<(), ServerError> {
        let mut client = RawClient::connect(self.port)?;
        if let Some(password) = &self.options.password {
            client.checked(&["AUTH", password])?;
        }
        client.checked(&["PING"])?;
        let Frame::Bulk(info) = client.checked(&["INFO", "server"])? else {
            return Err(ServerError::Reply { message: "INFO is not a string".to_owned() });
        };
        let info = String::from_utf8_lossy(&info).into_owned();
        let pid = info.lines().find_map(|line| line.strip_prefix("process_id:"));
        let ours = self.child.as_ref().map(|child| child.id().to_string());
        if pid == ours.as_deref() {
            Ok(())
        } else {
            Err(ServerError::Reply { message: format!("another process answers: {pid:?}") })
        }
    }
}

/// The binary to run, or [`ServerError::NotFound`].
pub(super) fn find_binary() -> Result<PathBuf, ServerError> {
    if let Some(binary) = std::env::var_os("COORD_TEST_SERVER_BIN").filter(|path| !path.is_empty())
    {
        return Ok(binary.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    ["redis-server", "valkey-server"]
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |dir| dir.join(name)))
        .find(|candidate| candidate.is_file())
        .ok_or(ServerError::NotFound)
}

/// A port on which nobody listens, with its cluster bus free as well.
fn free_port() -> Result<u16, ServerError> {
    let span = PORTS.end - PORTS.start;
    // A fresh `RandomState` is the standard library's only source of randomness.
    let random = RandomState::new().build_hasher().finish() % u64::from(span);
    let first = u16::try_from(random).unwrap_or_default();
    (0..span)
        .map(|step| PORTS.start + (first + step) % span)
        .find(|&port| {
            let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
            free(port) && free(port + BUS_OFFSET)
        })
        .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::AddrInUse).into())
}

fn port_of(url: &str) -> Option<u16> {
    let authority = url.strip_prefix("redis://")?.split('/').next()?;
    authority.rsplit_once(':')?.1.parse().ok()
}

fn log_tail(path: &Path) -> String {
    const LINES: usize = 20;
    let log = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
