//! Settling for good.

use coord_core::{MailboxPolicy, ReservationToken, SettleError};
use tokio::task::JoinSet;

use super::stage::{Stage, bad_agent, id, is_invalid, is_lost};
use super::{Backend, FAR, TICK};

/// An acked message is gone.
pub async fn removes_the_message(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    stage.send("msg-000002").await;
    stage.ack(&stage.receive().await).await;
    let stats = stage.stats().await;
    assert_eq!((stats.depth, stats.reserved, stats.dead), (1, 0, 0));
    stage.ack(&stage.receive().await).await;
    stage.is_untouched().await;
    assert_eq!(stage.mail.recover_pending(None).await.expect("recovery works"), 0);
}

/// The second ack finds nothing, and says of whom and under which token.
pub async fn twice_is_lost(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let received = stage.receive().await;
    stage.ack(&received).await;
    match stage.mail.ack(&stage.to, &received.token).await {
        Err(SettleError::ReservationLost { agent, token }) => {
            assert_eq!((agent.as_str(), token.as_str()), ("writer:w1", received.token.as_str()));
        }
        other => panic!("{other:?}"),
    }
}

/// An ack after the deadline succeeds as long as nobody took the message back.
pub async fn late_ack_succeeds(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let received = stage.receive_expired().await;
    stage.advance(TICK).await;
    stage.ack(&received).await;
    stage.is_untouched().await;
    assert_eq!(stage.recover().await, 0);
}

/// Once the message was taken back, the old token settles nothing.
pub async fn lost_after_taken_back(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    let old = stage.receive_expired().await;
    let new = stage.receive().await;
    is_lost(stage.mail.ack(&stage.to, &old.token).await);
    assert_eq!(stage.stats().await.reserved, 1);
    stage.ack(&new).await;
}

/// A token of one mailbox is nothing in another.
pub async fn other_mailbox_is_not_touched(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let other = stage.at("writer:w2");
    stage.send("msg-000001").await;
    other.send("msg-000002").await;
    let (mine, theirs) = (stage.receive().await, other.receive().await);
    is_lost(stage.mail.ack(&stage.to, &theirs.token).await);
    is_lost(stage.mail.ack(&other.to, &mine.token).await);
    is_lost(stage.mail.release(&other.to, &mine.token).await);
    is_lost(stage.mail.extend(&other.to, &mine.token, FAR).await);
    stage.ack(&mine).await;
    other.ack(&theirs).await;
}

/// A token nobody ever gave out settles nothing, also where there is no mailbox.
pub async fn unknown_token_is_lost(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let token = ReservationToken::from_bits(u64::MAX);
    is_lost(stage.mail.ack(&stage.to, &token).await);
    stage.send("msg-000001").await;
    is_lost(stage.mail.ack(&stage.to, &token).await);
    assert_eq!(stage.drain().await, ["msg-000001"]);
}

/// A token may travel as text.
pub async fn parsed_token_works(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    for nack in [false, true] {
        stage.send("msg-000001").await;
        let received = stage.receive().await;
        let token = ReservationToken::parse(received.token.as_str()).expect("it is a token");
        if nack {
            let failure = coord_core::FailureType::Permanent;
            let nacked = stage.mail.nack(&stage.to, &token, failure, Some("no")).await;
            nacked.expect("it is reserved");
        } else {
            stage.mail.ack(&stage.to, &token).await.expect("it is reserved");
        }
    }
    assert_eq!(stage.dead_messages().await.len(), 1);
}

/// Of many acks at once one succeeds.
pub async fn one_of_many_wins(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    stage.send("msg-000001").await;
    stage.send("msg-000002").await;
    let received = stage.receive().await;
    let mut acks = JoinSet::new();
    for _ in 0..8 {
        let (mail, to) = (stage.mail.clone(), stage.to.clone());
        let token = received.token.clone();
        acks.spawn(async move { mail.ack(&to, &token).await });
    }
    let won = acks.join_all().await.into_iter().filter(Result::is_ok).count();
    assert_eq!((won, stage.stats().await.depth), (1, 1));
    assert_eq!(id(&stage.receive().await), "msg-000002");
}

/// A settled message makes room for another.
pub async fn makes_room(backend: &dyn Backend) {
    let stage = Stage::with(backend, MailboxPolicy::new().with_queue_size(1)).await;
    for _ in 0..3 {
        stage.send("msg-000001").await;
        assert!(!stage.try_send("msg-000002").await.delivered());
        stage.ack(&stage.receive().await).await;
    }
}

/// An agent that cannot name a mailbox is refused by name of the field, by every settling verb.
pub async fn invalid_agent_is_refused(backend: &dyn Backend) {
    let stage = Stage::new(backend).await;
    let (agent, token) = (bad_agent(), ReservationToken::from_bits(1));
    is_invalid!(stage.mail.ack(&agent, &token).await, SettleError, "agent type");
    is_invalid!(stage.mail.release(&agent, &token).await, SettleError, "agent type");
    is_invalid!(stage.mail.extend(&agent, &token, FAR).await, SettleError, "agent type");
    let failure = coord_core::FailureType::Transient;
    let nacked = stage.mail.nack(&agent, &token, failure, None).await;
    is_invalid!(nacked, SettleError, "agent type");
}
