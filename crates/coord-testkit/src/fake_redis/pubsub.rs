//! Delivery of messages to subscribers.

use bytes::Bytes;

use super::glob;
use super::reply::Reply;
use super::session::Session;
use super::state::State;
use super::topology::{SENTINEL_NODE, Topology};

impl State {
    /// Sends a message to the subscribers of a channel; returns how many got it.
    pub(crate) fn publish(&mut self, channel: &Bytes, message: &Bytes) -> usize {
        self.publish_on(false, channel, message)
    }

    /// Sends an event of the sentinel to its own subscribers.
    pub(crate) fn publish_by_sentinel(&mut self, event: &str, message: &str) {
        let channel = Bytes::copy_from_slice(event.as_bytes());
        self.publish_on(true, &channel, &Bytes::copy_from_slice(message.as_bytes()));
    }

    fn publish_on(&mut self, by_sentinel: bool, channel: &Bytes, message: &Bytes) -> usize {
        let watched = matches!(self.topology, Topology::Sentinel(_));
        let mut listeners: Vec<&mut Session> = self
            .sessions
            .values_mut()
            .filter(|session| (watched && session.node == SENTINEL_NODE) == by_sentinel)
            .collect();
        let mut receivers = 0;
        for session in &mut listeners {
            if session.channels.contains(channel) {
                session.send(&Reply::Push(vec![
                    Reply::bulk("message"),
                    Reply::Bulk(channel.clone()),
                    Reply::Bulk(message.clone()),
                ]));
                receivers += 1;
            }
        }
        for session in &mut listeners {
            let patterns: Vec<Bytes> = session
                .patterns
                .iter()
                .filter(|pattern| glob::matches(pattern, channel))
                .cloned()
                .collect();
            for pattern in patterns {
                session.send(&Reply::Push(vec![
                    Reply::bulk("pmessage"),
                    Reply::Bulk(pattern),
                    Reply::Bulk(channel.clone()),
                    Reply::Bulk(message.clone()),
                ]));
                receivers += 1;
            }
        }
        receivers
    }

    /// [`State::publish`] for sharded channels.
    pub(crate) fn publish_sharded(&mut self, channel: &Bytes, message: &Bytes) -> usize {
        let mut receivers = 0;
        for session in self.sessions.values_mut() {
            if session.shard_channels.contains(channel) {
                session.send(&Reply::Push(vec![
                    Reply::bulk("smessage"),
                    Reply::Bulk(channel.clone()),
                    Reply::Bulk(message.clone()),
                ]));
                receivers += 1;
            }
        }
        receivers
    }
}
