//! Test doubles for `coord`.
