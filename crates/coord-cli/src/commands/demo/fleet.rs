//! A planner, two writers on one mailbox, an editor.

use std::cell::Cell;
use std::time::Duration;

use coord_core::{
    AgentId, AgentMessage, DeadSelection, FailureType, MessageCoordinator, MessagePriority,
    MessageType, NackOutcome, Payload, ReceivedMessage, SendOptions, SettleError,
};
use coord_redis::RedisMessageCoordinator;
use serde::{Deserialize, Serialize};

use super::story::Story;
use crate::cli::Format;
use crate::failure::Failure;
use crate::period::for_people;

/// A job, as the agents send it to each other.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Chapter {
    title: String,
    trouble: Trouble,
}

/// What goes wrong with a chapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Trouble {
    None,
    /// The first attempt fails.
    Once,
    /// Its first writer vanishes with it.
    Crash,
    /// Every attempt fails.
    Always,
}

const CHAPTERS: [(&str, MessagePriority, Trouble); 5] = [
    ("The Calm", MessagePriority::Low, Trouble::None),
    ("The Storm", MessagePriority::Normal, Trouble::Once),
    ("The Wreck", MessagePriority::Normal, Trouble::Crash),
    ("The Curse", MessagePriority::Normal, Trouble::Always),
    ("The Alarm", MessagePriority::High, Trouble::None),
];
/// How many chapters come through.
const DONE: usize = 4;
const VISIBILITY: Duration = Duration::from_millis(600);
/// How long an agent rests when it has nothing to do.
const REST: Duration = Duration::from_millis(20);

/// The whole of it: until every chapter is either accepted or a dead letter.
pub(super) async fn work(mail: &RedisMessageCoordinator, format: Format) -> Result<(), Failure> {
    let name = |kind: &str| AgentId::new(kind, Some(&std::process::id().to_string()));
    let fleet = Fleet {
        mail,
        story: Story::begin(format),
        planner: name("planner")?,
        writer: name("writer")?,
        editor: name("editor")?,
        is_over: Cell::new(false),
        dead: Cell::new(0),
    };
    fleet.order().await?;
    let agents = (fleet.plan(), fleet.write("writer 1"), fleet.write("writer 2"), fleet.edit());
    tokio::try_join!(agents.0, agents.1, agents.2, agents.3)?;
    let purged = mail.purge(&fleet.writer, &DeadSelection::all()).await?;
    let text = format!(
        "{} chapters: {DONE} accepted, {} dead-lettered and purged; none lost",
        CHAPTERS.len(),
        fleet.dead.get().min(purged)
    );
    fleet.story.tell("", "end", &text)
}

struct Fleet<'a> {
    mail: &'a RedisMessageCoordinator,
    story: Story,
    planner: AgentId,
    writer: AgentId,
    editor: AgentId,
    is_over: Cell<bool>,
    dead: Cell<u64>,
}

impl Fleet<'_> {
    /// The planner asks for every chapter.
    async fn order(&self) -> Result<(), Failure> {
        for (title, priority, trouble) in CHAPTERS {
            let message = self
                .message(&self.planner, &self.writer, &Chapter { title: title.into(), trouble })?
                .with_priority(priority);
            self.mail.send_message(&self.planner, &self.writer, message).await?;
            let text = format!("asks for {title:?} ({} priority)", priority.as_str());
            self.story.tell("planner", "send", &text)?;
        }
        Ok(())
    }

    /// The planner waits for the editor's answers.
    async fn plan(&self) -> Result<(), Failure> {
        let mut accepted = 0;
        while accepted < DONE || self.dead.get() == 0 {
            if let Some(received) = self.next(&self.planner).await? {
                let acked = self.mail.ack(&self.planner, &received.token).await;
                accepted += usize::from(in_time(acked)?.is_some());
            }
        }
        self.is_over.set(true);
        Ok(())
    }

    /// A writer works on what comes, and hands it on to the editor.
    async fn write(&self, who: &str) -> Result<(), Failure> {
        while !self.is_over.get() {
            let Some(received) = self.next(&self.writer).await? else { continue };
            let chapter: Chapter = received.queue_message.message.payload.read()?;
            let attempts = received.queue_message.delivery_attempts;
            let title = &chapter.title;
            match chapter.trouble {
                Trouble::Crash if attempts == 0 => {
                    let rest = for_people(VISIBILITY);
                    let text = format!("vanishes with {title:?}; its reservation ends in {rest}");
                    self.story.tell(who, "crash", &text)?;
                }
                Trouble::Once if attempts == 0 => self.fail(who, title, &received).await?,
                Trouble::Always => self.fail(who, title, &received).await?,
                _ => {
                    let message = self.message(&self.writer, &self.editor, &chapter)?;
                    let options = SendOptions::new();
                    let (from, token) = (&self.writer, &received.token);
                    let sent = self.mail.forward(from, token, &self.editor, message, options).await;
                    if in_time(sent)?.is_none() {
                        continue;
                    }
                    let text = format!("writes {title:?} and hands it to the editor");
                    self.story.tell(who, "forward", &text)?;
                }
            }
        }
        Ok(())
    }

    async fn fail(
        &self,
        who: &str,
        title: &str,
        received: &ReceivedMessage,
    ) -> Result<(), Failure> {
        let (token, why) = (&received.token, Some("out of ideas"));
        let failure = FailureType::Transient;
        let outcome = in_time(self.mail.nack(&self.writer, token, failure, why).await)?;
        match outcome {
            None => Ok(()),
            Some(NackOutcome::Retry { attempts, delay, .. }) => {
                let pause = for_people(delay);
                let text = format!(
                    "is out of ideas for {title:?} (failure {attempts}); it comes back in {pause}"
                );
                self.story.tell(who, "retry", &text)
            }
            Some(_) => {
                self.dead.set(self.dead.get() + 1);
                let text = format!("gives {title:?} up: retries are used up, it is a dead letter");
                self.story.tell(who, "dead_letter", &text)
            }
        }
    }

    /// The editor accepts what comes, and tells the planner.
    async fn edit(&self) -> Result<(), Failure> {
        while !self.is_over.get() {
            let Some(received) = self.next(&self.editor).await? else { continue };
            let chapter: Chapter = received.queue_message.message.payload.read()?;
            let answer = self.message(&self.editor, &self.planner, &chapter)?;
            let (from, token) = (&self.editor, &received.token);
            let options = SendOptions::new();
            let told = self.mail.forward(from, token, &self.planner, answer, options).await;
            if in_time(told)?.is_some() {
                self.story.tell("editor", "accept", &format!("accepts {:?}", chapter.title))?;
            }
        }
        Ok(())
    }

    /// The next message of an agent, or a short rest.
    async fn next(&self, agent: &AgentId) -> Result<Option<ReceivedMessage>, Failure> {
        let received = self.mail.receive(agent, VISIBILITY).await?;
        if received.is_none() {
            tokio::time::sleep(REST).await;
        }
        Ok(received)
    }

    fn message(
        &self,
        from: &AgentId,
        to: &AgentId,
        chapter: &Chapter,
    ) -> Result<AgentMessage, Failure> {
        let id = self.mail.new_message_id();
        let message = AgentMessage::new(id, from.clone(), to.clone(), MessageType::Request);
        Ok(message.with_payload(Payload::new(chapter)?))
    }
}

/// `None` if the reservation ended before the agent was done, on a very slow machine: the message
/// comes again.
fn in_time<T>(settled: Result<T, SettleError>) -> Result<Option<T>, Failure> {
    match settled {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.is_reservation_lost() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
