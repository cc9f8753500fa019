//! The memory that a training step holds.

/// Bytes that a step holds for one trial in addition to the batch, the parameters and the optimizer's state. The code of the
/// step counts a tensor when it keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldMemory {
    layers: Vec<u64>,
    now: u64,
    peak: u64,
}

impl HeldMemory {
    /// Creates the counts before the step of a network with this number of hidden layers.
    pub fn none(hidden_layers: usize) -> Self {
        Self { layers: vec![0; hidden_layers], now: 0, peak: 0 }
    }

    /// Counts `bytes` that are kept for the hidden layer with this index.
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn keep(&mut self, layer: usize, bytes: u64) {
        self.layers[layer] += bytes;
        self.keep_elsewhere(bytes);
    }

    /// Counts `bytes` that are kept for no hidden layer.
    pub fn keep_elsewhere(&mut self, bytes: u64) {
        self.now += bytes;
        self.peak = self.peak.max(self.now);
    }

    pub fn release_all_but(&mut self, bytes: u64) {
        self.now = bytes;
    }

    /// Returns the bytes that were kept for each hidden layer.
    pub fn layers(&self) -> &[u64] {
        &self.layers
    }

    /// Returns the largest number of bytes that were kept at one time.
    pub fn peak(&self) -> u64 {
        self.peak
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_the_most_at_one_time() {
        let mut held_memory = HeldMemory::none(3);
        held_memory.keep(0, 10);
        held_memory.release_all_but(4);
        held_memory.keep(1, 20);
        held_memory.release_all_but(3);
        held_memory.keep(2, 5);
        held_memory.keep_elsewhere(17);
        assert_eq!((held_memory.layers(), held_memory.peak()), ([10, 20, 5].as_slice(), 25));
    }
}
