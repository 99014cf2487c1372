//! One retried call: its classifier, its hook, and the two loops.

use std::fmt::{self, Debug};
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::course::{Course, Limit};
use super::error::{Reason, RetryError};
use super::hooks::{AllErrors, Classify, Notify, Silent};
use super::policy::Class;
use super::{Attempt, Retry, Retrying};
use crate::breaker::{CircuitBreaker, Guard, Outcome};
use crate::sleep::{BlockingSleeper, Sleeper};

/// A call of an operation, to be refined and run; made by [`Retry::call`] and
/// [`Retry::call_blocking`].
#[must_use = "a call does nothing until it is run"]
pub struct Call<'a, S, R, Op, W = AllErrors, N = Silent> {
    retry: &'a Retry<S>,
    op: Op,
    when: W,
    notify: N,
    /// The result type, so that closures need not name it.
    result: PhantomData<fn() -> R>,
}

impl<S: Debug, R, Op, W, N> Debug for Call<'_, S, R, Op, W, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("retry", self.retry).finish_non_exhaustive()
    }
}

impl<'a, S, R, Op> Call<'a, S, R, Op> {
    pub(crate) fn new(retry: &'a Retry<S>, op: Op) -> Self {
        Self { retry, op, when: AllErrors, notify: Silent, result: PhantomData }
    }
}

impl<'a, S, T, E, Op, W, N> Call<'a, S, Result<T, E>, Op, W, N> {
    /// Classifies results: `Some(class)` for one to retry (a value too), `None` to accept a value
    /// or to make an error permanent. A value that is still to be retried when a limit is reached
    /// is returned as it is.
    pub fn when<F>(self, when: F) -> Call<'a, S, Result<T, E>, Op, F, N>
    where
        F: Fn(&Result<T, E>) -> Option<Class>,
    {
        let Self { retry, op, notify, result, .. } = self;
        Call { retry, op, when, notify, result }
    }

