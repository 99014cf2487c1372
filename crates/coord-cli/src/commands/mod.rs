//! The commands, one file per verb.

mod ack;
pub(crate) mod agents;
mod breaker;
mod broadcast;
mod cancel;
pub(crate) mod completions;
mod demo;
pub(crate) mod deregister;
pub(crate) mod discover;
mod dlq;
mod doctor;
mod extend;
pub(crate) mod fake_redis;
mod forward;
pub(crate) mod man;
mod message;
pub(crate) mod migrate;
mod nack;
mod pause;
mod peek;
mod pipe;
mod publish;
mod queues;
mod receipts;
mod receive;
mod reconcile;
mod recover;
pub(crate) mod register;
mod release;
mod send;
mod subscribe;
mod why;

use clap::Subcommand;
use coord_core::MessageCoordinator;

use crate::answer::Answer;
use crate::cli::{Cli, Command, Format};
use crate::failure::Failure;
use crate::field::{self, Fields};
use crate::interrupt::Interrupt;
use crate::output;
use crate::session::Session;

/// What can be done with mailboxes, from the command line and through `coord pipe`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Send a message to one agent
    Send(send::SendArgs),
    /// Send a message to several agents
    Broadcast(broadcast::BroadcastArgs),
    /// Send a message to every agent that is subscribed to such messages
    Publish(publish::PublishArgs),
    /// Reserve the next messages of an agent
    Receive(receive::ReceiveArgs),
    /// Settle a reserved message: it is done and gone
    Ack(ack::AckArgs),
    /// Give a reserved message back: retried later, or dead-lettered
    Nack(nack::NackArgs),
    /// Give a reserved message a new deadline, counted from now
    Extend(extend::ExtendArgs),
    /// Put a reserved message back at once, counting no attempt
    Release(release::ReleaseArgs),
    /// Settle a reserved message and send another one to somebody else, both or neither
    Forward(forward::ForwardArgs),
    /// Take expired reservations back, of one mailbox or of all
    Recover(recover::RecoverArgs),
    /// Repair a mailbox that a crashed peer left in disorder
    Reconcile(reconcile::ReconcileArgs),
    /// Count what lies in one mailbox or in all
    Queues(queues::QueuesArgs),
    /// Look at waiting messages without reserving them
    Peek(peek::PeekArgs),
    /// Say where a message is, who holds it and when it is due
    Why(why::WhyArgs),
    /// Take a message back, or tell its holder that nobody wants it any more
    Cancel(cancel::CancelArgs),
    /// Tell the holder of a message something, by its next extend
    Note(cancel::NoteArgs),
    /// Hand out nothing from a mailbox until it is resumed
    Pause(pause::GateArgs),
    /// End a pause
    Resume(pause::GateArgs),
    /// Hand out no more than so many messages in a time
    Limit(pause::LimitArgs),
    /// Say what became of messages that were sent with --receipt, or wait for a quorum
    Receipts(receipts::ReceiptsArgs),
    /// Look at dead letters, put them back, delete them
    Dlq(dlq::DlqArgs),
    /// Record which message types an agent wants, until Ctrl-C or for good
    Subscribe(subscribe::SubscribeArgs),
    /// Look at the circuit breakers that fleets share, and give them orders
    Breaker(breaker::BreakerArgs),
    /// Look for what endangers messages: server, memory, rights, clock, leaked entries
    Doctor,
}

impl Verb {
    /// A request of `coord pipe`: the options by name, as the command line has them.
    pub(crate) fn from_fields(op: &str, mut fields: Fields) -> Result<Self, Failure> {
        let fields = &mut fields;
        Ok(match op {
            "send" => Self::Send(send::SendArgs::from_fields(fields)?),
            "broadcast" => Self::Broadcast(broadcast::BroadcastArgs::from_fields(fields)?),
            "publish" => Self::Publish(publish::PublishArgs::from_fields(fields)?),
            "receive" => Self::Receive(field::options(fields)?),
            "forward" => Self::Forward(forward::ForwardArgs::from_fields(fields)?),
            "ack" => Self::Ack(field::options(fields)?),
            "nack" => Self::Nack(field::options(fields)?),
            "extend" => Self::Extend(field::options(fields)?),
            "release" => Self::Release(field::options(fields)?),
            "recover" => Self::Recover(field::options(fields)?),
            "reconcile" => Self::Reconcile(field::options(fields)?),
            "queues" => Self::Queues(field::options(fields)?),
            "peek" => Self::Peek(field::options(fields)?),
            "why" => Self::Why(field::options(fields)?),
            "cancel" => Self::Cancel(field::options(fields)?),
            "note" => Self::Note(field::options(fields)?),
            "pause" => Self::Pause(field::options(fields)?),
            "resume" => Self::Resume(field::options(fields)?),
            "limit" => Self::Limit(field::options(fields)?),
            "receipts" => Self::Receipts(field::options(fields)?),
            "subscribe" => Self::Subscribe(field::options(fields)?),
            "doctor" => Self::Doctor,
            _ => {
                if let Some(args) = dlq::DlqArgs::from_fields(op, fields) {
                    return args.map(Self::Dlq);
                }
                if let Some(args) = breaker::BreakerArgs::from_fields(op, fields) {
                    return args.map(Self::Breaker);
                }
                let ops = OPS.join(", ");
                return Err(Failure::usage(format!("unknown op {op:?}; the ops are {ops}")));
            }
        })
    }

