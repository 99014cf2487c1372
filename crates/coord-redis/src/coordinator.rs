//! The coordinator over Redis: the port, verb by verb.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use async_trait::async_trait;
use coord_core::{
    AckAndReceive, AdminError, AgentId, AgentMessage, BackendError, CancelOutcome, DeadLetter,
    DeadMatches, DeadSelection, Extended, FailureType, Filter, InvalidInput, MailboxPolicy,
    MailboxStats, MessageCoordinator, MessageId, MessageMetrics, MessageReport, MessageResult,
    MessageSubscription, MessageType, NackOutcome, NoteOutcome, NullMetrics, Page, PeekedMessage,
    Publication, RateLimit, Receipt, ReceiptTicket, ReceiveError, ReceivedMessage, Reconciliation,
    RedriveRate, ReservationToken, SendError, SendOptions, SendOutcome, SettleError,
};
use futures_util::future::join_all;
use thiserror::Error;

use crate::config::RedisConfig;
use crate::connection::CommandLane;
use crate::layout::KeyLayout;
use crate::mailbox::{Mailboxes, PIPELINE};
use crate::operations;
use crate::operations::pause::GateOrder;
use crate::operations::receive::Wanted;
use crate::server::{ServerWarning, check_layout, check_server};
use crate::waiting::{self, Hub};

/// Mailboxes in Redis: every operation is one atomic script and one round trip.
///
/// Clones share one connection, which carries the commands of any number of tasks at once. A
/// connection that breaks is replaced by the next operation.
///
/// ```no_run
/// use coord_core::MessageCoordinator;
/// use coord_redis::{RedisConfig, RedisMessageCoordinator};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let config = RedisConfig::from_url("redis://127.0.0.1:6379")?;
/// let coordinator = RedisMessageCoordinator::connect(config).await?;
/// for warning in coordinator.warnings() {
///     eprintln!("warning: {warning}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisMessageCoordinator {
    mailboxes: Arc<Mailboxes>,
    warnings: Arc<[ServerWarning]>,
}

/// Why a coordinator could not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The configuration or policy is not acceptable.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    /// The server was not reached, is too old, or holds data of another layout or version.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

impl RedisMessageCoordinator {
    /// Connects with the default policy and no metrics.
    ///
    /// # Errors
    /// As [`RedisMessageCoordinator::connect_with`].
    pub async fn connect(config: RedisConfig) -> Result<Self, ConnectError> {
        Self::connect_with(config, MailboxPolicy::new(), Arc::new(NullMetrics)).await
    }

    /// Connects and checks the server's version and settings and the layout under the prefix.
    ///
    /// Cancel-safe.
    ///
    /// # Errors
    /// [`ConnectError`] that says what to change.
    pub async fn connect_with(
        config: RedisConfig,
        policy: MailboxPolicy,
        metrics: Arc<dyn MessageMetrics>,
    ) -> Result<Self, ConnectError> {
        config.validate()?;
        policy.validate()?;
        let lane = Arc::new(CommandLane::new(&config)?);
        let warnings = check_server(&lane).await?.into();
        check_layout(&lane, config.layout(), config.prefix()).await?;
        let prefix = config.prefix().to_owned();
        let hub = Hub::new(Arc::clone(&lane), config.layout(), &prefix, config.poll_interval());
        let across = config.forward_across();
        let mailboxes = Mailboxes::new(lane, config.layout(), prefix, policy, metrics, hub, across)
            .with_lease(config.subscription_lease());
        Ok(Self { mailboxes: Arc::new(mailboxes), warnings })
    }

    /// The same mailboxes under another policy, over the same connection. The policy of `self`
    /// stays, and a later `configure` of either does not change the other.
    ///
    /// # Errors
    /// [`InvalidInput`] that names the field of the policy.
    pub fn with_policy(&self, policy: MailboxPolicy) -> Result<Self, InvalidInput> {
        policy.validate()?;
        let own = &self.mailboxes;
        let (lane, metrics) = (Arc::clone(&own.lane), Arc::clone(&own.metrics));
        let (prefix, hub) = (own.prefix.clone(), Arc::clone(&own.hub));
        let across = own.forward_across;
        let mailboxes = Mailboxes::new(lane, own.layout, prefix, policy, metrics, hub, across)
            .with_lease(own.subscription_lease);
        Ok(Self { mailboxes: Arc::new(mailboxes), warnings: Arc::clone(&self.warnings) })
    }

