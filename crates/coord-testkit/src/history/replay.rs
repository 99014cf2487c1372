//! Doing a history twice and comparing.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use coord_core::mailbox::{Input, Mailbox, Outcome, Send};
use coord_core::{
    AgentId, AgentMessage, MessageId, MessageType, NackOutcome, NullMetrics, Payload, QueueMessage,
    ReservationToken, SendError, SendOptions, SettleError, SharedCoordinator, Timestamp,
};

use super::compare;
use super::{History, Op, Pick};
use crate::conformance::Backend;

/// A history that coordinator and model lived through alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Steps that were done; those that the backend does not support are not among them.
    pub steps: usize,
    /// Whether the clock stood still during every step, so that every time was compared exactly.
    pub exact: bool,
    /// The story, one line per step.
    pub story: String,
}

/// The first difference between a coordinator and the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The story up to the step that differed, one line per step.
    pub story: String,
    /// What was compared.
    pub what: String,
    /// What the coordinator said.
    pub coordinator: String,
    /// What the model says.
    pub model: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}\n{} differs\ncoordinator: {}\nmodel:       {}",
            self.story, self.what, self.coordinator, self.model
        )
    }
}

impl std::error::Error for Mismatch {}

/// Does `history` on a fresh coordinator of `backend` and on the model.
///
/// # Errors
/// The first [`Mismatch`]. An infrastructure failure of the coordinator is one, too.
pub async fn replay(history: &History, backend: &dyn Backend) -> Result<Replayed, Mismatch> {
    let mut run = Run::new(history, backend).await?;
    for op in &history.ops {
        run.step(*op).await?;
    }
    run.step(Op::Look).await?;
    Ok(Replayed { steps: run.steps, exact: run.exact, story: run.story })
}

pub(super) struct Run<'a> {
    backend: &'a dyn Backend,
    pub(super) mail: SharedCoordinator,
    pub(super) model: Mailbox,
    pub(super) agent: AgentId,
    tokens: Vec<ReservationToken>,
    sent: u64,
    steps: usize,
    /// The clock stood still during every step so far.
    pub(super) exact: bool,
    pub(super) story: String,
}

/// What a coordinator answered.
enum Answer {
    /// This, in the model's words.
    Said(Outcome),
    /// It does not have this option; nothing was changed.
    Unsupported,
}

impl<'a> Run<'a> {
    async fn new(history: &History, backend: &'a dyn Backend) -> Result<Self, Mismatch> {
        let policy = history.policy;
        let mail = backend.coordinator(policy, Arc::new(NullMetrics)).await;
        let model = Mailbox::new(policy, backend.order());
        let story = format!("{policy:?}\n");
        let model = model.map_err(|error| Mismatch {
            story: story.clone(),
            what: "the policy".into(),
            coordinator: "takes it".into(),
            model: error.to_string(),
        })?;
        let agent = AgentId::foreign("writer", Some("w1".into()));
        let (tokens, sent, steps, exact) = (Vec::new(), 0, 0, true);
        Ok(Self { backend, mail, model, agent, tokens, sent, steps, exact, story })
    }

    async fn step(&mut self, op: Op) -> Result<(), Mismatch> {
        self.tell(&format!("{op}"));
        match op {
            Op::Wait { by } => {
                self.backend.advance(by).await;
                return Ok(());
            }
            Op::Look => return self.look().await,
            _ => {}
        }
        let input = self.input(op);
        let begun = self.now().await?;
        let answer = self.ask(&input, op).await?;
        let ended = self.now().await?;
        self.exact &= begun == ended;
        let Answer::Said(said) = answer else {
            self.tell("   -> not supported");
            return Ok(());
        };
        self.steps += 1;
        // An answer with a time in it says when the step was done.
        let moment = moment(&input, &said).unwrap_or(begun);
        let input = match (input, &said) {
            (Input::Receive { visibility, .. }, Outcome::Received(Some(reserved))) => {
                self.tokens.push(reserved.token.clone());
                Input::Receive { token: reserved.token.clone(), visibility }
            }
            (input, _) => input,
        };
        let wanted = self.model.handle(moment, input);
        self.tell(&format!("   -> {said}"));
        self.same("the answer", &compare::shown(&said), &compare::shown(&wanted))?;
        if moment < begun || ended < moment {
            let between = format!("between {begun} and {ended}");
            return Err(self.mismatch("the moment", moment.to_string(), between));
        }
        Ok(())
    }

    /// The input of a step, with the token that is meant.
    fn input(&mut self, op: Op) -> Input {
        match op {
            Op::Send { priority, again, delay, expires_in, dedup_window } => {
                self.sent += u64::from(!again || self.sent == 0);
                let mut options = SendOptions::new().with_delay(delay);
                if let Some(life) = expires_in {
                    options = options.with_expires_in(life);
                }
                if let Some(window) = dedup_window {
                    options = options.with_dedup_window(window);
                }
                let message = self.message().with_priority(priority);
                Input::Send(Box::new(Send::new(QueueMessage::new(message)).with_options(options)))
            }
            Op::Receive { visibility } => {
                Input::Receive { token: ReservationToken::from_bits(u64::MAX), visibility }
            }
            Op::Ack { pick } => Input::Ack { token: self.token(pick) },
            Op::Nack { pick, failure, says_why } => {
                let error = says_why.then(|| format!("boom \"é\" at step {}", self.steps));
                Input::Nack { token: self.token(pick), failure, error }
            }
            Op::Extend { pick, visibility } => {
                Input::Extend { token: self.token(pick), visibility }
            }
            Op::Release { pick } => Input::Release { token: self.token(pick) },
            Op::Recover { .. } | Op::Wait { .. } | Op::Look => Input::Recover,
        }
    }

