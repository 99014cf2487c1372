//! `coord demo`: a small fleet of agents at work.

mod fleet;
mod story;

use std::time::Duration;

use coord_core::MailboxPolicy;
use coord_testkit::FakeRedis;

use crate::cli::Global;
use crate::failure::{Failure, Kind};
use crate::interrupt::Interrupt;
use crate::output::note;
use crate::session::Session;

/// How long the demo may take; it needs about two seconds.
const LIMIT: Duration = Duration::from_secs(60);
const PREFIX: &str = "coord-demo";

/// Runs the fleet on `--redis`, or on a server inside this process.
pub(super) async fn run(mut global: Global) -> Result<(), Failure> {
    let fake = match &global.redis[..] {
        [_, ..] => None,
        [] => {
            let fake = FakeRedis::start().await;
            Some(fake.map_err(|error| Failure::io("starting a server inside", &error))?)
        }
    };
    if let Some(fake) = &fake {
        global.redis = vec![fake.url()];
        note("no --redis: a server inside this process is used");
    }
    global.prefix.get_or_insert_with(|| PREFIX.to_owned());
    let session = Session::connect(&global).await?;
    let interrupt = Interrupt::listen()?;
    let mail = session.with_policy(|_| {
        let (base, max) = (Duration::from_millis(200), Duration::from_secs(1));
        MailboxPolicy::new().with_retry_attempts(2).with_backoff(base, 2.0, max)
    })?;
    tokio::select! {
        ended = fleet::work(&mail, global.output) => ended,
        () = interrupt.asked() => Ok(()),
        () = tokio::time::sleep(LIMIT) => {
            let why = format!("the demo did not end in {LIMIT:?}; is another one running there?");
            Err(Failure::new(Kind::Unavailable, why))
        }
    }
}