    /// Does it.
    pub(crate) async fn run(self, session: &Session) -> Result<Answer, Failure> {
        match self {
            Self::Send(args) => send::run(args, session).await,
            Self::Broadcast(args) => broadcast::run(args, session).await,
            Self::Publish(args) => publish::run(args, session).await,
            Self::Receive(args) => receive::run(args, session).await,
            Self::Ack(args) => ack::run(args, session).await,
            Self::Nack(args) => nack::run(args, session).await,
            Self::Extend(args) => extend::run(args, session).await,
            Self::Release(args) => release::run(args, session).await,
            Self::Forward(args) => forward::run(args, session).await,
            Self::Recover(args) => recover::run(args, session).await,
            Self::Reconcile(args) => reconcile::run(args, session).await,
            Self::Queues(args) => queues::run(args, session).await,
            Self::Peek(args) => peek::run(args, session).await,
            Self::Why(args) => why::run(args, session).await,
            Self::Cancel(args) => cancel::run(args, session).await,
            Self::Note(args) => cancel::note(args, session).await,
            Self::Pause(args) => pause::pause(args, session).await,
            Self::Resume(args) => pause::resume(args, session).await,
            Self::Limit(args) => pause::limit(args, session).await,
            Self::Receipts(args) => receipts::run(args, session).await,
            Self::Dlq(args) => dlq::run(args, session).await,
            Self::Subscribe(args) => subscribe::run(args, session).await,
            Self::Breaker(args) => breaker::run(args, session).await,
            Self::Doctor => doctor::run(session).await,
        }
    }

    /// Whether it may take longer than one answer of the server.
    const fn waits(&self) -> bool {
        match self {
            Self::Receive(args) => args.waits(),
            Self::Receipts(args) => args.waits(),
            Self::Dlq(args) => args.waits(),
            _ => false,
        }
    }

    /// Whether Ctrl-C has to end it by asking.
    const fn must_end_cleanly(&self) -> bool {
        self.waits() || matches!(self, Self::Subscribe(_))
    }
}

/// The ops of `coord pipe`.
const OPS: [&str; 30] = [
    "send",
    "broadcast",
    "publish",
    "receive",
    "ack",
    "nack",
    "extend",
    "release",
    "forward",
    "recover",
    "reconcile",
    "queues",
    "peek",
    "why",
    "cancel",
    "note",
    "pause",
    "resume",
    "limit",
    "receipts",
    "dlq list",
    "dlq redrive",
    "dlq purge",
    "subscribe",
    "breaker list",
    "breaker show",
    "breaker open",
    "breaker close",
    "breaker reset",
    "doctor",
];

/// Does what the command line says.
pub(crate) async fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(args),
        Command::FakeRedis(args) => fake_redis::run(&args, cli.global.output).await,
        Command::Demo => demo::run(cli.global).await,
        Command::Migrate(args) => migrate::run(args, cli.global).await,
        Command::Register(args) => register::run(args, &cli.global).await,
        Command::Deregister(args) => deregister::run(args, &cli.global).await,
        Command::Agents(args) => agents::run(args, &cli.global).await,
        Command::Discover(args) => discover::run(*args, &cli.global).await,
        Command::Pipe => {
            let mut session = Session::connect(&cli.global).await?;
            session.interrupt = Interrupt::listen()?;
            pipe::run(session).await
        }
        Command::Verb(verb) => {
            let mut session = Session::connect(&cli.global).await?;
            if verb.must_end_cleanly() {
                session.interrupt = Interrupt::listen()?;
            }
            let answer = verb.run(&session).await?;
            finish(answer, &session, cli.global.output).await
        }
    }
}

/// Writes the answer, holds what is to be held, reports what went wrong.
async fn finish(mut answer: Answer, session: &Session, format: Format) -> Result<(), Failure> {
    let written = output::write(&answer, format);
    if written.is_err() {
        give_back(&mut answer, session).await;
    }
    let subscription = answer.subscription.take();
    if let Some(subscription) = subscription {
        if written.is_ok() {
            session.interrupt.asked().await;
        }
        subscription.close().await?;
    }
    written.map_err(|error| Failure::io("writing the answer", &error))?;
    answer.failure.map_or(Ok(()), Err)
}

/// Releases what was reserved for a reader who cannot be told. Best effort: what fails here comes
/// back when its visibility timeout ends.
pub(crate) async fn give_back(answer: &mut Answer, session: &Session) {
    for (agent, token) in answer.held.drain(..) {
        drop(session.mail.release(&agent, &token).await);
    }
}
