//! What a training step keeps in memory, counted.

/// Bytes that a step holds of one trial, beside the batch, the parameters and the optimizer's state. Whoever takes the
/// step counts what it keeps when it keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    layers: Vec<u64>,
    now: u64,
    peak: u64,
}

impl Held {
    /// Before the step of a network with this many hidden layers.
    #[must_use]
    pub fn none(hidden_layers: usize) -> Self {
        Self { layers: vec![0; hidden_layers], now: 0, peak: 0 }
    }

    /// Counts `bytes` that are kept for the hidden layer with this index.
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn keep(&mut self, layer: usize, bytes: u64) {
        self.layers[layer] += bytes;
        self.now += bytes;
        self.peak = self.peak.max(self.now);
    }

    /// Counts `bytes` that are kept for no hidden layer.
    pub fn keep_beside_layers(&mut self, bytes: u64) {
        self.now += bytes;
        self.peak = self.peak.max(self.now);
    }

    /// Everything that was kept is given back, but for `bytes` of it.
    pub fn drop_all_but(&mut self, bytes: u64) {
        self.now = bytes;
    }

    /// Bytes that were kept for each hidden layer.
    #[must_use]
    pub fn layers(&self) -> &[u64] {
        &self.layers
    }

    /// Most bytes that were kept at one time.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.peak
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_the_most_at_one_time() {
        let mut held = Held::none(3);
        held.keep(0, 10);
        held.drop_all_but(4);
        held.keep(1, 20);
        held.drop_all_but(3);
        held.keep(2, 5);
        held.keep_beside_layers(17);
        assert_eq!((held.layers(), held.peak()), ([10, 20, 5].as_slice(), 25));
    }
}
