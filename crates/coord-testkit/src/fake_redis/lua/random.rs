//! The random numbers of scripts: the 48-bit linear congruence of `lrand48`.

/// Generator behind `math.random`. A server starts with the same state each time
/// and goes on from script to script.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Random48(u64);

impl Random48 {
    /// The state at the start of a server.
    pub(crate) const fn new() -> Self {
        Self(0x1234_abcd_330e)
    }

    /// A generator as `srand48(seed)` leaves it.
    pub(crate) fn seeded(seed: u32) -> Self {
        Self((u64::from(seed) << 16) | 0x330e)
    }

    /// The next 31-bit number.
    pub(crate) fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(0x5_deec_e66d).wrapping_add(0xb) & 0xffff_ffff_ffff;
        u32::try_from(self.0 >> 17).unwrap_or(u32::MAX)
    }

    /// The next fraction in `[0, 1)`.
    pub(crate) fn fraction(&mut self) -> f64 {
        const LARGEST: u32 = i32::MAX.unsigned_abs();
        f64::from(self.next() % LARGEST) / f64::from(LARGEST)
    }
}
