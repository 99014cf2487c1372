//! `coord pipe`: requests as JSON lines, answered over one connection.

use std::collections::HashSet;
use std::future::ready;
use std::io;
use std::mem::discriminant;

use coord_core::MessageSubscription;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesOrdered, FuturesUnordered, StreamExt};
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, Stdout};
use tokio::task::unconstrained;

use super::{Verb, give_back};
use crate::answer::Answer;
use crate::failure::Failure;
use crate::field::{self, Fields};
use crate::json;
use crate::output::one_safe_line;
use crate::session::Session;

/// How many requests run at once; further lines wait.
const MAX_RUNNING: usize = 256;
/// The longest line, in bytes; a longer one is answered with an error.
const MAX_LINE: usize = 16 * 1024 * 1024;

/// The `id` of a request and what came of it.
type Done = (Box<str>, Result<Answer, Failure>);

/// Answers until the input ends or the user asks to end; requests under way are finished.
pub(super) async fn run(session: Session) -> Result<(), Failure> {
    let session = &session;
    let mut input = Lines::new(tokio::io::stdin());
    let mut output = Output::new(session);
    // Started and answered in the order of the lines.
    let mut ordered = FuturesOrdered::<LocalBoxFuture<'_, Done>>::new();
    // Answered when there is something to say.
    let mut waiting = FuturesUnordered::<LocalBoxFuture<'_, Done>>::new();
    let mut loaded = HashSet::new();
    let mut reading = true;
    while reading || !ordered.is_empty() || !waiting.is_empty() {
        let has_room = ordered.len() + waiting.len() < MAX_RUNNING;
        tokio::select! {
            biased;
            Some(done) = ordered.next(), if !ordered.is_empty() => output.answer(done).await,
            Some(done) = waiting.next(), if !waiting.is_empty() => output.answer(done).await,
            () = session.interrupt.asked(), if reading => reading = false,
            line = input.next(), if reading && has_room => match line {
                Ok(None) => reading = false,
                Err(error) => output.close(Failure::io("reading the requests", &error)),
                Ok(Some(line)) => match Request::read(&line) {
                    None => {}
                    Some(Request { id, verb: Err(failure) }) => {
                        ordered.push_back(Box::pin(ready((id, Err(failure)))));
                    }
                    Some(Request { id, verb: Ok(verb) }) => {
                        let kind = discriminant(&verb);
                        let waits = verb.waits();
                        // A future that ran out of the runtime's budget would be polled again
                        // after later ones: their order would be lost.
                        let work = unconstrained(async move { (id, verb.run(session).await) });
                        let work = Box::pin(work);
                        if waits {
                            waiting.push(work);
                        } else if loaded.contains(&kind) {
                            ordered.push_back(work);
                        } else {
                            // The server may not know the script yet and answer so to several
                            // requests at once, which would then be repeated in another order.
                            while let Some(done) = ordered.next().await {
                                output.answer(done).await;
                            }
                            let done = work.await;
                            if done.1.is_ok() {
                                loaded.insert(kind);
                            }
                            output.answer(done).await;
                        }
                    }
                },
            },
        }
        reading &= output.closed.is_none();
    }
    output.end().await
}

/// One line of the input.
struct Request {
    /// The `id` as it was written, or `null`.
    id: Box<str>,
    verb: Result<Verb, Failure>,
}

impl Request {
    /// Reads a line; `None` for an empty one.
    fn read(line: &Line) -> Option<Self> {
        let invalid = |failure| Some(Self { id: "null".into(), verb: Err(failure) });
        let text = match line {
            Line::TooLong => {
                let why = format!("invalid line: more than {MAX_LINE} bytes");
                return invalid(Failure::usage(why));
            }
            Line::Whole(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => text.trim(),
                Err(error) => {
                    return invalid(Failure::usage(format!("invalid line: not UTF-8: {error}")));
                }
            },
        };
        if text.is_empty() {
            return None;
        }
        let mut fields: Fields = match serde_json::from_str(text) {
            Ok(fields) => fields,
            Err(error) => {
                let why = format!("invalid line: no JSON object: {error}");
                return invalid(Failure::usage(why));
            }
        };
        let id = fields.remove("id").map_or_else(|| "null".into(), |id| id.get().into());
        let verb = op(&mut fields).and_then(|op| Verb::from_fields(&op, fields));
        Some(Self { id, verb })
    }
}

