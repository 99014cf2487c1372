//! Where a message is.

use coord_core::{MessageId, MessagePlace, MessageReport, SendOptions};

use super::stage::{Stage, bad_agent, is_invalid};
use super::{Backend, FAR};

impl Stage<'_> {
    async fn why(&self, id: &str) -> Option<MessageReport> {
        let id = MessageId::new(id).expect("facts use valid ids");
        self.mail.why(&self.to, &id).await.expect("asking works")
    }

    async fn place(&self, id: &str) -> MessagePlace {
        self.why(id).await.expect("it is there").place
    }
}

/// From its send to its death, a message is always somewhere, and found there.
pub async fn follows_a_message(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let before = stage.now().await;
    stage.send("msg-000001").await;
    let MessagePlace::Ready { since } = stage.place("msg-000001").await else { panic!() };
    assert!(before <= since && since <= stage.now().await);
    let held = stage.receive().await;
    let MessagePlace::Reserved { token, deadline, is_cancelled } = stage.place("msg-000001").await
    else {
        panic!()
    };
    assert_eq!((token, deadline), (held.token.clone(), held.visibility_deadline));
    assert!(!is_cancelled);
    let due = match stage.nack(&held, "boom").await {
        coord_core::NackOutcome::Retry { due, .. } => due,
        other => panic!("{other:?}"),
    };
    let report = stage.why("msg-000001").await.expect("it waits for its retry");
    assert_eq!(report.place, MessagePlace::Delayed { due });
    assert_eq!(report.queue_message.delivery_attempts, 1);
    assert_eq!(report.queue_message.last_error.as_deref(), Some("boom"));
}

/// The dead are found as well, with what killed them.
pub async fn finds_the_dead(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    stage.kill(&stage.receive().await, "boom").await;
    let report = stage.why("msg-000001").await.expect("it rests there");
    let MessagePlace::Dead { at } = report.place else { panic!("{report:?}") };
    assert!(at.is_none_or(|at| at <= report.now));
    assert_eq!(report.queue_message.last_error.as_deref(), Some("boom"));
}

/// A cancelled message whose holder has not ended yet says so.
pub async fn tells_of_a_cancellation(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let held = stage.receive().await;
    let id = &held.queue_message.message.message_id;
    stage.mail.cancel(&stage.to, id).await.expect("cancelling works");
    let place = stage.place("msg-000001").await;
    assert!(matches!(place, MessagePlace::Reserved { is_cancelled: true, .. }), "{place:?}");
}

/// When it expires, wherever it is.
pub async fn tells_the_expiry(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    assert_eq!(stage.why("msg-000001").await.expect("it waits").expires_at, None);
    let options = SendOptions::new().with_expires_in(FAR);
    let before = stage.now().await;
    if stage.send_with("msg-000002", options).await.is_none() {
        return;
    }
    let waiting = stage.why("msg-000002").await.expect("it waits").expires_at;
    assert!(waiting.is_some_and(|at| before + FAR <= at), "{waiting:?}");
    stage.receive().await;
    stage.receive().await;
    assert_eq!(stage.why("msg-000002").await.expect("it is reserved").expires_at, waiting);
}

/// What is settled or never was is nowhere.
pub async fn of_nothing_is_none(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    assert!(stage.why("msg-000001").await.is_none());
    stage.send("msg-000001").await;
    stage.ack(&stage.receive().await).await;
    assert!(stage.why("msg-000001").await.is_none());
}

/// An id that cannot name a mailbox is refused.
pub async fn refuses_invalid_agents(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let id = MessageId::new("msg-000001").expect("facts use valid ids");
    is_invalid!(stage.mail.why(&bad_agent(), &id).await, AdminError, "agent type");
}
