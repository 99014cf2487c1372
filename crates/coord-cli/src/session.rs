//! A connected coordinator and what the command line said about it.

use std::sync::Arc;
use std::time::Duration;

use coord_core::{InvalidInput, MailboxPolicy, NullMetrics};
use coord_redis::{RedisConfig, RedisMessageCoordinator};

use crate::cli::Global;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::note;

/// One server, the nodes of a cluster, or sentinels and whom they watch.
fn place(global: &Global) -> Result<RedisConfig, InvalidInput> {
    let urls: Vec<&str> = global.redis.iter().map(String::as_str).collect();
    match (&global.sentinel, &urls[..]) {
        (Some(service), urls) => {
            let config = RedisConfig::from_sentinel_urls(service, urls)?;
            match std::env::var("COORD_SENTINEL_PASSWORD") {
                Ok(password) => config.with_sentinel_credentials(None, &password),
                Err(_) => Ok(config),
            }
        }
        (None, []) => RedisConfig::from_url(DEFAULT_URL),
        (None, [url]) => RedisConfig::from_url(url),
        (None, urls) => RedisConfig::from_cluster_urls(urls),
    }
}

/// Where the server is if nobody says.
const DEFAULT_URL: &str = "redis://127.0.0.1:6379";

/// What every verb needs.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) mail: RedisMessageCoordinator,
    pub(crate) config: RedisConfig,
    pub(crate) interrupt: Interrupt,
    pub(crate) verbose: bool,
}

impl Session {
    /// Connects as the global options say.
    pub(crate) async fn connect(global: &Global) -> Result<Self, Failure> {
        let timeout = global.timeout.0;
        if timeout < Duration::from_millis(1) {
            return Err(InvalidInput::new("timeout", "it must be at least 1ms").into());
        }
        let mut config = place(global)?
            .with_layout(global.layout)
            .with_response_timeout(timeout)
            .with_connect_timeout(timeout);
        if let Some(prefix) = &global.prefix {
            config = config.with_prefix(prefix)?;
        }
        if global.verbose {
            let (layout, prefix) = (config.layout(), config.prefix());
            note(&format!("server {}, layout {layout}, prefix {prefix}", config.address()));
        }
        let policy = MailboxPolicy::new();
        let mail =
            RedisMessageCoordinator::connect_with(config.clone(), policy, Arc::new(NullMetrics))
                .await?;
        for warning in mail.warnings() {
            note(&format!("warning: {warning}"));
        }
        Ok(Self { mail, config, interrupt: Interrupt::never(), verbose: global.verbose })
    }

    /// The coordinator with the policy that `change` makes of the default, over the same
    /// connection.
    pub(crate) fn with_policy(
        &self,
        change: impl FnOnce(MailboxPolicy) -> MailboxPolicy,
    ) -> Result<RedisMessageCoordinator, Failure> {
        Ok(self.mail.with_policy(change(MailboxPolicy::new()))?)
    }
}
