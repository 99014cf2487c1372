//! Integration tests of the test kit.

<<<<<<< HEAD
mod differential;
=======
mod conformance;
>>>>>>> main
mod memory;
mod server;