    /// The next message. Its payload carries a number that grows, so that two messages of one id
    /// differ, and sort in the order they were sent where ties are by payload.
    fn message(&self) -> AgentMessage {
        let id = MessageId::new(format!("msg-{:06}", self.sent)).expect("it is long enough");
        let from = AgentId::foreign("planner", None);
        let payload = format!("{{\"step\": \"{:06}\", \"x\": [NaN, 1e400]}}", self.steps);
        let payload = Payload::from_json(&payload).expect("it is an object");
        AgentMessage::new(id, from, self.agent.clone(), MessageType::Request)
            .with_payload(payload)
            .with_timestamp("2026-01-01T00:00:00+00:00")
    }

    fn token(&self, pick: Pick) -> ReservationToken {
        let nobodys = ReservationToken::from_bits(u64::MAX);
        let count = self.tokens.len().max(1);
        self.tokens.iter().rev().nth(usize::from(pick.0) % count).cloned().unwrap_or(nobodys)
    }

    /// Does the step on the coordinator.
    async fn ask(&self, input: &Input, op: Op) -> Result<Answer, Mismatch> {
        let (mail, agent) = (&self.mail, &self.agent);
        let said = match input {
            Input::Send(send) => {
                let message = send.queued.message.clone();
                let from = message.sender.clone();
                match mail.send_message_with(&from, agent, message, send.options).await {
                    Ok(result) => Outcome::Sent(result.outcome),
                    Err(SendError::Unsupported(_)) => return Ok(Answer::Unsupported),
                    Err(error) => return Err(self.failed(&error)),
                }
            }
            Input::Receive { visibility, .. } => {
                let received = mail.receive(agent, *visibility).await;
                let received = received.map_err(|error| self.failed(&error))?;
                Outcome::Received(received.map(|it| Box::new(compare::reserved(it))))
            }
            Input::Ack { token } => self.settled(mail.ack(agent, token).await)?,
            Input::Release { token } => self.settled(mail.release(agent, token).await)?,
            Input::Nack { token, failure, error } => {
                let nacked = mail.nack(agent, token, *failure, error.as_deref()).await;
                self.or_lost(nacked.map(Outcome::Nacked))?
            }
            Input::Extend { token, visibility } => {
                let extended = mail.extend(agent, token, *visibility).await;
                self.or_lost(extended.map(|extended| Outcome::Extended(extended.deadline)))?
            }
            _ => {
                let everywhere = op == Op::Recover { everywhere: true };
                let whose = (!everywhere).then_some(agent);
                let recovered = mail.recover_pending(whose).await;
                Outcome::Recovered(recovered.map_err(|error| self.failed(&error))?)
            }
        };
        Ok(Answer::Said(said))
    }

    fn settled(&self, result: Result<(), SettleError>) -> Result<Outcome, Mismatch> {
        self.or_lost(result.map(|()| Outcome::Settled))
    }

    fn or_lost(&self, result: Result<Outcome, SettleError>) -> Result<Outcome, Mismatch> {
        match result {
            Err(error) if error.is_reservation_lost() => Ok(Outcome::ReservationLost),
            other => other.map_err(|error| self.failed(&error)),
        }
    }

    /// The coordinator's time.
    async fn now(&self) -> Result<Timestamp, Mismatch> {
        let stats = self.mail.mailbox_stats(&self.agent).await;
        stats.map(|stats| stats.now).map_err(|error| self.failed(&error))
    }

    fn tell(&mut self, line: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.story, "{line}");
    }

    pub(super) fn same(&self, what: &str, said: &str, wanted: &str) -> Result<(), Mismatch> {
        if said == wanted {
            return Ok(());
        }
        Err(self.mismatch(what, said.to_owned(), wanted.to_owned()))
    }

    pub(super) fn failed(&self, error: &dyn std::error::Error) -> Mismatch {
        self.mismatch("the answer", error.to_string(), "no failure".into())
    }

    fn mismatch(&self, what: &str, coordinator: String, model: String) -> Mismatch {
        Mismatch { story: self.story.clone(), what: what.into(), coordinator, model }
    }
}

/// When the step was done, as far as its answer tells.
fn moment(input: &Input, said: &Outcome) -> Option<Timestamp> {
    let before = |end: Timestamp, span: Duration| {
        Timestamp::from_micros(end.as_micros().saturating_sub(coord_core::micros(span)))
    };
    match (input, said) {
        (Input::Receive { visibility, .. }, Outcome::Received(Some(reserved))) => {
            Some(before(reserved.deadline, *visibility))
        }
        (_, Outcome::Nacked(NackOutcome::Retry { delay, due, .. })) => Some(before(*due, *delay)),
        (Input::Extend { visibility, .. }, Outcome::Extended(deadline)) => {
            Some(before(*deadline, *visibility))
        }
        _ => None,
    }
}
