//! Delivery of messages to subscribers.

use bytes::Bytes;

use super::glob;
use super::reply::Reply;
use super::state::State;

impl State {
    /// Sends a message to the subscribers of a channel; returns how many got it.
    pub(crate) fn publish(&mut self, channel: &Bytes, message: &Bytes) -> usize {
        let mut receivers = 0;
        for session in self.sessions.values_mut() {
            if session.channels.contains(channel) {
                session.send(&Reply::Push(vec![
                    Reply::bulk("message"),
                    Reply::Bulk(channel.clone()),
                    Reply::Bulk(message.clone()),
                ]));
                receivers += 1;
            }
        }
        for session in self.sessions.values_mut() {
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
