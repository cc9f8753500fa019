//! Updates of parameters, in blocks of rows that threads can share.

use burn::tensor::Tensor;
use burn_flex::{Flex, FlexTensor};
use cpu::{Adam, Arrays, BlockUpdate, Panels, Shared, update, values_of_scratch};

use super::{
    Operand, contiguous, owned,
    panels::{PanelOperand, SCRATCH},
    tensor,
};
use crate::{
    AdamStep, Moments, Parameter, UpdateKernels, WeightUpdate, Weights,
    optimizer::{BETA_1, BETA_2, EPSILON},
};
use settings::Precision;

/// Returns the number of rows of a weight matrix that one item of work updates, from the number of rows of all updates: enough
/// items that threads end together.
fn block_rows(all_rows: usize) -> usize {
    /// The rows of an item where there are enough items. With fewer rows, a delta is loaded more often.
    const MOST: usize = 96;
    const ITEMS: usize = 32;
    if all_rows < ITEMS * MOST { MOST / 2 } else { MOST }
}

impl UpdateKernels for Flex {
    fn learn_weights(
        updates: Vec<WeightUpdate<'_, Self>>,
        step: &AdamStep<Self>,
        _: Precision,
    ) -> Vec<Parameter<Weights<Self>>> {
        let optimizers = optimizers_of(step);
        let deltas: Vec<Operand> = updates.iter().map(|update| Operand::of(update.delta)).collect();
        let (mut parameters, inputs): (Vec<_>, Vec<_>) = updates
            .into_iter()
            .map(|WeightUpdate { weight, input, .. }| {
                (buffers_of(weight.map(|weights| weights.values)), Operand::shared(input).transposed())
            })
            .unzip();
        let factors: Vec<_> = inputs.into_iter().zip(PanelOperand::all_packed(&deltas)).collect();
        let shared: Vec<_> = parameters.iter_mut().map(shared).collect();
        let all_rows = factors.iter().map(|(input, delta)| input.rows * delta.trials).sum();
        let rows = block_rows(all_rows);
        let blocks: Vec<Block> =
            factors.iter().enumerate().flat_map(|(update, factors)| blocks(update, factors, rows)).collect();
        threads::share(blocks.len(), |index| {
            let Block { update, trial, first_row, rows } = blocks[index];
            let (input, delta) = &factors[update];
            let panels = Panels::of(input.rows, delta.panels.columns);
            let [value, first, second] =
                shared[update].map(|array| array.address(trial * panels.length(), panels.length()));
            SCRATCH.with_borrow_mut(|scratch| {
                let block = BlockUpdate {
                    arrays: Arrays { value, states: [first, second] },
                    panels,
                    input: input.matrix(trial).from(first_row, 0),
                    delta: delta.trial(trial),
                    batch: delta.panels.rows,
                    first_row,
                    rows,
                    optimizer: optimizers[trial],
                    scratch: scratch.values(values_of_scratch(rows, delta.panels.rows)),
                };
                // SAFETY: the parameters are borrowed above, and blocks do not overlap.
                unsafe { block.run() };
            });
        });
        let outputs = factors.iter().map(|(_, delta)| delta.panels.columns);
        let parameters = parameters.into_iter().map(parameter_of).zip(outputs);
        parameters
            .map(|(parameter, outputs)| parameter.map(|values| Weights::of_arranged(values, outputs)))
            .collect()
    }

    fn learn(
        parameter: Parameter<Tensor<Self, 3>>,
        gradient: Tensor<Self, 3>,
        step: &AdamStep<Self>,
    ) -> Parameter<Tensor<Self, 3>> {
        let [_, rows, columns] = gradient.dims();
        let mut buffers = buffers_of(parameter);
        let shared = shared(&mut buffers);
        let gradient = Operand::of(&gradient);
        for (trial, optimizer) in optimizers_of(step).into_iter().enumerate() {
            let gradient = gradient.trial(trial);
            let start = trial * rows * columns;
            // SAFETY: the buffers are borrowed above, by this thread alone.
            let [value, first, second] = shared.map(|array| unsafe { array.part(start, gradient.len()) });
            update(value, [first, second], gradient, Adam { decay: 0.0, ..optimizer });
        }
        parameter_of(buffers)
    }
}

/// The rows of a weight matrix that are updated together.
#[derive(Clone, Copy)]
struct Block {
    update: usize,
    trial: usize,
    first_row: usize,
    rows: usize,
}

/// Returns the blocks of the update with this index, from its transposed input and its delta.
fn blocks(
    update: usize,
    (input, delta): &(Operand, PanelOperand),
    block_rows: usize,
) -> impl Iterator<Item = Block> {
    let (inputs, trials) = (input.rows, delta.trials);
    (0..trials).flat_map(move |trial| {
        (0..inputs).step_by(block_rows).map(move |first_row| Block {
            update,
            trial,
            first_row,
            rows: block_rows.min(inputs - first_row),
        })
    })
}

/// Returns the optimizer of each trial.
fn optimizers_of(step: &AdamStep<Flex>) -> Vec<Adam> {
    let rates = numbers(&step.rate);
    let decays = step.weight_decay.as_ref().map_or_else(|| vec![0.0; rates.len()], numbers);
    let adam = rates.into_iter().zip(decays).map(|(rate, decay)| Adam {
        betas: [BETA_1, BETA_2],
        epsilon: EPSILON,
        rate,
        decay,
    });
    adam.collect()
}

fn numbers(of_trials: &Tensor<Flex, 3>) -> Vec<f32> {
    contiguous(of_trials.clone()).storage::<f32>().to_vec()
}

/// Returns the buffers of a parameter: value, first moment and second moment.
fn buffers_of(Parameter { value, moments }: Parameter<Tensor<Flex, 3>>) -> [FlexTensor; 3] {
    [value, moments.first, moments.second].map(owned)
}

fn parameter_of(buffers: [FlexTensor; 3]) -> Parameter<Tensor<Flex, 3>> {
    let [value, first, second] = buffers.map(tensor);
    Parameter { value, moments: Moments { first, second } }
}

/// Returns the values of [`buffers_of`], which several threads may update in parts that do not overlap.
fn shared(buffers: &mut [FlexTensor; 3]) -> [Shared; 3] {
    buffers.each_mut().map(|buffer| Shared::new(buffer.storage_mut::<f32>()))
}