    /// Calls `hook` before each wait.
    pub fn notify<F>(self, hook: F) -> Call<'a, S, Result<T, E>, Op, W, F>
    where
        F: FnMut(Retrying<'_, E>),
    {
        let Self { retry, op, when, result, .. } = self;
        Call { retry, op, when, notify: hook, result }
    }

    /// Runs the call.
    ///
    /// Cancel safety: dropping the future drops the attempt under way; nothing is left behind.
    ///
    /// # Errors
    /// [`RetryError`] with the reason, the count and the last error.
    pub async fn run<Fut>(mut self) -> Result<T, RetryError<E>>
    where
        S: Sleeper,
        Op: FnMut(Attempt<'_, E>) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        W: Classify<T, E>,
        N: Notify<E>,
    {
        let Retry { sleeper, limits } = self.retry;
        if !limits.is_plain {
            let mut course = Course::new(limits);
            course.start_if_limited();
            return self.attempts(course).await;
        }
        // The first attempt where nothing limits it: most runs end here, so it keeps no more
        // than it needs.
        let mut started = None;
        let result = {
            let mut future = pin!((self.op)(Attempt::FIRST));
            poll_fn(|cx| {
                let poll = future.as_mut().poll(cx);
                if poll.is_pending() && started.is_none() {
                    started = Some(limits.clock.coarse());
                }
                poll
            })
            .await
        };
        let class = self.when.classify(&result);
        let result = match (result, class) {
            (Ok(value), None) => return Ok(value),
            (result, _) => result,
        };
        let mut course = Course::after_first(limits, started);
        match decide(&mut course, class, result)? {
            Step::Done(value) => Ok(value),
            Step::Wait(delay) => {
                self.notify.notify(retrying(&course, delay));
                sleeper.sleep(delay).await;
                self.attempts(course).await
            }
        }
    }

    /// The attempts still to make.
    async fn attempts<Fut>(mut self, mut course: Course<'a, E>) -> Result<T, RetryError<E>>
    where
        S: Sleeper,
        Op: FnMut(Attempt<'_, E>) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        W: Classify<T, E>,
        N: Notify<E>,
    {
        let Retry { sleeper, limits } = self.retry;
        loop {
            let mut permit = match admit(limits.breaker.as_ref(), &mut course) {
                Admission::Go(permit) => permit,
                Admission::Wait(delay) => {
                    sleeper.sleep(delay).await;
                    continue;
                }
                Admission::Stop(reason, retry_after) => {
                    return Err(course.fail(reason, retry_after));
                }
            };
            course.attempts += 1;
            let done = {
                let mut future = pin!((self.op)(attempt(&course)));
                let mut timer = None;
                poll_fn(|cx| {
                    if let Poll::Ready(result) = future.as_mut().poll(cx) {
                        return Poll::Ready(Ok(result));
                    }
                    // Time matters only to attempts that wait.
                    course.start();
                    if let Some(permit) = &mut permit {
                        permit.start();
                    }
                    if timer.is_none() {
                        timer = course.limit().map(|limit| (limit, sleeper.sleep(limit.after())));
                    }
                    match &mut timer {
                        Some((limit, timer)) => timer.as_mut().poll(cx).map(|()| Err(*limit)),
                        None => Poll::Pending,
                    }
                })
                .await
            };
            let step = match done {
                Ok(result) => settle(&self.when, &mut course, permit, result)?,
                Err(limit) => cut(&mut course, permit, limit)?,
            };
            match step {
                Step::Done(value) => return Ok(value),
                Step::Wait(delay) => {
                    self.notify.notify(retrying(&course, delay));
                    sleeper.sleep(delay).await;
                }
            }
        }
    }

    /// Runs the call on this thread.
    ///
    /// # Errors
    /// [`RetryError`] with the reason, the count and the last error.
    pub fn run_blocking(mut self) -> Result<T, RetryError<E>>
    where
        S: BlockingSleeper,
        Op: FnMut(Attempt<'_, E>) -> Result<T, E>,
        W: Classify<T, E>,
        N: Notify<E>,
    {
        let Retry { sleeper, limits } = self.retry;
        let mut course = Course::new(limits);
        course.start();
        loop {
            let mut permit = match admit(limits.breaker.as_ref(), &mut course) {
                Admission::Go(permit) => permit,
                Admission::Wait(delay) => {
                    sleeper.sleep(delay);
                    continue;
                }
                Admission::Stop(reason, retry_after) => {
                    return Err(course.fail(reason, retry_after));
                }
            };
            if let Some(permit) = &mut permit {
                permit.start();
            }
            course.attempts += 1;
            let result = (self.op)(attempt(&course));
            match settle(&self.when, &mut course, permit, result)? {
                Step::Done(value) => return Ok(value),
                Step::Wait(delay) => {
                    self.notify.notify(retrying(&course, delay));
                    sleeper.sleep(delay);
                }
            }
        }
    }
}

enum Admission<'a> {
    Go(Option<Guard<'a>>),
    Wait(Duration),
    Stop(Reason, Option<Duration>),
}

enum Step<T> {
    Done(T),
    Wait(Duration),
}

#[inline]
fn admit<'b, E>(breaker: Option<&'b CircuitBreaker>, course: &mut Course<'_, E>) -> Admission<'b> {
    let Some(breaker) = breaker else { return Admission::Go(None) };
    match breaker.admit() {
        Ok(permit) => Admission::Go(Some(permit)),
        Err(refusal) => match course.next_after_rejection(refusal) {
            Ok(delay) => Admission::Wait(delay),
            Err(reason) => Admission::Stop(reason, refusal.retry_after),
        },
    }
}

/// Hands the permit back and decides how to go on after a result.
#[inline]
fn settle<T, E>(
    when: &impl Classify<T, E>,
    course: &mut Course<'_, E>,
    permit: Option<Guard<'_>>,
    result: Result<T, E>,
) -> Result<Step<T>, RetryError<E>> {
    let class = when.classify(&result);
    if let Some(permit) = permit {
        permit.record(match (&result, class) {
            (Ok(_), None) => Outcome::Success,
            // A mistake of the caller says nothing about the dependency.
            (Err(_), None) | (_, Some(Class::Permanent)) => Outcome::Ignore,
            (_, Some(Class::Transient | Class::Throttled { .. })) => Outcome::FAILURE,
        });
    }
    decide(course, class, result)
}

/// Decides how to go on after a result of this class.
#[inline]
fn decide<T, E>(
    course: &mut Course<'_, E>,
    class: Option<Class>,
    result: Result<T, E>,
) -> Result<Step<T>, RetryError<E>> {
    let error = match (result, class) {
        (Ok(value), None) => {
            course.succeeded();
            return Ok(Step::Done(value));
        }
        (Ok(value), Some(class)) => {
            return Ok(course.next(class).map_or(Step::Done(value), Step::Wait));
        }
        (Err(error), _) => error,
    };
    course.last = Some(error);
    let class = class.unwrap_or(Class::Permanent);
    let retry_after = match class {
        Class::Throttled { retry_after } => retry_after,
        Class::Permanent | Class::Transient => None,
    };
    match course.next(class) {
        Ok(delay) => Ok(Step::Wait(delay)),
        Err(reason) => Err(course.fail(reason, retry_after)),
    }
}

/// Decides how to go on after an attempt was cut.
#[cold]
fn cut<T, E>(
    course: &mut Course<'_, E>,
    permit: Option<Guard<'_>>,
    limit: Limit,
) -> Result<Step<T>, RetryError<E>> {
    course.timed_out();
    let next = match limit {
        Limit::Attempt(_) => {
            if let Some(permit) = permit {
                permit.record(Outcome::FAILURE);
            }
            course.next(Class::Transient)
        }
        // The permit is dropped: whether that says something depends on how long it took.
        Limit::Deadline(_) => Err(Reason::Deadline),
    };
    next.map(Step::Wait).map_err(|reason| course.fail(reason, None))
}

#[inline]
fn attempt<'c, E>(course: &'c Course<'_, E>) -> Attempt<'c, E> {
    let number = course.attempts;
    let elapsed = if number == 1 { Duration::ZERO } else { course.elapsed() };
    Attempt { number, elapsed, last: course.last.as_ref() }
}

fn retrying<'c, E>(course: &'c Course<'_, E>, delay: Duration) -> Retrying<'c, E> {
    let (attempts, elapsed) = (course.attempts, course.elapsed());
    Retrying { attempts, elapsed, delay, error: course.last.as_ref() }
}
