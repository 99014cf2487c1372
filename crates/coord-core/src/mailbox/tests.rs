//! Tests of the mailbox machine: told histories, random ones, and a simulated day.

mod day;
mod histories;
mod invariants;
mod operator;
mod script;
