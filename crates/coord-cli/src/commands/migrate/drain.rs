//! `coord migrate drain`: waits until a mailbox is empty.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::time::Duration;

use clap::{Args, ValueEnum};
use coord_core::{AgentId, InvalidInput, MailboxStats, MessageCoordinator};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::cli::Format;
use crate::failure::{Failure, Kind};
use crate::json;
use crate::output;
use crate::period::{self, Period};
use crate::session::Session;

#[derive(Debug, Args)]
pub(super) struct DrainArgs {
    /// Whose mailbox
    agent: AgentId,

    /// What to wait for: nothing ready, delayed or reserved; or only nothing reserved
    #[arg(long, value_enum, default_value = "empty")]
    until: Until,

    /// Give up after this time, with status 1 [default: wait until Ctrl-C]
    #[arg(long, value_name = "DURATION")]
    within: Option<Period>,

    /// How often to look
    #[arg(long, value_name = "DURATION", default_value = "1s")]
    every: Period,
}

/// What a drain waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Until {
    Empty,
    Unreserved,
}

const MIN_EVERY: Duration = Duration::from_millis(10);
const MAX_WITHIN: Duration = Duration::from_secs(366 * 86_400);

pub(super) async fn run(
    args: &DrainArgs,
    session: &Session,
    format: Format,
) -> Result<(), Failure> {
    if args.every.0 < MIN_EVERY {
        return Err(InvalidInput::new("every", "it must be at least 10ms").into());
    }
    let within = args.within.map_or(MAX_WITHIN, |it| it.0.min(MAX_WITHIN));
    let start = Instant::now();
    let mut ticks = interval(args.every.0.min(MAX_WITHIN));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut screen = Screen::new(args, format);
    loop {
        let over = tokio::select! {
            biased;
            () = session.interrupt.asked() => Some("interrupted".to_owned()),
            _ = ticks.tick() => None,
            () = sleep_until(start + within) => {
                Some(format!("not drained in {}", period::for_people(within)))
            }
        };
        let left = Left::of(&session.mail.mailbox_stats(&args.agent).await?);
        if left.is_drained(args.until) {
            return screen.end(&left, start.elapsed());
        }
        if let Some(why) = over {
            screen.show(&left, start.elapsed())?;
            screen.leave();
            let why = format!("{}: {why}, {left}", args.agent);
            let advice = "`coord recover` takes back what expired";
            return Err(Failure::new(Kind::Unhealthy, why).with_advice(advice));
        }
        screen.show(&left, start.elapsed())?;
    }
}

/// What is in a mailbox still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Left {
    ready: u64,
    delayed: u64,
    reserved: u64,
    leaked: u64,
}

impl Left {
    fn of(stats: &MailboxStats) -> Self {
        let (ready, delayed, reserved) = (stats.ready.total(), stats.delayed, stats.reserved);
        let leaked = stats.depth.saturating_sub(ready + delayed + reserved);
        Self { ready, delayed, reserved, leaked }
    }

    const fn is_drained(&self, until: Until) -> bool {
        match until {
            Until::Empty => self.ready + self.delayed + self.reserved == 0,
            Until::Unreserved => self.reserved == 0,
        }
    }
}

impl std::fmt::Display for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { ready, delayed, reserved, leaked } = self;
        write!(f, "{ready} ready, {delayed} delayed, {reserved} reserved, {leaked} leaked")
    }
}

/// Where progress is shown: JSON lines when something changed, or one line of a terminal that is
/// written over.
struct Screen<'a> {
    agent: &'a AgentId,
    format: Format,
    is_terminal: bool,
    last: Option<Left>,
}

impl<'a> Screen<'a> {
    fn new(args: &'a DrainArgs, format: Format) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self { agent: &args.agent, format, is_terminal, last: None }
    }

    fn show(&mut self, left: &Left, waited: Duration) -> Result<(), Failure> {
        let is_new = self.last.replace(*left) != Some(*left);
        match self.format {
            Format::Json if is_new => self.line(left, waited, false),
            Format::Human if self.is_terminal => {
                let waited = period::for_people(waited);
                self.over(&format!("{}: {left} ({waited})", self.agent));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn end(&self, left: &Left, waited: Duration) -> Result<(), Failure> {
        if self.format == Format::Json {
            return self.line(left, waited, true);
        }
        if self.is_terminal && self.last.is_some() {
            self.over("");
        }
        let mut text = format!("{}: drained, {left}", self.agent);
        if left.leaked > 0 {
            let _infallible =
                write!(text, "; `coord reconcile {}` puts leaked messages back", self.agent);
        }
        written(output::write_text(&text))
    }

    fn line(&self, left: &Left, waited: Duration, drained: bool) -> Result<(), Failure> {
        let Left { ready, delayed, reserved, leaked } = left;
        written(output::write_text(&format!(
            concat!(
                r#"{{"agent":{},"ready":{},"delayed":{},"reserved":{},"leaked":{},"#,
                r#""drained":{},"waited_seconds":{:.3}}}"#
            ),
            json::string(&self.agent.to_string()),
            ready,
            delayed,
            reserved,
            leaked,
            drained,
            waited.as_secs_f64()
        )))
    }

    /// Writes over the line that is there. A terminal that is gone cannot be shown anything.
    fn over(&self, text: &str) {
        let mut err = std::io::stderr();
        let _nobody_to_show = write!(err, "\r\u{1b}[2K{text}").and_then(|()| err.flush());
    }

    /// Leaves the line as it is.
    fn leave(&self) {
        if self.format == Format::Human && self.is_terminal {
            let _nobody_to_show = std::io::stderr().write_all(b"\n");
        }
    }
}

fn written(written: std::io::Result<()>) -> Result<(), Failure> {
    written.map_err(|error| Failure::io("writing the answer", &error))
}
