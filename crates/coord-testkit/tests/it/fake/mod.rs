//! The fake Redis from the outside: sockets, clients, faults, nodes.

mod blocking;
mod clients;
mod clock;
mod cluster;
mod commands;
mod faults;
mod lifecycle;
mod notifications;
mod pressure;
mod pubsub;
mod replication;
mod scripts;
mod sentinel;
mod slow;
mod streams;
mod tracking;
mod transactions;
mod users;
mod wire;
mod wire_format;
