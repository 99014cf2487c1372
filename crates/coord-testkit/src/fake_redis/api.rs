//! The public handle of a fake server.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::clock::Clock;
use super::config::Config;
use super::server::{Shared, serve};
use super::state::State;

/// Bytes an in-process stream holds in each direction.
const DUPLEX_BYTES: usize = 64 * 1024;

/// A Redis server inside the process, for tests.
///
/// It listens on a free loopback port and runs on the runtime that started it.
/// Dropping it closes the port and all connections.
#[derive(Debug)]
pub struct FakeRedis {
    shared: Arc<Shared>,
    address: SocketAddr,
    accept: tokio::task::AbortHandle,
}

impl FakeRedis {
    /// Starts a server with the defaults: system clock, strict mode, no password.
    ///
    /// # Errors
    /// The error of the operating system if no loopback port can be opened.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let state = State::new(Clock::system(), Config::default(), true, 1);
        let shared = Arc::new(Shared::new(state));
        let accept = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self { shared, address, accept })
    }

    /// The address it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a URL (`redis://127.0.0.1:port`).
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Turns strict mode on or off: whether a script may touch keys its caller did not
    /// declare, as a standalone Redis lets it.
    pub fn set_strict(&self, strict: bool) {
        self.shared.lock().strict = strict;
    }

    /// A connection inside the process, without a socket.
    #[must_use]
    pub fn duplex(&self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(DUPLEX_BYTES);
        tokio::spawn(serve(server, Arc::clone(&self.shared), "duplex:0".into(), "duplex:0".into()));
        client
    }
}

impl Drop for FakeRedis {
    fn drop(&mut self) {
        self.accept.abort();
        for session in self.shared.lock().sessions.values_mut() {
            session.killed = true;
            session.wake.notify_one();
        }
    }
}

/// Accepts connections; the tasks of all of them end with this one.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, peer)) = accepted {
                let local = stream.local_addr().map_or_else(|_| String::new(), |at| at.to_string());
                // Without it each small reply could wait for an acknowledgement.
                let _best_effort = stream.set_nodelay(true);
                connections.spawn(serve(stream, Arc::clone(&shared), peer.to_string(), local));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
