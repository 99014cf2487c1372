//! The right to make one call through a shared breaker.

use std::sync::Arc;

use super::driver::Job;
use super::ids::LeaseId;
use super::link::Link;
use super::outcome::Outcome;
use super::permit::Permit;
use super::store::{ProbeOutcome, Version};

/// The right to make one call; hand it back with the call's outcome.
///
/// Dropped without one it counts as [`Permit`] says; the place of a fleet probe is given back
/// through the driver.
#[derive(Debug)]
#[must_use = "dropping the permit at once makes the call count as abandoned"]
pub struct SharedPermit(Kind);

#[derive(Debug)]
enum Kind {
    Local(Permit),
    Probe(Probe),
}

impl SharedPermit {
    pub(crate) fn local(permit: Permit) -> Self {
        Self(Kind::Local(permit))
    }

    pub(crate) fn probe(probe: Probe) -> Self {
        Self(Kind::Probe(probe))
    }

    pub(crate) fn start(&mut self) {
        match &mut self.0 {
            Kind::Local(permit) => permit.start(),
            Kind::Probe(probe) => probe.start(),
        }
    }

    /// The call came to `outcome`.
    pub fn record(self, outcome: Outcome) {
        match self.0 {
            Kind::Local(permit) => permit.record(outcome),
            Kind::Probe(probe) => probe.record(outcome),
        }
    }

    /// The call succeeded.
    pub fn success(self) {
        self.record(Outcome::Success);
    }

    /// The call failed.
    pub fn failure(self) {
        self.record(Outcome::FAILURE);
    }

    /// Gives the permit back as if the call had not been made.
    pub fn release(self) {
        self.record(Outcome::Ignore);
    }

    /// Whether this is a probe, of the fleet or of the local breaker.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        match &self.0 {
            Kind::Local(permit) => permit.is_probe(),
            Kind::Probe(_) => true,
        }
    }
}

/// A leased probe permit, asked for or granted.
#[derive(Debug)]
pub(crate) struct Probe {
    inner: Arc<Link>,
    lease: LeaseId,
    stage: Stage,
    started: Option<u64>,
    was_panicking: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The store may or may not have granted it.
    Asking,
    Granted(Version),
    Done,
}

impl Probe {
    pub(crate) fn asking(inner: Arc<Link>, lease: LeaseId) -> Self {
        let was_panicking = std::thread::panicking();
        Self { inner, lease, stage: Stage::Asking, started: None, was_panicking }
    }

    pub(crate) fn lease(&self) -> LeaseId {
        self.lease
    }

    pub(crate) fn granted(&mut self, version: Version) {
        self.stage = Stage::Granted(version);
    }

    pub(crate) fn refused(&mut self) {
        self.stage = Stage::Done;
    }

    fn start(&mut self) {
        let clock = &self.inner.local.shell().clock;
        self.started.get_or_insert_with(|| clock.coarse_ns());
    }

    fn record(mut self, outcome: Outcome) {
        let shell = self.inner.local.shell();
        let slow = shell.is_slow(self.started, shell.clock.coarse_ns());
        self.settle(outcome, slow, false);
    }

    fn settle(&mut self, outcome: Outcome, slow: bool, abandoned: bool) {
        let Stage::Granted(version) = std::mem::replace(&mut self.stage, Stage::Done) else {
            return;
        };
        self.inner.local.shell().note(outcome, slow, abandoned);
        let lease = self.lease;
        let report = |outcome| Job::Report { version, lease, outcome };
        self.inner.post(match outcome {
            Outcome::Success if !abandoned => report(ProbeOutcome::Success),
            Outcome::Failure { open_for } => report(ProbeOutcome::Failure { open_for }),
            Outcome::Success | Outcome::Ignore => Job::Release { version: Some(version), lease },
        });
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        match self.stage {
            Stage::Done => {}
            Stage::Asking => self.inner.post(Job::Release { version: None, lease: self.lease }),
            Stage::Granted(_) => {
                let panicked = std::thread::panicking() && !self.was_panicking;
                let shell = self.inner.local.shell();
                let (outcome, slow) = shell.judge_abandoned(self.started, panicked);
                self.settle(outcome, slow, true);
            }
        }
    }
}
