//! Tests of the built command.

mod harness;
mod inspect;
mod pipe;
mod receive;
mod send;
mod servers;
mod settle;
mod subscribe;
mod texts;
mod usage;
