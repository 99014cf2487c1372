//! A real master with a replica, watched by sentinels.

use super::cluster::{settle, text, unexpected};
use super::{Frame, RealServer, RealServerBuilder, ServerError, builder};

/// Name under which the sentinels know the master.
const SERVICE: &str = "coord";
/// Sentinels that must agree.
const QUORUM: &str = "2";
const SENTINELS: usize = 3;

/// A master, a replica and three sentinels that watch them.
///
/// # Defaults
/// - the master is known as `coord`, two of three sentinels must agree
/// - a server that is silent for 500 ms counts as down
#[derive(Debug)]
pub struct RealSentinel {
    servers: Vec<RealServer>,
    sentinels: Vec<RealServer>,
}

impl RealSentinel {
    /// Starts everything and waits until all sentinels know the replica and each other.
    ///
    /// # Errors
    /// As [`RealServer::start`], and [`ServerError::Unsettled`] after a minute.
    pub fn start() -> Result<Self, ServerError> {
        let master = RealServerBuilder::new().private().start()?;
        let port = master.port().to_string();
        let replica = RealServerBuilder::new()
            .arg("--replicaof")
            .arg(format!("127.0.0.1 {port}"))
            .arg("--repl-diskless-sync-delay")
            .arg("0")
            .start()?;
        // A sentinel looks at once and then every ten seconds: the replica must be there.
        settle("a replica in step", || {
            let info = text(&replica.command(&["INFO", "replication"])?);
            let linked = info.lines().any(|line| line == "master_link_status:up");
            Ok(if linked { Ok(()) } else { Err(info) })
        })?;
        let sentinels = (0..SENTINELS).map(|_| start_sentinel(&port)).collect::<Result<_, _>>()?;
        let started = Self { servers: vec![master, replica], sentinels };
        started.await_known()?;
        Ok(started)
    }

    /// As [`start`](Self::start), or `None` on a machine without a server, said aloud.
    ///
    /// # Panics
    /// As [`RealServer::start_or_ignore`].
    pub fn start_or_ignore(name: &str) -> Option<Self> {
        builder::found_or_ignore(Self::start(), name)
    }

    /// The name under which the sentinels know the master.
    pub fn service(&self) -> &'static str {
        SERVICE
    }

    /// The addresses of the sentinels.
    pub fn urls(&self) -> Vec<String> {
        self.sentinels.iter().map(RealServer::url).collect()
    }

    /// The two data servers; which of them is the master changes.
    pub fn servers(&self) -> &[RealServer] {
        &self.servers
    }

    /// A data server, to kill, restart, pause or resume it.
    ///
    /// # Panics
    /// When `at` is neither 0 nor 1.
    pub fn server_mut(&mut self, at: usize) -> &mut RealServer {
        &mut self.servers[at]
    }

    /// Index of the server that the first sentinel takes for the master.
    ///
    /// # Errors
    /// A sentinel's refusal or a failing connection.
    pub fn master(&self) -> Result<usize, ServerError> {
        self.master_of(&self.sentinels[0])
    }

    /// Makes the sentinels promote the replica, waits until all of them agree and
    /// the replica is a master, and returns its index.
    ///
    /// The former master still takes writes, which will be lost, until the sentinels
    /// demote it about ten seconds later, see [`await_replica`](Self::await_replica).
    ///
    /// # Errors
    /// A sentinel's refusal, or [`ServerError::Unsettled`] after a minute.
    pub fn failover(&self) -> Result<usize, ServerError> {
        let old = self.begin_failover()?;
        self.await_master(1 - old)?;
        Ok(1 - old)
    }

    /// Makes the sentinels promote the replica, and returns the index of the former master
    /// without waiting for it.
    ///
    /// # Errors
    /// As [`failover`](Self::failover).
    pub fn begin_failover(&self) -> Result<usize, ServerError> {
        let old = self.master()?;
        // Refused while the last failover is still being worked off.
        settle("a failover", || {
            match self.sentinels[0].command(&["SENTINEL", "FAILOVER", SERVICE]) {
                Ok(_) => Ok(Ok(())),
                Err(ServerError::Reply { message }) => Ok(Err(message)),
                Err(error) => Err(error),
            }
        })?;
        Ok(old)
    }

    /// Waits until every sentinel takes a server for the master and it is one.
    ///
    /// # Errors
    /// [`ServerError::Unsettled`] after a minute.
    pub fn await_master(&self, wanted: usize) -> Result<(), ServerError> {
        settle("the new master on all sentinels", || {
            for sentinel in &self.sentinels {
                let found = self.master_of(sentinel)?;
                if found != wanted {
                    return Ok(Err(format!("master is {found}")));
                }
            }
            let role = format!("{:?}", self.servers[wanted].command(&["ROLE"])?);
            let master = format!("{:?}", Frame::Bulk(b"master".to_vec()));
            Ok(if role.contains(&master) { Ok(()) } else { Err(role) })
        })
    }

    /// Waits until a server is a replica.
    ///
    /// # Errors
    /// [`ServerError::Unsettled`] after a minute.
    pub fn await_replica(&self, at: usize) -> Result<(), ServerError> {
        settle("the old master as a replica", || {
            let role = format!("{:?}", self.servers[at].command(&["ROLE"])?);
            let slave = format!("{:?}", Frame::Bulk(b"slave".to_vec()));
            Ok(if role.contains(&slave) { Ok(()) } else { Err(role) })
        })
    }

    fn master_of(&self, sentinel: &RealServer) -> Result<usize, ServerError> {
        let address = sentinel.command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE])?;
        let Frame::Array(parts) = address else {
            return Err(unexpected("the sentinel knows no master"));
        };
        let port = parts.get(1).map(text).unwrap_or_default();
        self.servers
            .iter()
            .position(|server| server.port().to_string() == port)
            .ok_or_else(|| unexpected("the master is none of ours"))
    }

    fn await_known(&self) -> Result<(), ServerError> {
        settle("sentinels that know each other and the replica", || {
            for sentinel in &self.sentinels {
                let Frame::Array(facts) = sentinel.command(&["SENTINEL", "MASTER", SERVICE])?
                else {
                    return Err(unexpected("SENTINEL MASTER is not an array"));
                };
                let facts: Vec<_> = facts.iter().map(text).collect();
                let fact = |name: &str| {
                    let at = facts.chunks(2).find(|pair| pair[0] == name)?;
                    at.get(1).map(String::as_str)
                };
                let others = (SENTINELS - 1).to_string();
                let known = fact("num-slaves") == Some("1")
                    && fact("num-other-sentinels") == Some(&*others)
                    && fact("flags") == Some("master");
                if !known {
                    return Ok(Err(format!("{facts:?}")));
                }
            }
            Ok(Ok(()))
        })
    }
}

fn start_sentinel(master_port: &str) -> Result<RealServer, ServerError> {
    let lines = [
        format!("sentinel monitor {SERVICE} 127.0.0.1 {master_port} {QUORUM}"),
        format!("sentinel down-after-milliseconds {SERVICE} 500"),
        format!("sentinel failover-timeout {SERVICE} 2000"),
    ];
    RealServerBuilder::new().sentinel(lines.join("\n")).start()
}
