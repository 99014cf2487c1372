//! Three agents hand a job on; one of them stumbles and retries, one message is beyond help.
//!
//! `cargo run --example quickstart` needs nothing installed. With `COORD_REDIS_URL` the same
//! agents meet on a real server.
#![expect(clippy::print_stdout, reason = "an example tells its story on the terminal")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coord_core::{
    AgentId, AgentMessage, DeadBody, FailureType, InvalidInput, MailboxPolicy, MessagePriority,
    MessageType, NackOutcome, NullMetrics, Page, Payload, ReceivedMessage, SharedCoordinator,
};
use coord_redis::{RedisConfig, RedisMessageCoordinator};
use coord_testkit::FakeRedis;
use serde::{Deserialize, Serialize};

/// What the agents send each other.
#[derive(Debug, Serialize, Deserialize)]
struct Chapter {
    title: String,
    words: u32,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let meeting = meet().await?;
    let story = Story { coordinator: Arc::clone(&meeting.coordinator), start: Instant::now() };
    let planner = AgentId::parse("planner")?;
    let writer = AgentId::parse(&format!("writer:{}", std::process::id()))?;
    let editor = AgentId::parse(&format!("editor:{}", std::process::id()))?;

    story.tell("planner", "asks the writer for two chapters, the urgent one last");
    let order = [("Arrival", MessagePriority::Normal), ("Departure", MessagePriority::High)];
    for (title, priority) in order {
        let chapter = Chapter { title: title.to_owned(), words: 0 };
        story.send(&planner, &writer, &chapter, priority).await?;
    }
    let broken = Payload::from_json(r#"{"chapter": "without a title"}"#)?;
    story.send_payload(&planner, &writer, broken, MessagePriority::Low).await?;

    // The writer's first attempt at the urgent chapter fails; it comes back after a pause.
    let mut stumbled = false;
    for _ in 0..4 {
        let received = story.wait_for_mail(&writer).await?;
        match received.queue_message.message.payload.read::<Chapter>() {
            Err(error) => story.give_up(&writer, &received, &error).await?,
            Ok(_) if !stumbled => {
                stumbled = true;
                story.stumble(&writer, &received).await?;
            }
            Ok(chapter) => {
                let done = Chapter { words: 1_200, ..chapter };
                story.send(&writer, &editor, &done, MessagePriority::Normal).await?;
                story.coordinator.ack(&writer, &received.token).await?;
                story
                    .tell("writer", &format!("wrote {:?} and handed it to the editor", done.title));
            }
        }
    }

    for _ in 0..2 {
        let received = story.wait_for_mail(&editor).await?;
        let chapter: Chapter = received.queue_message.message.payload.read()?;
        story.coordinator.ack(&editor, &received.token).await?;
        story.tell("editor", &format!("accepts {:?}, {} words", chapter.title, chapter.words));
    }
    story.epilogue(&writer).await
}

/// Where the agents meet: a real server, or the fake one, which lives as long as this is kept.
struct Meeting {
    coordinator: SharedCoordinator,
    _fake: Option<FakeRedis>,
}

/// Connects to the server of `COORD_REDIS_URL`, or starts a fake one that runs the same scripts.
async fn meet() -> Result<Meeting, Box<dyn Error>> {
    let (url, fake) = match std::env::var("COORD_REDIS_URL") {
        Ok(url) => {
            println!("       on the Redis server of COORD_REDIS_URL\n");
            (url, None)
        }
        Err(_) => {
            let fake = FakeRedis::start().await?;
            println!("       on an embedded fake Redis; COORD_REDIS_URL names a real one\n");
            (fake.url(), Some(fake))
        }
    };
    let (base, max) = (Duration::from_millis(200), Duration::from_secs(2));
    let policy = MailboxPolicy::new().with_backoff(base, 2.0, max);
    let config = RedisConfig::from_url(&url)?;
    let metrics = Arc::new(NullMetrics);
    let coordinator = RedisMessageCoordinator::connect_with(config, policy, metrics).await?;
    Ok(Meeting { coordinator: Arc::new(coordinator), _fake: fake })
}

/// The coordinator, and when the story began.
struct Story {
    coordinator: SharedCoordinator,
    start: Instant,
}

impl Story {
    fn tell(&self, who: &str, what: &str) {
        println!("{:5.2} s  {who:8} {what}", self.start.elapsed().as_secs_f32());
    }

    async fn send(
        &self,
        from: &AgentId,
        to: &AgentId,
        chapter: &Chapter,
        priority: MessagePriority,
    ) -> Result<(), Box<dyn Error>> {
        self.send_payload(from, to, Payload::new(chapter)?, priority).await
    }

    async fn send_payload(
        &self,
        from: &AgentId,
        to: &AgentId,
        payload: Payload,
        priority: MessagePriority,
    ) -> Result<(), Box<dyn Error>> {
        let id = self.coordinator.new_message_id();
        let message = AgentMessage::new(id, from.clone(), to.clone(), MessageType::Request)
            .with_payload(payload)
            .with_priority(priority);
        self.coordinator.send_message(from, to, message).await?.into_result()?;
        Ok(())
    }

    /// Polls until something is due; a retry takes its back-off.
    async fn wait_for_mail(&self, agent: &AgentId) -> Result<ReceivedMessage, Box<dyn Error>> {
        loop {
            match self.coordinator.receive(agent, Duration::from_secs(30)).await? {
                Some(received) => return Ok(received),
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    async fn stumble(
        &self,
        agent: &AgentId,
        received: &ReceivedMessage,
    ) -> Result<(), Box<dyn Error>> {
        let error = Some("out of ideas");
        let failure = FailureType::Transient;
        let outcome = self.coordinator.nack(agent, &received.token, failure, error).await?;
        if let NackOutcome::Retry { attempts, delay, .. } = outcome {
            let what =
                format!("is out of ideas (failure {attempts}); the chapter returns in {delay:?}");
            self.tell("writer", &what);
        }
        Ok(())
    }

    async fn give_up(
        &self,
        agent: &AgentId,
        received: &ReceivedMessage,
        error: &InvalidInput,
    ) -> Result<(), Box<dyn Error>> {
        let reason = error.to_string();
        let failure = FailureType::Permanent;
        self.coordinator.nack(agent, &received.token, failure, Some(&reason)).await?;
        self.tell("writer", "cannot read one request at all and gives it up for good");
        Ok(())
    }

    async fn epilogue(&self, writer: &AgentId) -> Result<(), Box<dyn Error>> {
        println!();
        for letter in self.coordinator.dead_letters(writer, Page::default()).await? {
            if let DeadBody::Message(dead) = letter.body {
                let reason = dead.last_error.unwrap_or_default();
                println!("       in the dead-letter queue: {:?}", dead.message.payload);
                println!("       because: {reason}");
            }
        }
        let stats = self.coordinator.mailbox_stats(writer).await?;
        println!("       left in the writer's mailbox: {}", stats.depth);
        Ok(())
    }
}
