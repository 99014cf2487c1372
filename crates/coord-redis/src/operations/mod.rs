//! One file per verb: its scripts, keys, arguments and the decoding of its reply.

pub(crate) mod ack;
pub(crate) mod bury;
pub(crate) mod cancel;
pub(crate) mod dead_letters;
pub(crate) mod extend;
mod find;
pub(crate) mod forward;
pub(crate) mod nack;
pub(crate) mod pause;
pub(crate) mod peek;
pub(crate) mod publish;
pub(crate) mod purge;
pub(crate) mod receipts;
pub(crate) mod receive;
pub(crate) mod reconcile;
pub(crate) mod recover;
pub(crate) mod redrive;
pub(crate) mod release;
pub(crate) mod send;
pub(crate) mod stats;
pub(crate) mod subscribe;
pub(crate) mod verdict;
pub(crate) mod wait;
pub(crate) mod why;
