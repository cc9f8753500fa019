/// Returns the positions `0..examples` in the order in which `epoch` of a trial with `seed` visits the training examples.
///
/// The order depends on nothing else, so every configuration of one seed sees the same batches.
pub fn batch_order(seed: u64, epoch: u32, examples: usize) -> Vec<u32> {
    random::permutation(examples, &mut random::stream(seed, "batch order", &[u64::from(epoch)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_visits_every_example_once() {
        let mut order = batch_order(3, 5, 1000);
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn orders_differ_between_epochs_and_seeds_and_repeat_otherwise() {
        let order = batch_order(3, 5, 1000);
        assert_eq!(order, batch_order(3, 5, 1000));
        assert_ne!(order, batch_order(3, 6, 1000));
        assert_ne!(order, batch_order(4, 5, 1000));
    }
}
