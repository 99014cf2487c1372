//! Tests of the built command.

mod breaker;
mod dead;
mod demo;
mod doctor;
mod fake_redis;
mod forward;
mod guide;
mod harness;
mod inspect;
mod migrate;
mod pipe;
mod recall;
mod receive;
mod reconcile;
mod registry;
mod send;
mod servers;
mod settle;
mod subscribe;
mod texts;
mod tls;
mod usage;
