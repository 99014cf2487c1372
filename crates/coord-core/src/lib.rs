//! The pure model of agent coordination.
