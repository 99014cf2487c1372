//! Setting up a fake server.

use std::net::{Ipv4Addr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::future::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::TcpListener;
use tokio::task::unconstrained;

use super::api::FakeRedis;
use super::clock::Clock;
use super::config::Config;
use super::server::{Origin, serve};
use super::shared::Shared;
use super::state::State;

/// Sets up a [`FakeRedis`].
///
/// # Defaults
/// - clock: [`Clock::system`]
/// - strict: undeclared keys in scripts are errors
/// - password: none
/// - port: a free one
/// - seed: 1
#[derive(Debug, Clone)]
#[must_use]
pub struct FakeRedisBuilder {
    pub(crate) clock: Clock,
    pub(crate) strict: bool,
    pub(crate) password: String,
    pub(crate) port: u16,
    pub(crate) seed: u64,
}

impl FakeRedisBuilder {
    pub(crate) fn new() -> Self {
        Self { clock: Clock::system(), strict: true, password: String::new(), port: 0, seed: 1 }
    }

    /// Where TIME, TTL, stream ids and time-outs come from.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Lets scripts touch keys they were not given, as a standalone Redis does.
    pub const fn lenient(mut self) -> Self {
        self.strict = false;
        self
    }

    /// The password of the default user (`requirepass`).
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = password.into();
        self
    }

    /// The loopback port to listen on; 0 takes a free one.
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The seed of everything random: RANDOMKEY, SPOP, faults with a probability.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Starts the server on the current runtime.
    ///
    /// # Errors
    /// The error of the operating system if the port cannot be opened.
    pub async fn start(self) -> std::io::Result<FakeRedis> {
        let state = self.state();
        self.listen(state, 1).await
    }

    pub(crate) fn state(&self) -> State {
        let mut config = Config::default();
        config.password = self.password.clone().into();
        let mut state = State::new(self.clock.clone(), config, self.strict, self.seed);
        state.users.set_default_password(self.password.as_bytes());
        state
    }

    /// Opens one listener for each node.
    pub(crate) async fn listen(self, mut state: State, nodes: usize) -> std::io::Result<FakeRedis> {
        let mut sockets = Vec::with_capacity(nodes);
        for node in 0..nodes {
            let port =
                if self.port == 0 { 0 } else { self.port + u16::try_from(node).unwrap_or(0) };
            let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
            sockets.push((socket.local_addr()?, socket));
        }
        let addresses: Vec<SocketAddr> = sockets.iter().map(|(address, _)| *address).collect();
        state.ports = addresses.iter().map(SocketAddr::port).collect();
        let shared = Arc::new(Shared::new(state));
        let tasks = sockets.into_iter().enumerate().map(|(node, (_, socket))| {
            // A task that has used up its budget would be woken last in, first out.
            let events = unconstrained(accept(socket, Arc::clone(&shared), node));
            tokio::spawn(events).abort_handle()
        });
        let listeners = tasks.collect();
        Ok(FakeRedis { shared, addresses, listeners })
    }
}

/// The event loop: accepts connections and polls all of them in the order they become ready.
async fn accept(listener: TcpListener, shared: Arc<Shared>, node: usize) {
    let mut connections = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            accepted = listener.accept() => if let Ok((stream, peer)) = accepted {
                let local = stream.local_addr().map_or_else(|_| String::new(), |at| at.to_string());
                // Without it each small reply could wait for an acknowledgement.
                let _best_effort = stream.set_nodelay(true);
                let origin = Origin { peer: peer.to_string(), local, node };
                let connection = serve(stream, Arc::clone(&shared), origin);
                // A panic ends the connection, not the server.
                connections.push(AssertUnwindSafe(connection).catch_unwind());
            },
            Some(_) = connections.next() => {}
        }
    }
}
