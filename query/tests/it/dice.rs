//! Chance that can be had again: the seed is printed, and set by `TRAILHOUND_TEST_SEED`.

/// A sequence of numbers that look random (`SplitMix64`).
pub(crate) struct Dice(u64);

impl Dice {
    /// The sequence of the seed that the environment names, or of `seed`; `what` is what it is for.
    pub(crate) fn new(what: &str, seed: u64) -> Self {
        let named = std::env::var("TRAILHOUND_TEST_SEED").ok();
        let seed = named.map_or(seed, |text| text.parse().unwrap());
        eprintln!("{what}: TRAILHOUND_TEST_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `most`.
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.number() % most.max(1)
    }
}

/// Scatters the bits of `number`.
pub(crate) fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
