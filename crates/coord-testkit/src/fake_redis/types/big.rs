//! Unsigned integers of any size, as far as reading and printing floats needs them.

use std::cmp::Ordering;

/// Words from the lowest; the highest is not 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Big(Vec<u32>);

impl Big {
    /// The number with this value.
    pub(crate) fn new(mut value: u64) -> Self {
        let mut words = Vec::new();
        while value != 0 {
            words.push(low(value));
            value >>= 32;
        }
        Self(words)
    }

    /// Whether the number is 0.
    pub(crate) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of bits up to the highest set one.
    pub(crate) fn bits(&self) -> u32 {
        let words = u32::try_from(self.0.len()).expect("numbers here have a few thousand digits");
        self.0.last().map_or(0, |top| words * 32 - top.leading_zeros())
    }

    /// Multiplies and adds.
    pub(crate) fn multiply_add(&mut self, factor: u32, addend: u32) {
        let mut carry = u64::from(addend);
        for word in &mut self.0 {
            carry += u64::from(*word) * u64::from(factor);
            *word = low(carry);
            carry >>= 32;
        }
        if carry != 0 {
            self.0.push(low(carry));
        }
    }

    /// Multiplies by 2^shift.
    pub(crate) fn shift_left(&mut self, shift: u32) {
        if self.is_zero() {
            return;
        }
        self.multiply_add(1 << (shift % 32), 0);
        let zeros = std::iter::repeat_n(0, shift as usize / 32);
        self.0.splice(0..0, zeros);
    }

    /// The highest 128 bits as a number, whether a set bit lies below them, and the power of two
    /// that the number is to be multiplied with.
    pub(crate) fn top(&self) -> (u128, bool, u32) {
        let skip = self.0.len().saturating_sub(4);
        let top = self.0[skip..].iter().rev().fold(0, |top, &word| top << 32 | u128::from(word));
        let lost = self.0[..skip].iter().any(|&word| word != 0);
        let power = u32::try_from(skip * 32).expect("numbers here have a few thousand digits");
        (top, lost, power)
    }

    /// The quotient, which must be below 2^128, and whether there is a rest.
    pub(crate) fn divide(mut self, divisor: &Self) -> (u128, bool) {
        let steps = (self.bits() + 1).saturating_sub(divisor.bits());
        let mut quotient = 0;
        for step in (0..steps).rev() {
            let mut part = divisor.clone();
            part.shift_left(step);
            quotient <<= 1;
            if self.compare(&part).is_ge() {
                self.subtract(&part);
                quotient |= 1;
            }
        }
        (quotient, !self.is_zero())
    }

    /// The decimal digits.
    pub(crate) fn into_decimal(mut self) -> String {
        let mut groups = Vec::new();
        while !self.is_zero() {
            let mut rest = 0;
            for word in self.0.iter_mut().rev() {
                rest = rest << 32 | u64::from(*word);
                *word = low(rest / 1_000_000_000);
                rest %= 1_000_000_000;
            }
            groups.push(rest);
            self.trim();
        }
        let first = groups.pop().unwrap_or(0).to_string();
        groups.iter().rev().fold(first, |text, group| format!("{text}{group:09}"))
    }

    fn compare(&self, other: &Self) -> Ordering {
        let by_length = self.0.len().cmp(&other.0.len());
        by_length.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    fn subtract(&mut self, other: &Self) {
        let mut borrow = false;
        for (at, word) in self.0.iter_mut().enumerate() {
            let (part, under) = word.overflowing_sub(other.0.get(at).copied().unwrap_or(0));
            let (part, again) = part.overflowing_sub(u32::from(borrow));
            *word = part;
            borrow = under || again;
        }
        self.trim();
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

/// The lowest 32 bits.
fn low(value: u64) -> u32 {
    u32::try_from(value & 0xffff_ffff).expect("32 bits are left")
}
