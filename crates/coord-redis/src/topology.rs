//! What kind of Redis it is: one server, a master that sentinels watch, a cluster.

use coord_core::InvalidInput;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};

/// Where to ask, and how to talk to what answers.
#[derive(Clone)]
pub(crate) enum Topology {
    Single(ConnectionInfo),
    Sentinel(SentinelPlace),
    /// Some nodes; the others are learned from them.
    Cluster(Vec<ConnectionInfo>),
}

/// The sentinels, and what the servers they watch need beside an address.
#[derive(Clone)]
pub(crate) struct SentinelPlace {
    pub(crate) service: String,
    pub(crate) sentinels: Vec<ConnectionInfo>,
    /// User, password, database and TLS of the servers; the address is that of a sentinel.
    pub(crate) server: ConnectionInfo,
}

/// How many sentinels or first nodes may be named.
pub(crate) const MAX_ADDRESSES: usize = 64;

impl Topology {
    pub(crate) fn sentinel(service: &str, urls: &[&str]) -> Result<Self, InvalidInput> {
        if service.is_empty() || service.contains(char::is_whitespace) {
            let problem = format!("{service:?} is empty or has a space in it");
            return Err(InvalidInput::new("sentinel service", problem));
        }
        let mut sentinels = parse_all("sentinel urls", urls)?;
        let server = sentinels[0].clone();
        for sentinel in &mut sentinels {
            *sentinel = sentinel.clone().set_redis_settings(RedisConnectionInfo::default());
        }
        Ok(Self::Sentinel(SentinelPlace { service: service.to_owned(), sentinels, server }))
    }

    pub(crate) fn cluster(urls: &[&str]) -> Result<Self, InvalidInput> {
        let nodes = parse_all("cluster urls", urls)?;
        if nodes.iter().any(|node| node.redis_settings().db() != 0) {
            return Err(InvalidInput::new("cluster urls", "a cluster has database 0 only"));
        }
        Ok(Self::Cluster(nodes))
    }

    /// Host and port of all that were named; never a password.
    pub(crate) fn address(&self) -> String {
        let all = |infos: &[ConnectionInfo]| {
            let addresses: Vec<_> = infos.iter().map(|info| info.addr().to_string()).collect();
            addresses.join(",")
        };
        match self {
            Self::Single(info) => info.addr().to_string(),
            Self::Sentinel(place) => {
                format!("{} (by the sentinels {})", place.service, all(&place.sentinels))
            }
            Self::Cluster(nodes) => format!("cluster {}", all(nodes)),
        }
    }

    /// Every description of a server in it.
    #[cfg(feature = "tls")]
    pub(crate) fn infos_mut(&mut self) -> Vec<&mut ConnectionInfo> {
        match self {
            Self::Single(info) => vec![info],
            Self::Sentinel(place) => {
                place.sentinels.iter_mut().chain(std::iter::once(&mut place.server)).collect()
            }
            Self::Cluster(nodes) => nodes.iter_mut().collect(),
        }
    }
}

fn parse_all(field: &'static str, urls: &[&str]) -> Result<Vec<ConnectionInfo>, InvalidInput> {
    if urls.is_empty() || urls.len() > MAX_ADDRESSES {
        let problem = format!("{} of them, 1 to {MAX_ADDRESSES} are allowed", urls.len());
        return Err(InvalidInput::new(field, problem));
    }
    let infos: Vec<_> = urls.iter().map(|url| parse(url)).collect::<Result<_, _>>()?;
    if infos.iter().any(|info| matches!(info.addr(), ConnectionAddr::Unix(_))) {
        return Err(InvalidInput::new(field, "a unix socket has no other servers beside it"));
    }
    Ok(infos)
}

pub(crate) fn parse(url: &str) -> Result<ConnectionInfo, InvalidInput> {
    if url.starts_with("rediss:") && !cfg!(feature = "tls") {
        return Err(InvalidInput::new("url", "rediss:// needs the feature `tls` of coord-redis"));
    }
    url.into_connection_info().map_err(|error| {
        let wanted = "redis://[user:password@]host[:port][/db], rediss://... or redis+unix:///path";
        let problem = error.detail().unwrap_or("unreadable");
        InvalidInput::new("url", format!("{problem}, expected {wanted}"))
    })
}

/// The same server's settings and TLS at another address.
pub(crate) fn at(info: &ConnectionInfo, host: &str, port: u16) -> ConnectionInfo {
    let host = host.to_owned();
    let addr = match info.addr() {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => ConnectionAddr::TcpTls {
            host,
            port,
            insecure: *insecure,
            tls_params: tls_params.clone(),
        },
        _ => ConnectionAddr::Tcp(host, port),
    };
    info.clone().set_addr(addr)
}

/// Host and port of `host:port`; a host with colons in it is one of IPv6.
pub(crate) fn split_address(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    Some((host.trim_start_matches('[').trim_end_matches(']'), port.parse().ok()?))
}