fn op(fields: &mut Fields) -> Result<String, Failure> {
    field::take::<Box<RawValue>>(fields, "op").and_then(|op| {
        serde_json::from_str(op.get())
            .map_err(|_| Failure::usage(format!("invalid op: {op} is no string")))
    })
}

/// Where the answers go.
struct Output<'a> {
    session: &'a Session,
    stdout: Stdout,
    /// What the answers hold until the end.
    subscriptions: Vec<MessageSubscription>,
    /// Why nothing more is read or written.
    closed: Option<Failure>,
}

impl<'a> Output<'a> {
    fn new(session: &'a Session) -> Self {
        let stdout = tokio::io::stdout();
        Self { session, stdout, subscriptions: Vec::new(), closed: None }
    }

    /// Writes one answer; gives back what it reserved if nobody reads it.
    async fn answer(&mut self, (id, outcome): Done) {
        let mut line = line_of(&id, &outcome);
        line.push('\n');
        if self.closed.is_none()
            && let Err(error) = self.write(&line).await
        {
            self.close(Failure::io("writing the answers", &error));
        }
        let Ok(mut answer) = outcome else { return };
        if self.closed.is_some() {
            give_back(&mut answer, self.session).await;
        }
        self.subscriptions.extend(answer.subscription);
    }

    async fn write(&mut self, line: &str) -> io::Result<()> {
        self.stdout.write_all(line.as_bytes()).await?;
        self.stdout.flush().await
    }

    /// Nothing more is to be read or written; the first reason counts.
    fn close(&mut self, reason: Failure) {
        self.closed.get_or_insert(reason);
    }

    async fn end(self) -> Result<(), Failure> {
        for subscription in self.subscriptions {
            subscription.close().await?;
        }
        self.closed.map_or(Ok(()), Err)
    }
}

/// The answer in one line: `id` first, then the command's own object, its list as `items`, or
/// `error`.
fn line_of(id: &str, outcome: &Result<Answer, Failure>) -> String {
    let error = |failure: &Failure| {
        let message = json::string(&one_safe_line(&failure.message));
        format!(r#""error":{{"kind":"{}","message":{message}}}"#, failure.kind.word())
    };
    match outcome {
        Err(failure) => format!(r#"{{"id":{id},{}}}"#, error(failure)),
        Ok(answer) if answer.is_list => {
            let items = answer.json.join(",");
            // An empty list says enough.
            let failure = answer.failure.as_ref().filter(|f| f.kind.status() != 4);
            let error = failure.map_or_else(String::new, |f| format!(",{}", error(f)));
            format!(r#"{{"id":{id},"items":[{items}]{error}}}"#)
        }
        Ok(answer) => match (answer.json.first(), &answer.failure) {
            // Each object begins with a brace and has a field.
            (Some(object), _) => format!(r#"{{"id":{id},{}"#, &object[1..]),
            (None, Some(failure)) => format!(r#"{{"id":{id},{}}}"#, error(failure)),
            (None, None) => format!(r#"{{"id":{id}}}"#),
        },
    }
}

/// A line of the input.
enum Line {
    Whole(Vec<u8>),
    /// It was passed over.
    TooLong,
}

/// Lines of bounded length.
struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    too_long: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    fn new(input: R) -> Self {
        Self { reader: BufReader::new(input), line: Vec::new(), too_long: false }
    }

    /// The next line without its end. Cancel-safe: what was read stays here.
    async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let chunk = self.reader.fill_buf().await?;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let is_over = chunk.is_empty();
            let part = &chunk[..end.unwrap_or(chunk.len())];
            if self.line.len() + part.len() > MAX_LINE {
                self.too_long = true;
                self.line = Vec::new();
            }
            if !self.too_long {
                self.line.extend_from_slice(part);
            }
            let taken = part.len() + usize::from(end.is_some());
            self.reader.consume(taken);
            if is_over && self.line.is_empty() && !self.too_long {
                return Ok(None);
            }
            if is_over || end.is_some() {
                let line = std::mem::take(&mut self.line);
                let too_long = std::mem::take(&mut self.too_long);
                return Ok(Some(if too_long { Line::TooLong } else { Line::Whole(line) }));
            }
        }
    }
}

#[cfg(test)]
mod tests;
