//! The command line: global options and one subcommand per verb.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use coord_core::InvalidInput;
use coord_redis::KeyLayout;

use crate::commands::{
    Verb, agents, completions, deregister, discover, fake_redis, man, migrate, register,
};
use crate::period::Period;

/// Mailboxes for software agents in Redis: send, receive, inspect, repair.
#[derive(Debug, Parser)]
#[command(
    name = "coord",
    version,
    infer_long_args = false,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "An agent is `type` or `type:instance`. Durations: 500ms, 5s, 2m, 1h, 7d.\n\
                  Exit status: 0 done; 1 failed; 2 usage; 3 refused; 4 nothing there."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Where the server is; several are nodes of a cluster, or sentinels.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        value_delimiter = ',',
        env = "COORD_REDIS_URL",
        hide_env_values = true,
        help = "Server: redis://[user:password@]host[:port][/db], rediss://... (TLS), \
                redis+unix:///path; several, with commas or repeated, are nodes of a cluster, or with \
                --sentinel the sentinels [default: redis://127.0.0.1:6379]"
    )]
    pub(crate) redis: Vec<String>,

    /// The URLs are those of sentinels, which know the master by this name; a password for the
    /// sentinels themselves is taken from COORD_SENTINEL_PASSWORD
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) sentinel: Option<String>,

    /// How mailboxes lie in Redis: our own layout, or that of the Python original
    #[arg(
        long,
        global = true,
        env = "COORD_LAYOUT",
        hide_env_values = true,
        default_value = "compact",
        value_parser = choice::<KeyLayout>(["compact", "tta"])
    )]
    pub(crate) layout: KeyLayout,

    /// Prefix of all keys [default: coord, with the tta layout: ao]
    #[arg(long, global = true)]
    pub(crate) prefix: Option<String>,

    /// Text for people, or one JSON object per line
    #[arg(long, global = true, value_enum, default_value = "human")]
    pub(crate) output: Format,

    /// How long to wait for a connection and for each reply
    #[arg(long, global = true, value_name = "DURATION", default_value = "5s")]
    pub(crate) timeout: Period,

    /// Say on stderr which server is used, and the causes of an error
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

/// How answers are written: for people, or as one JSON object per line and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Human,
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Verb(Box<Verb>),
    /// Put an agent into the registry, for one time to live or until Ctrl-C
    Register(register::RegisterArgs),
    /// Take an agent out of the registry
    Deregister(deregister::DeregisterArgs),
    /// List the registered agents, and watch what happens to them
    Agents(agents::AgentsArgs),
    /// Find agents by what they can do
    Discover(Box<discover::DiscoverArgs>),
    /// Look at the data of the Python original before agents move over, and drain mailboxes
    Migrate(migrate::MigrateArgs),
    /// Read requests as JSON lines from stdin and answer each on stdout, over one connection
    Pipe,
    /// Run a Redis server inside this process, until Ctrl-C; nothing is stored
    FakeRedis(fake_redis::FakeRedisArgs),
    /// Show a small fleet of agents at work, on a server of its own or on --redis
    Demo,
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual page, or write one page per command
    Man(man::ManArgs),
}

/// A parser of one of `words`, so that help and completions can list them.
pub(crate) fn choice<T>(
    words: impl IntoIterator<Item = &'static str>,
) -> impl TypedValueParser<Value = T>
where
    T: std::str::FromStr<Err = InvalidInput> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| word.parse::<T>())
}
