//! Randomness without a generator: every choice is a hash of (seed, row, purpose), so that a row
//! can be built on demand, in any order, and is always the same. The generators of all simulated
//! vendors draw from here.

/// A bijection on 64-bit numbers that looks random (the finaliser of SplitMix64).
pub(crate) const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The inverse of [`mix`]: from an identifier back to the row it was made from.
pub(crate) const fn unmix(mut x: u64) -> u64 {
    x = (x ^ (x >> 31) ^ (x >> 62)).wrapping_mul(0x3196_42b2_d24d_8ec3);
    x = (x ^ (x >> 27) ^ (x >> 54)).wrapping_mul(0x96de_1b17_3f11_9089);
    x ^ (x >> 30) ^ (x >> 60)
}

/// A random number that depends on nothing but its three arguments.
pub(crate) const fn draw(seed: u64, row: u64, purpose: u64) -> u64 {
    let keyed = mix(seed ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mix(keyed ^ row.wrapping_mul(0xd6e8_feb8_6659_fd93))
}

/// Scales a random number to `0..n`.
pub(crate) const fn below(random: u64, n: u64) -> u64 {
    // The upper half of a 128-bit product is below `n`, so it fits.
    ((random as u128 * n as u128) >> 64) as u64
}

/// One of `list`, chosen by a random number.
pub(crate) fn pick<T: Copy>(random: u64, list: &[T]) -> Option<T> {
    let at = below(random, list.len() as u64);
    list.get(usize::try_from(at).ok()?).copied()
}

/// Parts per million, the unit of every configured share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ppm(u64);

impl Ppm {
    /// A fraction between 0 and 1; anything outside is clamped.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..=1,000,000 first"
    )]
    pub(crate) fn of(fraction: f64) -> Self {
        Self((fraction.clamp(0.0, 1.0) * 1_000_000.0).round() as u64)
    }

    /// Whether a random number falls within the share.
    pub(crate) const fn holds(self, random: u64) -> bool {
        below(random, 1_000_000) < self.0
    }

    /// This share of `whole`, rounded down.
    pub(crate) const fn share_of(self, whole: u64) -> u64 {
        whole * self.0 / 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unmix_undoes_mix() {
        for x in (0..2_000_u64).chain([u64::MAX, u64::MAX - 1, 1 << 63, 0xdead_beef_cafe]) {
            assert_eq!(unmix(mix(x)), x);
        }
    }

    #[test]
    fn a_share_of_rows_is_near_the_configured_share() {
        let share = Ppm::of(0.3);
        let hits = (0..100_000)
            .filter(|row| share.holds(draw(7, *row, 1)))
            .count();
        assert!((29_000..31_000).contains(&hits), "{hits} of 100,000");
        assert_eq!(share.share_of(1000), 300);
    }

    #[test]
    fn purposes_are_independent_of_each_other() {
        let both = (0..100_000)
            .filter(|row| draw(7, *row, 1).is_multiple_of(2) && draw(7, *row, 2).is_multiple_of(2))
            .count();
        assert!((24_000..26_000).contains(&both), "{both} of 100,000");
    }
}
