//! A breaker as it is shown.

use std::time::Duration;

use coord_redis::breaker::BreakerReport;
use coord_resilience::breaker::{BreakerName, FleetState, Hold, MetricsRecord};

use crate::json;
use crate::period;

/// A breaker and all that is known of it.
#[derive(Debug)]
pub(super) struct Shown {
    name: BreakerName,
    report: BreakerReport,
}

pub(super) const HEADER: [&str; 8] =
    ["BREAKER", "STATE", ">LEFT", ">VOTES", ">PROBES", ">CALLS", ">FAILED", "REASON"];

impl Shown {
    pub(super) const fn new(name: BreakerName, report: BreakerReport) -> Self {
        Self { name, report }
    }

    /// The fleet has a record of its own; else only the original may have written something.
    const fn has_fleet(&self) -> bool {
        self.report.fleet.version.generation > 0
    }

    fn state(&self) -> &str {
        let fleet = &self.report.fleet;
        match (&fleet.control, fleet.state, &self.report.state) {
            (None, _, Some(record)) if !self.has_fleet() => &record.state,
            (Some(control), _, _) => match control.hold {
                Hold::ForcedOpen => "forced_open",
                Hold::Disabled => "disabled",
                Hold::MetricsOnly => "metrics_only",
            },
            (None, FleetState::Closed, _) => "closed",
            (None, FleetState::Open, _) => "open",
            (None, FleetState::HalfOpen, _) => "half_open",
        }
    }

    /// Time left in OPEN or of the operator's hold, if it ends by itself.
    fn left(&self) -> Option<Duration> {
        let fleet = &self.report.fleet;
        match &fleet.control {
            Some(control) => control.remaining,
            None => (fleet.state == FleetState::Open).then_some(fleet.open_for),
        }
    }

    /// The JSON line.
    pub(super) fn line(&self) -> String {
        let fleet = &self.report.fleet;
        let control = fleet.control.as_ref();
        let (reason, author) =
            (control.map(|held| held.reason.as_str()), control.map(|held| held.author.as_str()));
        let source = match (self.has_fleet(), &self.report.state) {
            (true, _) => r#""fleet""#,
            (false, Some(_)) => r#""original""#,
            (false, None) => "null",
        };
        format!(
            concat!(
                r#"{{"name":{},"state":{},"source":{},"left_seconds":{},"votes":{},"probes":{},"#,
                r#""generation":{},"reason":{},"author":{},"state_changed_at":{},"metrics":{}}}"#
            ),
            json::string(self.name.as_str()),
            json::string(self.state()),
            source,
            self.left().map_or_else(null, |left| format!("{:.3}", left.as_secs_f64())),
            fleet.votes,
            fleet.probes,
            fleet.version.generation,
            json::optional(reason),
            json::optional(author),
            seconds(self.report.state.as_ref().map(|record| record.state_changed_at)),
            self.report.metrics.as_ref().map_or_else(null, metrics),
        )
    }

    /// The same for people, one fact in a line.
    pub(super) fn text(&self) -> String {
        let [_, state, left, votes, probes, calls, failed, reason] = self.cells();
        let author = self.report.fleet.control.as_ref().map_or("-", |held| held.author.as_str());
        let lines = [
            ("breaker", self.name.as_str()),
            ("state", &state),
            ("left", &left),
            ("votes", &votes),
            ("probes", &probes),
            ("calls", &calls),
            ("failed", &failed),
            ("reason", &reason),
            ("author", author),
        ];
        let line =
            |(title, text): (&str, &str)| format!("{title:<8} {}", crate::table::printable(text));
        lines.map(line).join("\n")
    }

    pub(super) fn cells(&self) -> [String; 8] {
        let none = || "-".to_owned();
        let metrics = self.report.metrics.as_ref();
        let reason = self.report.fleet.control.as_ref().map(|held| held.reason.clone());
        [
            self.name.to_string(),
            self.state().to_owned(),
            self.left().map_or_else(none, period::for_people),
            self.report.fleet.votes.to_string(),
            self.report.fleet.probes.to_string(),
            metrics.map_or_else(none, |it| it.total_calls.to_string()),
            metrics.map_or_else(none, |it| it.failed_calls.to_string()),
            reason.filter(|text| !text.is_empty()).unwrap_or_else(none),
        ]
    }
}

fn metrics(metrics: &MetricsRecord) -> String {
    format!(
        concat!(
            r#"{{"total_calls":{},"failed_calls":{},"successful_calls":{},"state_changes":{},"#,
            r#""last_failure_time":{},"last_success_time":{}}}"#
        ),
        metrics.total_calls,
        metrics.failed_calls,
        metrics.successful_calls,
        metrics.state_changes,
        seconds(metrics.last_failure_time),
        seconds(metrics.last_success_time),
    )
}

/// Seconds since the Unix epoch, to the microsecond.
fn seconds(time: Option<f64>) -> String {
    time.filter(|time| time.is_finite()).map_or_else(null, |time| format!("{time:.6}"))
}

fn null() -> String {
    "null".to_owned()
}
