//! `coord doctor`: what endangers messages, and what to do about it.

use coord_redis::{Finding, Severity};

use crate::answer::{Answer, Human};
use crate::failure::{Failure, Kind};
use crate::json;
use crate::session::Session;
use crate::table::Table;

const HEADER: [&str; 5] = ["STATE", "CHECK", "SUBJECT", "FOUND", "DO"];

pub(super) async fn run(session: &Session) -> Result<Answer, Failure> {
    Ok(answer(&session.mail.diagnose().await?))
}

/// What was found, with a failure if there is a problem.
pub(super) fn answer(findings: &[Finding]) -> Answer {
    let mut table = Table::new(&HEADER);
    for it in findings {
        table.row(&[
            it.severity.as_str().to_owned(),
            it.check.to_owned(),
            it.subject.clone(),
            it.found.clone(),
            it.advice.unwrap_or("-").to_owned(),
        ]);
    }
    let problems = findings.iter().filter(|it| it.severity == Severity::Problem).count();
    let failure = (problems > 0).then(|| {
        let why = format!("{problems} of {} checks found a problem", findings.len());
        Failure::new(Kind::Unhealthy, why).with_advice("each says what to do")
    });
    Answer::list(findings.iter().map(line).collect(), Human::Table(table)).and(failure)
}

fn line(finding: &Finding) -> String {
    format!(
        r#"{{"check":{},"subject":{},"state":{},"found":{},"advice":{}}}"#,
        json::string(finding.check),
        json::string(&finding.subject),
        json::string(finding.severity.as_str()),
        json::string(&finding.found),
        json::optional(finding.advice),
    )
}
