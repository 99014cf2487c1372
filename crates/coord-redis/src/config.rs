//! Where the server is and how the data lies there.

use std::time::Duration;

use coord_core::InvalidInput;
use redis::ConnectionInfo;

use crate::layout::KeyLayout;
use crate::topology::{self, Topology};

/// What `forward` does between mailboxes of different hash slots of a cluster, where no script
/// reaches both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ForwardAcross {
    /// It refuses as [`Unsupported`](coord_core::Unsupported), with nothing done.
    #[default]
    Refuse,
    /// It sends with a dedup window (that of the options, or
    /// [`DEDUP_WINDOW`](ForwardAcross::DEDUP_WINDOW)) and then settles. Nothing is ever lost; who
    /// forwards again after a failure, under the same message id, sends nothing twice. But a
    /// reservation that expires in between comes back although its message was handed on.
    SendThenAck,
}

impl ForwardAcross {
    /// The dedup window of a [`SendThenAck`](Self::SendThenAck) whose options name none: an hour.
    pub const DEDUP_WINDOW: Duration = Duration::from_secs(3_600);
}

/// For how long a handle on a subscription holds without being renewed, unless configured.
pub(crate) const DEFAULT_LEASE: Duration = Duration::from_secs(60);

/// Where the server is and how the data lies there.
///
/// # Defaults
/// - forwarding between hash slots of a cluster: [`ForwardAcross::Refuse`]
/// - layout: [`KeyLayout::Compact`]
/// - prefix: `coord`; with [`KeyLayout::Tta`] the original's `ao`
/// - response timeout: 5 s, connect timeout: 5 s
/// - poll interval of waiting receives: 1 s
/// - lease of subscriptions: 60 s
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
    topology: Topology,
    layout: KeyLayout,
    prefix: Option<String>,
    response_timeout: Duration,
    connect_timeout: Duration,
    poll_interval: Duration,
    forward_across: ForwardAcross,
    subscription_lease: Duration,
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
        Ok(Self::of(Topology::Single(topology::parse(url)?)))
    }

    /// Takes the client library's own description of a server.
    pub fn from_connection_info(info: ConnectionInfo) -> Self {
        Self::of(Topology::Single(info))
    }

    /// The master that these sentinels call `service`, also after a failover.
    ///
    /// The addresses are those of the sentinels; user, password and database of the first URL are
    /// those of the servers, and TLS is for both. Sentinels with a password of their own get it by
    /// [`with_sentinel_credentials`](Self::with_sentinel_credentials).
    ///
    /// ```
    /// # use coord_redis::RedisConfig;
    /// let urls = ["redis://:secret@10.0.0.1:26379", "redis://10.0.0.2:26379"];
    /// let config = RedisConfig::from_sentinel_urls("mymaster", &urls)?;
    /// # Ok::<(), coord_core::InvalidInput>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`] about the service or a URL; 1 to 64 sentinels are allowed.
    pub fn from_sentinel_urls(service: &str, urls: &[&str]) -> Result<Self, InvalidInput> {
        Ok(Self::of(Topology::sentinel(service, urls)?))
    }

    /// A Redis Cluster, by some of its nodes; the others are learned from them.
    ///
    /// User, password and TLS of the first URL are used for all nodes. With [`KeyLayout::Tta`] the
    /// prefix must be a hash tag such as `{ao}`: then all mailboxes lie in one slot.
    ///
    /// # Errors
    /// [`InvalidInput`] about a URL; 1 to 64 are allowed, of database 0.
    pub fn from_cluster_urls(urls: &[&str]) -> Result<Self, InvalidInput> {
        Ok(Self::of(Topology::cluster(urls)?))
    }

    const fn of(topology: Topology) -> Self {
        Self {
            topology,
            layout: KeyLayout::Compact,
            prefix: None,
            response_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            poll_interval: Duration::from_secs(1),
            forward_across: ForwardAcross::Refuse,
            subscription_lease: DEFAULT_LEASE,
        }
    }

    /// The same with a user (none: the default one) and password for the sentinels themselves.
    ///
    /// # Errors
    /// [`InvalidInput`] where there are no sentinels.
    pub fn with_sentinel_credentials(
        mut self,
        user: Option<&str>,
        password: &str,
    ) -> Result<Self, InvalidInput> {
        let Topology::Sentinel(place) = &mut self.topology else {
            return Err(InvalidInput::new("sentinel credentials", "there are no sentinels"));
        };
        for sentinel in &mut place.sentinels {
            let mut settings = sentinel.redis_settings().clone().set_password(password);
            if let Some(user) = user {
                settings = settings.set_username(user);
            }
            *sentinel = sentinel.clone().set_redis_settings(settings);
        }
        Ok(self)
    }

    /// The same trusting only this certificate authority (PEM), instead of those of the system.
    ///
    /// # Errors
    /// [`InvalidInput`] for a text that is no certificate, or where a URL is not `rediss://`.
    #[cfg(feature = "tls")]
    pub fn with_authority(mut self, pem: &[u8]) -> Result<Self, InvalidInput> {
        for info in self.topology.infos_mut() {
            if !matches!(info.addr(), redis::ConnectionAddr::TcpTls { .. }) {
                let problem = format!("{} is reached without TLS; use rediss://", info.addr());
                return Err(InvalidInput::new("authority", problem));
            }
            let trusted =
                redis::TlsCertificates { client_tls: None, root_cert: Some(pem.to_vec()) };
            let client = redis::Client::build_with_tls(info.clone(), trusted)
                .map_err(|e| InvalidInput::new("authority", e.to_string()))?;
            *info = client.get_connection_info().clone();
        }
        Ok(self)
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

    /// The same with another time after which the subscriptions of a process that was killed lapse;
    /// a living one renews them three times as often.
    ///
    /// # Errors
    /// [`InvalidInput`] about `subscription lease`: under 100 ms or over a day.
    pub fn with_subscription_lease(mut self, lease: Duration) -> Result<Self, InvalidInput> {
        if !(Duration::from_millis(100)..=Duration::from_secs(86_400)).contains(&lease) {
            let problem = format!("{lease:?}, must be 100 ms to 1 day");
            return Err(InvalidInput::new("subscription lease", problem));
        }
        self.subscription_lease = lease;
        Ok(self)
    }

    /// The same with another rule for forwarding between hash slots of a cluster; of no effect
    /// elsewhere.
    #[must_use]
    pub const fn with_forward_across(mut self, rule: ForwardAcross) -> Self {
        self.forward_across = rule;
        self
    }

    /// Host and port of the server, the sentinels or the nodes, or the path of the socket; never
    /// a password.
    pub fn address(&self) -> String {
        self.topology.address()
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
    /// around the agent itself, and for a prefix without a hash tag with [`KeyLayout::Tta`] on a
    /// cluster.
    pub fn validate(&self) -> Result<(), InvalidInput> {
        if self.layout == KeyLayout::Compact && self.prefix().contains(['{', '}']) {
            let problem =
                "braces are not allowed on the compact layout, which makes its own hash tags";
            return Err(InvalidInput::new("prefix", problem));
        }
        let is_cluster = matches!(self.topology, Topology::Cluster(_));
        if self.layout == KeyLayout::Tta && is_cluster && !has_hash_tag(self.prefix()) {
            let problem = format!(
                "{:?} has no hash tag: on a cluster the tta layout needs one in its prefix, such \
                 as {{ao}}, so that all its keys lie in one slot; or use the compact layout",
                self.prefix()
            );
            return Err(InvalidInput::new("prefix", problem));
        }
        Ok(())
    }

    pub(crate) const fn topology(&self) -> &Topology {
        &self.topology
    }

    pub(crate) const fn forward_across(&self) -> ForwardAcross {
        self.forward_across
    }

    pub(crate) const fn subscription_lease(&self) -> Duration {
        self.subscription_lease
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
            .field("address", &self.address())
            .field("layout", &self.layout)
            .field("prefix", &self.prefix())
            .finish_non_exhaustive()
    }
}

fn has_hash_tag(prefix: &str) -> bool {
    let inside = prefix.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    inside.is_some_and(|(tag, _)| !tag.is_empty())
}
