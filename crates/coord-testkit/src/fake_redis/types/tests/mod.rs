//! The structures against naive models, and numbers against known texts.

mod containers;
mod numbers;
mod sorted;
