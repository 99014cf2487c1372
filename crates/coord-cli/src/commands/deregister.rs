//! `coord deregister`: takes an agent out of the registry.

use clap::Args;
use coord_core::AgentId;
use coord_core::registry::AgentRegistry;

use super::register::PolicyArgs;
use crate::answer::Answer;
use crate::cli::Global;
use crate::failure::{Failure, Kind};
use crate::output;
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct DeregisterArgs {
    /// Who
    agent: AgentId,

    #[command(flatten)]
    policy: PolicyArgs,
}

pub(super) async fn run(args: DeregisterArgs, global: &Global) -> Result<(), Failure> {
    let session = Session::connect(global).await?;
    let agent = &args.agent;
    if !args.policy.registry(&session)?.deregister(agent, None).await? {
        let why = format!("unknown agent {agent}: it is not registered under this prefix");
        return Err(Failure::new(Kind::UnknownAgent, why).with_advice("`coord agents` lists all"));
    }
    let answer = Answer::ok(format!("{agent} is deregistered"));
    output::write(&answer, global.output).map_err(|e| Failure::io("writing the answer", &e))
}
