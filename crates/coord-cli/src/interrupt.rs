//! Ctrl-C as something to wait for.

use std::io;

use tokio::sync::watch;

use crate::failure::Failure;

/// The status of a process that a second Ctrl-C ended at once.
const IMPATIENT: i32 = 130;

/// Whether the user wants the command to end.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    asked: watch::Receiver<bool>,
}

impl Interrupt {
    /// Takes Ctrl-C and SIGTERM over from the system: the first one asks, the second one ends
    /// the process.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let (tell, asked) = watch::channel(false);
        let mut signals = Signals::new().map_err(|e| Failure::io("listening for Ctrl-C", &e))?;
        tokio::spawn(async move {
            signals.next().await;
            tell.send_replace(true);
            signals.next().await;
            std::process::exit(IMPATIENT);
        });
        Ok(Self { asked })
    }

    /// Leaves Ctrl-C to the system, which ends the process.
    pub(crate) fn never() -> Self {
        Self { asked: watch::channel(false).1 }
    }

    /// Whether the user has asked.
    pub(crate) fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Waits until the user asks.
    pub(crate) async fn asked(&self) {
        let mut asked = self.asked.clone();
        if asked.wait_for(|asked| *asked).await.is_err() {
            // Nobody will ever ask.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
