//! `coord migrate check`: what would be a problem when agents move over.

use coord_tta::AgentType;

use super::super::doctor;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::session::Session;

pub(super) async fn run(session: &Session) -> Result<Answer, Failure> {
    let known = AgentType::ALL.map(AgentType::as_str);
    let findings = session.mail.check_migration(&known).await?;
    Ok(doctor::answer(&findings))
}
