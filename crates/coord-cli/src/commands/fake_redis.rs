//! `coord fake-redis`: the testkit's server, stand-alone.

use clap::Args;
use coord_testkit::FakeRedis;

use crate::cli::Format;
use crate::failure::{Failure, Kind};
use crate::interrupt::Interrupt;
use crate::json;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct FakeRedisArgs {
    /// The loopback port [default: a free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    port: u16,

    /// Refuse what would fail on a cluster: keys that a script was not given, or in several slots
    #[arg(long)]
    strict: bool,
}

pub(super) async fn run(args: &FakeRedisArgs, format: Format) -> Result<(), Failure> {
    let builder = FakeRedis::builder().port(args.port);
    let builder = if args.strict { builder } else { builder.lenient() };
    let server = builder.start().await.map_err(|error| {
        let why = format!("cannot listen on 127.0.0.1:{}: {error}", args.port);
        Failure::new(Kind::Io, why).with_advice("choose another --port, or none for a free one")
    })?;
    let interrupt = Interrupt::listen()?;
    let line = match format {
        Format::Json => format!(r#"{{"url":{}}}"#, json::string(&server.url())),
        Format::Human => format!("{} serves until Ctrl-C and stores nothing", server.url()),
    };
    output::write_text(&line).map_err(|error| Failure::io("writing the URL", &error))?;
    interrupt.asked().await;
    server.stop().await;
    Ok(())
}
