//! Updates of parameters, in blocks of rows that threads can share.

use burn::tensor::Tensor;
use burn_flex::{Flex, FlexTensor};
use cpu::{
    Adam, Arrays, Average, BlockUpdate, Descent, Momentum, Numbers, Panels, RmsProp, Shared, update,
    values_of_scratch,
};
use settings::{OptimizerKind, Precision};

use super::{
    Operand, contiguous, owned,
    panels::{PanelOperand, SCRATCH},
    tensor,
};
use crate::{Coefficients, OptimizerStep, Parameter, UpdateKernels, WeightUpdate, Weights};

/// Returns the number of rows of a weight matrix that one item of work updates, from the number of rows of all updates: enough
/// items that threads end together.
fn block_rows(all_rows: usize) -> usize {
    /// The rows of an item where there are enough items. With fewer rows, a delta is loaded more often.
    const MOST: usize = 96;
    const ITEMS: usize = 32;
    if all_rows < ITEMS * MOST { MOST / 2 } else { MOST }
}

/// Calls a function with each trial's optimizer, whose type is that of the step's kind.
macro_rules! with_optimizers {
    ($kind:expr, $settings:expr, |$optimizers:ident| $call:expr) => {{
        let settings = $settings.into_iter();
        match $kind {
            OptimizerKind::Adam(_) => {
                let $optimizers: Vec<Adam> = settings.map(adam).collect();
                $call
            }
            OptimizerKind::RmsProp => {
                let $optimizers: Vec<RmsProp> = settings.map(rms_prop).collect();
                $call
            }
            OptimizerKind::Momentum { nesterov } => {
                let $optimizers: Vec<Momentum> =
                    settings.map(|settings| momentum(settings, nesterov)).collect();
                $call
            }
            OptimizerKind::Descent => {
                let $optimizers: Vec<Descent> = settings.map(|(_, numbers)| Descent { numbers }).collect();
                $call
            }
        }
    }};
}

/// The settings of a trial's step.
type Settings = (Coefficients, Numbers);

fn adam((coefficients, numbers): Settings) -> Adam {
    let Coefficients { kept_first, new_first, epsilon, .. } = coefficients;
    let first = Average { kept: kept_first, new: new_first };
    Adam { numbers, first, square: square(coefficients), epsilon }
}

fn rms_prop((coefficients, numbers): Settings) -> RmsProp {
    RmsProp { numbers, square: square(coefficients), epsilon: coefficients.epsilon }
}

fn momentum((coefficients, numbers): Settings, nesterov: bool) -> Momentum {
    Momentum { numbers, momentum: coefficients.kept_first, nesterov }
}

fn square(Coefficients { kept_square, new_square, .. }: Coefficients) -> Average {
    Average { kept: kept_square, new: new_square }
}

impl UpdateKernels for Flex {
    fn learn_weights(
        updates: Vec<WeightUpdate<'_, Self>>,
        step: &OptimizerStep<Self>,
        _: Precision,
    ) -> Vec<Parameter<Weights<Self>>> {
        with_optimizers!(step.kind, settings_of(step), |optimizers| learn_weights(updates, optimizers))
    }

    fn learn(
        parameter: Parameter<Tensor<Self, 3>>,
        gradient: Tensor<Self, 3>,
        step: &OptimizerStep<Self>,
    ) -> Parameter<Tensor<Self, 3>> {
        let without_decay = settings_of(step)
            .into_iter()
            .map(|(coefficients, numbers)| (coefficients, Numbers { decay: 0.0, kept: 1.0, ..numbers }));
        with_optimizers!(step.kind, without_decay, |optimizers| learn(parameter, &gradient, optimizers))
    }
}

