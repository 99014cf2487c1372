//! Tests of the Redis adapter.

mod smoke;
