//! Tests of the Redis adapter, on real servers.

mod batches;
mod breaker;
mod breaker_faults;
mod breaker_fleet;
mod breaker_processes;
mod breaker_records;
mod cancel;
mod conformance;
mod counts;
mod cycle;
mod errors;
mod fake;
mod harness;
mod history;
mod poison;
mod processes;
mod python;
mod reconnect;
mod registry;
mod registry_proofs;
mod registry_python;
mod wait;
