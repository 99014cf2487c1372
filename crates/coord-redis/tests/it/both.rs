//! One test on two servers: the fake, whose clock moves when it is told to, and a real one, on
//! which time really passes.

use std::sync::Arc;
use std::time::Duration;

use coord_testkit::Clock;
use coord_testkit::server::RealServer;

use crate::harness::{At, Fake, private, server_micros, server_time_passes, shared};

/// Where the clock of the fake starts: 2026-01-01T00:00:00Z.
const START: Duration = Duration::from_secs(1_767_225_600);

/// A server of either kind; tests use keys with a prefix of their own.
pub(crate) enum Server {
    Fake(Fake),
    Real(Arc<RealServer>),
}

impl Server {
    /// The fake with a clock that stands still until [`passes`](Self::passes).
    pub(crate) fn still() -> Self {
        Self::Fake(Fake::start(Clock::manual(START)))
    }

    /// The fake with the clock of the system, for tests that wait for something.
    pub(crate) fn running() -> Self {
        Self::Fake(Fake::start(Clock::system()))
    }

    /// A real server, or nothing on a machine without one.
    pub(crate) fn real(name: &str) -> Option<Self> {
        shared(name).map(Self::Real)
    }

    /// A real server that nobody else uses, or nothing on a machine without one.
    pub(crate) fn alone(name: &str) -> Option<Self> {
        private(name).map(|server| Self::Real(Arc::new(server)))
    }

    pub(crate) fn at(&self) -> At {
        self.into()
    }

    /// Returns when the server's clock is later by so much: exactly so on the fake, at least on
    /// a real one.
    pub(crate) async fn passes(&self, by: Duration) {
        match self {
            Self::Fake(fake) => fake.server.advance(by),
            Self::Real(_) => server_time_passes(&self.at(), by).await,
        }
    }

    /// Long times that are kept in sorted sets pass: on a real server, their scores are that much
    /// lower afterwards.
    pub(crate) async fn ages(&self, sets: &[String], by: Duration) {
        const LOWER: &str = "for _, key in ipairs(KEYS) do
            for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
              redis.call('ZINCRBY', key, '-' .. ARGV[1], member)
            end
          end";
        if let Self::Fake(_) = self {
            return self.passes(by).await;
        }
        let (count, by) = (sets.len().to_string(), by.as_micros().to_string());
        let mut command = vec!["EVAL", LOWER, &count];
        command.extend(sets.iter().map(String::as_str));
        command.push(&by);
        self.at().command(&command);
    }

    /// A time that does not pass by itself while a test goes on.
    pub(crate) fn a_while(&self) -> Duration {
        match self {
            Self::Fake(_) => Duration::from_micros(1),
            Self::Real(_) => Duration::from_secs(10),
        }
    }

    /// The server's clock.
    pub(crate) fn now(&self) -> Duration {
        Duration::from_micros(server_micros(&self.at()))
    }
}

impl From<&Server> for At {
    fn from(server: &Server) -> Self {
        match server {
            Server::Fake(fake) => fake.into(),
            Server::Real(server) => (&**server).into(),
        }
    }
}

/// Makes two tests, `NAME::fake` and `NAME::real`, of each function that takes a [`Server`]; the
/// first word names the fake's clock, the second says that the real server is a private one.
macro_rules! on_both {
    ($clock:ident: $($test:ident),+ $(,)?) => {
        crate::both::on_both! { $clock real: $($test),+ }
    };
    ($clock:ident $real:ident: $($test:ident),+ $(,)?) => {$(
        mod $test {
            #[tokio::test]
            async fn fake() {
                super::$test(&crate::both::Server::$clock()).await;
            }

            #[tokio::test]
            async fn real() {
                let Some(server) = crate::both::Server::$real(stringify!($test)) else { return };
                super::$test(&server).await;
            }
        }
    )+};
}
pub(crate) use on_both;
