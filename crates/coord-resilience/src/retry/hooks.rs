//! How a retried call classifies results and tells of waits.

use super::Retrying;
use super::policy::Class;

/// Retries every error as transient and accepts every value.
#[derive(Clone, Copy, Debug)]
pub struct AllErrors;

/// Calls no hook.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

/// How results are classified; a closure, or [`AllErrors`].
pub trait Classify<T, E> {
    /// The class of a result to retry; `None` accepts a value and makes an error permanent.
    fn classify(&self, result: &Result<T, E>) -> Option<Class>;
}

impl<T, E> Classify<T, E> for AllErrors {
    #[inline]
    fn classify(&self, result: &Result<T, E>) -> Option<Class> {
        result.is_err().then_some(Class::Transient)
    }
}

impl<T, E, F: Fn(&Result<T, E>) -> Option<Class>> Classify<T, E> for F {
    #[inline]
    fn classify(&self, result: &Result<T, E>) -> Option<Class> {
        self(result)
    }
}

/// Who is told before each wait; a closure, or [`Silent`].
pub trait Notify<E> {
    /// Called before each wait.
    fn notify(&mut self, retrying: Retrying<'_, E>);
}

impl<E> Notify<E> for Silent {
    fn notify(&mut self, _: Retrying<'_, E>) {}
}

impl<E, F: FnMut(Retrying<'_, E>)> Notify<E> for F {
    fn notify(&mut self, retrying: Retrying<'_, E>) {
        self(retrying);
    }
}