    /// Returns when nothing is left of the [`receive_wait`](MessageCoordinator::receive_wait)s that
    /// were dropped: their registrations are gone, and what they were handed in that moment is
    /// ready again. For a graceful end of the process; while the server is unreachable this does
    /// not return. Cancel-safe.
    pub async fn waits_cleared(&self) {
        self.mailboxes.hub.cleared().await;
    }

    /// The connection, and where the mailboxes lie.
    pub(crate) fn place(&self) -> (&Arc<CommandLane>, KeyLayout, &str) {
        (&self.mailboxes.lane, self.mailboxes.layout, &self.mailboxes.prefix)
    }

    /// What about the server endangers the data; empty if nothing does.
    pub fn warnings(&self) -> &[ServerWarning] {
        &self.warnings
    }
}

impl fmt::Debug for RedisMessageCoordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisMessageCoordinator")
            .field("address", &self.mailboxes.lane.address())
            .field("layout", &self.mailboxes.layout)
            .field("prefix", &self.mailboxes.prefix)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl MessageCoordinator for RedisMessageCoordinator {
    fn new_message_id(&self) -> MessageId {
        let id = uuid::Uuid::now_v7().simple().to_string();
        // 32 hex digits: inside every limit of an id.
        MessageId::new(id).expect("a UUID is a message id")
    }

    async fn send_message_with(
        &self,
        sender: &AgentId,
        recipient: &AgentId,
        message: AgentMessage,
        options: SendOptions,
    ) -> Result<MessageResult, SendError> {
        let prepared = operations::send::prepare(&self.mailboxes, sender, message, options)?;
        let results = operations::send::send(&self.mailboxes, recipient, &[prepared]).await?;
        Ok(only(results))
    }

    async fn send_batch(
        &self,
        sender: &AgentId,
        recipient: &AgentId,
        batch: Vec<(AgentMessage, SendOptions)>,
    ) -> Result<Vec<MessageResult>, SendError> {
        let prepared = batch.into_iter().map(|(message, options)| {
            operations::send::prepare(&self.mailboxes, sender, message, options)
        });
        let prepared: Vec<_> = prepared.collect::<Result<_, _>>()?;
        operations::send::send(&self.mailboxes, recipient, &prepared).await
    }

    async fn broadcast_message_with(
        &self,
        sender: &AgentId,
        message: AgentMessage,
        recipients: &[AgentId],
        options: SendOptions,
    ) -> Vec<Result<MessageResult, SendError>> {
        let prepare =
            || operations::send::prepare(&self.mailboxes, sender, message.clone(), options);
        match prepare() {
            // Many at once on one connection: pipelined.
            Ok(prepared) => {
                let batch = [prepared];
                let send = |recipient| operations::send::send(&self.mailboxes, recipient, &batch);
                let mut sent = Vec::with_capacity(recipients.len());
                for part in recipients.chunks(PIPELINE) {
                    sent.extend(join_all(part.iter().map(send)).await);
                }
                sent.into_iter().map(|sent| sent.map(only)).collect()
            }
            Err(error) => std::iter::once(error)
                .chain(std::iter::from_fn(|| prepare().err()))
                .map(Err)
                .take(recipients.len())
                .collect(),
        }
    }

    async fn subscribe_to_messages(
        &self,
        agent: &AgentId,
        types: &[MessageType],
    ) -> Result<MessageSubscription, AdminError> {
        self.subscribe_to_messages_with(agent, types, Filter::any()).await
    }

    async fn subscribe_to_messages_with(
        &self,
        agent: &AgentId,
        types: &[MessageType],
        filter: Filter,
    ) -> Result<MessageSubscription, AdminError> {
        operations::subscribe::subscribe(&self.mailboxes, agent, types, &filter).await
    }

    async fn publish(
        &self,
        sender: &AgentId,
        message: AgentMessage,
        options: SendOptions,
    ) -> Result<Publication, SendError> {
        // What is not acceptable is so for everybody, and also if there is nobody.
        operations::send::prepare(&self.mailboxes, sender, message.clone(), options)?;
        let (kind, routing) = (message.message_type, &message.routing);
        let found = operations::publish::subscribers(&self.mailboxes, kind, routing).await?;
        let sent = self.broadcast_message_with(sender, message, &found, options).await;
        Ok(Publication { results: found.into_iter().zip(sent).collect() })
    }

    async fn receive(
        &self,
        agent: &AgentId,
        visibility_timeout: Duration,
    ) -> Result<Option<ReceivedMessage>, ReceiveError> {
        let wanted = Wanted { visibility: visibility_timeout, max: 1 };
        let (_, mut received) =
            operations::receive::receive(&self.mailboxes, agent, &wanted, None).await?;
        Ok(received.pop())
    }

    async fn receive_batch(
        &self,
        agent: &AgentId,
        max: usize,
        visibility_timeout: Duration,
    ) -> Result<Vec<ReceivedMessage>, ReceiveError> {
        let wanted = Wanted { visibility: visibility_timeout, max };
        let (_, received) =
            operations::receive::receive(&self.mailboxes, agent, &wanted, None).await?;
        Ok(received)
    }

    async fn receive_wait(
        &self,
        agent: &AgentId,
        visibility_timeout: Duration,
        timeout: Duration,
    ) -> Result<Option<ReceivedMessage>, ReceiveError> {
        waiting::receive_wait(&self.mailboxes, agent, visibility_timeout, timeout).await
    }

    async fn ack_and_receive(
        &self,
        agent: &AgentId,
        token: &ReservationToken,
        visibility_timeout: Duration,
    ) -> Result<AckAndReceive, ReceiveError> {
        let wanted = Wanted { visibility: visibility_timeout, max: 1 };
        let (settled, mut received) =
            operations::receive::receive(&self.mailboxes, agent, &wanted, Some(token)).await?;
        Ok(AckAndReceive { settled, next: received.pop() })
    }

    async fn ack(&self, agent: &AgentId, token: &ReservationToken) -> Result<(), SettleError> {
        let tokens = std::slice::from_ref(token);
        match operations::ack::ack(&self.mailboxes, agent, tokens).await?[..] {
            [true] => Ok(()),
            _ => Err(operations::ack::lost(agent, token)),
        }
    }

    async fn ack_batch(
        &self,
        agent: &AgentId,
        tokens: &[ReservationToken],
    ) -> Result<Vec<bool>, SettleError> {
        operations::ack::ack(&self.mailboxes, agent, tokens).await
    }

    async fn nack(
        &self,
        agent: &AgentId,
        token: &ReservationToken,
        failure: FailureType,
        error: Option<&str>,
    ) -> Result<NackOutcome, SettleError> {
        operations::nack::nack(&self.mailboxes, agent, token, failure, error).await
    }

    async fn recover_pending(&self, agent: Option<&AgentId>) -> Result<u64, AdminError> {
        operations::recover::recover(&self.mailboxes, agent).await
    }

    async fn receipts(&self, tickets: &[ReceiptTicket]) -> Result<Vec<Receipt>, AdminError> {
        operations::receipts::receipts(&self.mailboxes, tickets).await
    }

    async fn wait_for_receipts(
        &self,
        tickets: &[ReceiptTicket],
        quorum: usize,
        timeout: Duration,
    ) -> Result<Vec<Receipt>, AdminError> {
        operations::receipts::wait_for_receipts(&self.mailboxes, tickets, quorum, timeout).await
    }

    async fn pause(&self, agent: &AgentId) -> Result<bool, AdminError> {
        operations::pause::pause(&self.mailboxes, agent, GateOrder::Pause).await
    }

    async fn resume(&self, agent: &AgentId) -> Result<bool, AdminError> {
        operations::pause::pause(&self.mailboxes, agent, GateOrder::Resume).await
    }

    async fn limit_rate(&self, agent: &AgentId, rate: Option<RateLimit>) -> Result<(), AdminError> {
        operations::pause::pause(&self.mailboxes, agent, GateOrder::Limit(rate)).await.map(drop)
    }

    async fn reconcile(
        &self,
        agent: &AgentId,
        grace: Duration,
    ) -> Result<Reconciliation, AdminError> {
        operations::reconcile::reconcile(&self.mailboxes, agent, grace).await
    }

    fn configure(&self, policy: MailboxPolicy) -> Result<(), InvalidInput> {
        policy.validate()?;
        self.mailboxes.set_policy(policy);
        Ok(())
    }

    fn policy(&self) -> MailboxPolicy {
        self.mailboxes.policy()
    }

    async fn mailboxes(&self) -> Result<Vec<AgentId>, AdminError> {
        Ok(operations::stats::mailboxes(&self.mailboxes).await?)
    }

    async fn mailbox_stats(&self, agent: &AgentId) -> Result<MailboxStats, AdminError> {
        operations::stats::stats(&self.mailboxes, agent).await
    }

    async fn peek(&self, agent: &AgentId, page: Page) -> Result<Vec<PeekedMessage>, AdminError> {
        operations::peek::peek(&self.mailboxes, agent, page).await
    }

    async fn why(
        &self,
        agent: &AgentId,
        id: &MessageId,
    ) -> Result<Option<MessageReport>, AdminError> {
        operations::why::why(&self.mailboxes, agent, id).await
    }

    async fn cancel(&self, agent: &AgentId, id: &MessageId) -> Result<CancelOutcome, AdminError> {
        operations::cancel::cancel(&self.mailboxes, agent, id).await
    }

    async fn note(
        &self,
        agent: &AgentId,
        id: &MessageId,
        note: &str,
    ) -> Result<NoteOutcome, AdminError> {
        operations::cancel::note(&self.mailboxes, agent, id, note).await
    }

    async fn dead_letters(
        &self,
        agent: &AgentId,
        page: Page,
    ) -> Result<Vec<DeadLetter>, AdminError> {
        operations::dead_letters::dead_letters(&self.mailboxes, agent, page).await
    }

    async fn redrive(
        &self,
        agent: &AgentId,
        selection: &DeadSelection,
        limit: u64,
    ) -> Result<u64, AdminError> {
        operations::redrive::redrive(&self.mailboxes, agent, selection, limit, None).await
    }

    async fn redrive_paced(
        &self,
        agent: &AgentId,
        selection: &DeadSelection,
        limit: u64,
        rate: RedriveRate,
        moved: &AtomicU64,
    ) -> Result<u64, AdminError> {
        let pace = Some(operations::redrive::Pace { rate, moved });
        operations::redrive::redrive(&self.mailboxes, agent, selection, limit, pace).await
    }

    async fn find_dead_letters(
        &self,
        agent: &AgentId,
        selection: &DeadSelection,
        page: Page,
    ) -> Result<DeadMatches, AdminError> {
        operations::dead_letters::find(&self.mailboxes, agent, selection, page).await
    }

    async fn purge(&self, agent: &AgentId, selection: &DeadSelection) -> Result<u64, AdminError> {
        operations::purge::purge(&self.mailboxes, agent, selection).await
    }

    async fn forward(
        &self,
        agent: &AgentId,
        token: &ReservationToken,
        recipient: &AgentId,
        message: AgentMessage,
        options: SendOptions,
    ) -> Result<MessageResult, SettleError> {
        agent.check()?;
        recipient.check()?;
        let id = message.message_id.clone();
        let message = match token.hand_on(agent, recipient, message, &self.policy()) {
            Ok(message) => message,
            Err(refusal) => return Ok(MessageResult::new(id, SendOutcome::Refused(refusal))),
        };
        let prepared = operations::send::prepare(&self.mailboxes, agent, message, options)?;
        operations::forward::forward(&self.mailboxes, agent, token, recipient, &prepared).await
    }

    async fn extend(
        &self,
        agent: &AgentId,
        token: &ReservationToken,
        visibility_timeout: Duration,
    ) -> Result<Extended, SettleError> {
        operations::extend::extend(&self.mailboxes, agent, token, visibility_timeout).await
    }

    async fn release(&self, agent: &AgentId, token: &ReservationToken) -> Result<(), SettleError> {
        operations::release::release(&self.mailboxes, agent, token).await
    }
}

/// The one result of a batch of one.
fn only(results: Vec<MessageResult>) -> MessageResult {
    // As many results as messages were checked where the reply was decoded.
    results.into_iter().next().expect("one message has one result")
}