fn learn_weights<O: cpu::Optimizer<STATES>, const STATES: usize>(
    updates: Vec<WeightUpdate<'_, Flex>>,
    optimizers: Vec<O>,
) -> Vec<Parameter<Weights<Flex>>> {
    let deltas: Vec<Operand> = updates.iter().map(|update| Operand::of(update.delta)).collect();
    let (mut parameters, inputs): (Vec<_>, Vec<_>) = updates
        .into_iter()
        .map(|WeightUpdate { weight, input, .. }| {
            (Buffers::of(weight.map(|weights| weights.values)), Operand::shared(input).transposed())
        })
        .unzip();
    let factors: Vec<_> = inputs.into_iter().zip(PanelOperand::all_packed(&deltas)).collect();
    let shared: Vec<(Shared, [Shared; STATES])> = parameters.iter_mut().map(Buffers::shared).collect();
    let all_rows = factors.iter().map(|(input, delta)| input.rows * delta.trials).sum();
    let rows = block_rows(all_rows);
    let blocks: Vec<Block> =
        factors.iter().enumerate().flat_map(|(update, factors)| blocks(update, factors, rows)).collect();
    threads::share(blocks.len(), |index| {
        let Block { update, trial, first_row, rows } = blocks[index];
        let (input, delta) = &factors[update];
        let panels = Panels::of(input.rows, delta.panels.columns);
        let (value, states) = shared[update];
        let address = |array: Shared| array.address(trial * panels.length(), panels.length());
        SCRATCH.with_borrow_mut(|scratch| {
            let block = BlockUpdate {
                arrays: Arrays { value: address(value), states: states.map(address) },
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
    let parameters = parameters.into_iter().map(Buffers::into_parameter).zip(outputs);
    parameters
        .map(|(parameter, outputs)| parameter.map(|values| Weights::of_arranged(values, outputs)))
        .collect()
}

fn learn<O: cpu::Optimizer<STATES>, const STATES: usize>(
    parameter: Parameter<Tensor<Flex, 3>>,
    gradient: &Tensor<Flex, 3>,
    optimizers: Vec<O>,
) -> Parameter<Tensor<Flex, 3>> {
    let [_, rows, columns] = gradient.dims();
    let mut buffers = Buffers::of(parameter);
    let (value, states) = buffers.shared();
    let gradient = Operand::of(gradient);
    for (trial, optimizer) in optimizers.into_iter().enumerate() {
        let gradient = gradient.trial(trial);
        // SAFETY: the buffers are borrowed above, by this thread alone.
        let part = |array: Shared| unsafe { array.part(trial * rows * columns, gradient.len()) };
        update(part(value), states.map(part), gradient, optimizer);
    }
    buffers.into_parameter()
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

/// Returns the settings of each trial's step.
fn settings_of(step: &OptimizerStep<Flex>) -> Vec<Settings> {
    let coefficients = values_of(&step.coefficients);
    let coefficients = coefficients.as_chunks().0.iter().map(|chunk| Coefficients::from_array(*chunk));
    let [decays, kept] = [(&step.weight_decay, 0.0), (&step.kept, 1.0)].map(|(given, otherwise)| {
        given.as_ref().map_or_else(|| vec![otherwise; coefficients.len()], values_of)
    });
    let settings = coefficients.zip(decays).zip(kept);
    settings
        .map(|((coefficients, decay), kept)| (coefficients, Numbers { rate: coefficients.rate, decay, kept }))
        .collect()
}

fn values_of(of_trials: &Tensor<Flex, 3>) -> Vec<f32> {
    contiguous(of_trials.clone()).storage::<f32>().to_vec()
}

/// The memory of a parameter.
struct Buffers {
    value: FlexTensor,
    states: Vec<FlexTensor>,
}

impl Buffers {
    fn of(Parameter { value, states }: Parameter<Tensor<Flex, 3>>) -> Self {
        Self { value: owned(value), states: states.into_iter().map(owned).collect() }
    }

    /// Returns the values and the states, which several threads may update in parts that do not overlap.
    fn shared<const STATES: usize>(&mut self) -> (Shared, [Shared; STATES]) {
        let states: &mut [FlexTensor; STATES] =
            self.states.as_mut_slice().try_into().expect("a parameter has its optimizer's states");
        let states = states.each_mut().map(|state| Shared::new(state.storage_mut::<f32>()));
        (Shared::new(self.value.storage_mut::<f32>()), states)
    }

    fn into_parameter(self) -> Parameter<Tensor<Flex, 3>> {
        Parameter { value: tensor(self.value), states: self.states.into_iter().map(tensor).collect() }
    }
}
