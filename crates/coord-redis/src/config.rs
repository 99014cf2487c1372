//! Where the server is and how the data lies there.

use std::time::Duration;

use coord_core::InvalidInput;
use redis::{ConnectionInfo, IntoConnectionInfo};

use crate::layout::KeyLayout;

/// Where the server is and how the data lies there.
///
/// # Defaults
/// - layout: [`KeyLayout::Compact`]
/// - prefix: `coord`; with [`KeyLayout::Tta`] the original's `ao`
/// - response timeout: 5 s, connect timeout: 5 s
/// - poll interval of waiting receives: 1 s
///
/// ```
/// use coord_redis::{KeyLayout, RedisConfig};
///
/// let config = RedisConfig::from_url("redis://127.0.0.1:6379")?
///     .with_layout(KeyLayout::Tta)
///     .with_prefix("{ao}")?;
/// assert_eq!(config.prefix(), "{ao}");
/// # Ok::<(), coord_core::InvalidInput>(())
/// ```
#[derive(Clone)]
pub struct RedisConfig {
    info: ConnectionInfo,
    layout: KeyLayout,
    prefix: Option<String>,
    response_timeout: Duration,
    connect_timeout: Duration,
    poll_interval: Duration,
}

impl RedisConfig {
    /// The longest prefix, in bytes.
    pub const MAX_PREFIX_BYTES: usize = 128;

    /// Takes `redis://[user:password@]host[:port][/db]`, `rediss://` (feature `tls`), or
    /// `redis+unix:///path`.
    ///
    /// # Errors
    /// [`InvalidInput`] about `url`; the text never shows a password.
    pub fn from_url(url: &str) -> Result<Self, InvalidInput> {
        if url.starts_with("rediss:") && !cfg!(feature = "tls") {
            let problem = "rediss:// needs the feature `tls` of coord-redis";
            return Err(InvalidInput::new("url", problem));
        }
        let info = url.into_connection_info().map_err(|error| {
            let wanted =
                "redis://[user:password@]host[:port][/db], rediss://... or redis+unix:///path";
            InvalidInput::new(
                "url",
                format!("{}, expected {wanted}", error.detail().unwrap_or("unreadable")),
            )
        })?;
        Ok(Self::from_connection_info(info))
    }

    /// Takes the client library's own description of a server.
    pub fn from_connection_info(info: ConnectionInfo) -> Self {
        Self {
            info,
            layout: KeyLayout::Compact,
            prefix: None,
            response_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            poll_interval: Duration::from_secs(1),
        }
    }

    /// The same with another key layout.
    #[must_use]
    pub const fn with_layout(mut self, layout: KeyLayout) -> Self {
        self.layout = layout;
        self
    }

    /// The same under another key prefix; trailing colons are taken off, as the original does.
    ///
    /// # Errors
    /// [`InvalidInput`] about `prefix`: empty, longer than [`RedisConfig::MAX_PREFIX_BYTES`], a
    /// control character, or (compact layout) a brace, which would move the hash tag.
    pub fn with_prefix(mut self, prefix: &str) -> Result<Self, InvalidInput> {
        let prefix = prefix.trim_end_matches(':');
        let problem = if prefix.is_empty() {
            "it is empty".to_owned()
        } else if prefix.len() > Self::MAX_PREFIX_BYTES {
            format!("{} bytes long, at most {} are allowed", prefix.len(), Self::MAX_PREFIX_BYTES)
        } else if prefix.chars().any(char::is_control) {
            "it has a control character".to_owned()
        } else {
            self.prefix = Some(prefix.to_owned());
            return Ok(self);
        };
        Err(InvalidInput::new("prefix", problem))
    }

    /// The same with another limit on how long a reply may take.
    ///
    /// After it, the outcome of an operation is unknown.
    #[must_use]
    pub const fn with_response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// The same with another limit on how long connecting may take.
    #[must_use]
    pub const fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The same with another longest time that a mailbox somebody waits at is not looked at.
    ///
    /// A send wakes whoever waits within milliseconds; looking is for what nobody tells of: a
    /// producer that writes past this library, a connection that was lost.
    ///
    /// # Errors
    /// [`InvalidInput`] about `poll interval`: under 10 ms or over a minute.
    pub fn with_poll_interval(mut self, interval: Duration) -> Result<Self, InvalidInput> {
        if !(Duration::from_millis(10)..=Duration::from_secs(60)).contains(&interval) {
            let problem = format!("{interval:?}, must be 10 ms to 1 min");
            return Err(InvalidInput::new("poll interval", problem));
        }
        self.poll_interval = interval;
        Ok(self)
    }

    /// Host and port, or the path of the socket; never a password.
    pub fn address(&self) -> String {
        self.info.addr().to_string()
    }

    /// The key layout.
    pub const fn layout(&self) -> KeyLayout {
        self.layout
    }

    /// The key prefix.
    pub fn prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or_else(|| self.layout.default_prefix())
    }

    /// Checks what only the whole configuration can tell.
    ///
    /// # Errors
    /// [`InvalidInput`] about `prefix` for braces on the compact layout, which puts the hash tag
    /// around the agent itself.
    pub fn validate(&self) -> Result<(), InvalidInput> {
        if self.layout == KeyLayout::Compact && self.prefix().contains(['{', '}']) {
            let problem =
                "braces are not allowed on the compact layout, which makes its own hash tags";
            return Err(InvalidInput::new("prefix", problem));
        }
        Ok(())
    }

    pub(crate) fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    pub(crate) const fn poll_interval(&self) -> Duration {
        self.poll_interval
    }

    pub(crate) const fn timeouts(&self) -> (Duration, Duration) {
        (self.connect_timeout, self.response_timeout)
    }
}

/// Shows the address, never the password.
impl std::fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisConfig")
            .field("address", &self.info.addr().to_string())
            .field("layout", &self.layout)
            .field("prefix", &self.prefix())
            .finish_non_exhaustive()
    }
}
