//! The state of a population: its networks, their feedback and the configurations of its trials.

use std::ops::Range;

use algorithms::{Batch, Rule, RuleGroup, feedback, forward_forward};
use burn::tensor::{Int, Tensor, TensorData};
use kernels::{Kernels, OptimizerStep, PerTrial, Weights};
use model::{
    Architecture, Network, Wiring,
    checkpoint::{self, Array},
    initialization::{self, InitialLayer, Matrix},
};
use settings::{Configuration, Initialization, LayerShare, Negatives, Optimizer, Schedule, Trial};
use tracker::StepInEpoch;

use crate::Population;

#[derive(Clone)]
pub struct TrainState<B: Kernels> {
    pub network: Network<B>,
    /// The trials of each rule, in the order of the trials axis.
    pub groups: Vec<RuleGroup<B>>,
    /// The configuration and the seed of each trial, in the order of the trials axis.
    pub trials: Vec<Trial>,
    /// The number of epochs of a trial that does not end early, which schedules depend on.
    pub(crate) epochs: u32,
    /// The epoch whose numbers these are, from 1.
    pub(crate) epoch: u32,
    pub(crate) numbers: EpochNumbers<B>,
}

/// The numbers of each trial's steps in an epoch.
#[derive(Clone)]
pub(crate) struct EpochNumbers<B: Kernels> {
    output: LayerNumbers<B>,
    /// The numbers of hidden layers; `None` where they are those of the output layer.
    hidden: Option<LayerNumbers<B>>,
    /// The hidden layers that learn, where not all do.
    share: Option<LayerShare>,
    /// The largest allowed norms of the gradient, `[trials, 1, 1]`; infinite where it is not limited.
    clip_norm: Option<Tensor<B, 3>>,
}

/// The numbers of the steps of some layers.
#[derive(Clone)]
struct LayerNumbers<B: Kernels> {
    /// The optimizer and the learning rate of each trial.
    optimizers: Vec<(Optimizer, f64)>,
    /// The L2 coefficients, `[trials, 1, 1]`.
    weight_decay: Option<Tensor<B, 3>>,
    /// The factors of decoupled decay, `[trials, 1, 1]`.
    kept: Option<Tensor<B, 3>>,
}

impl<B: Kernels> TrainState<B> {
    pub fn new(population: &Population, device: &B::Device) -> Self {
        let trials = &population.trials;
        let (initial, of_trials) = drawn_once(trials, have_same_initial_weights, |trial| {
            initial_layers(&population.architecture, trial)
        });
        let optimizer = trials[0].configuration.optimizer.kind();
        let network = population.architecture.build(&initial, optimizer, device);
        let mut network = network.in_precision(population.precision);
        if initial.len() < trials.len() {
            network = network.select(&on_device(&of_trials, device));
        }
        let mut first = 0;
        let groups = trials
            .chunk_by(|one, next| one.configuration.algorithm == next.configuration.algorithm)
            .map(|members| {
                let start = first;
                first += members.len();
                let feedback = feedback_of(&population.architecture, members, device);
                let configuration = &members[0].configuration;
                RuleGroup::new(configuration, population.squash, start..first, feedback, &network)
            });
        let groups = groups.collect();
        Self::from_parts(network, groups, trials.clone(), population.epochs)
    }

    /// Creates the state at the first of `epochs`.
    pub fn from_parts(
        network: Network<B>,
        groups: Vec<RuleGroup<B>>,
        trials: Vec<Trial>,
        epochs: u32,
    ) -> Self {
        let numbers = EpochNumbers::new(&trials, 1, epochs, &network.device());
        Self { network, groups, trials, epochs, epoch: 1, numbers }
    }

    /// Prepares a step: sets the learning rates of its epoch, and draws the feedback of rules that draw it for each step.
    pub fn in_step(mut self, step: StepInEpoch) -> Self {
        self = self.in_epoch(step.epoch);
        for group in &mut self.groups {
            let members = &self.trials[group.trials.clone()];
            if members[0].configuration.algorithm.redraws_feedback() {
                for (layer, matrix) in (1..).zip(&mut group.feedback) {
                    *matrix = redrawn(matrix, members, &[layer, u64::from(step.epoch), step.step]);
                }
            }
        }
        self
    }

    /// Sets learning rates to those of `epoch`, counted from 1.
    fn in_epoch(mut self, epoch: u32) -> Self {
        let changes = |Trial { configuration, .. }: &Trial| {
            configuration.schedule != Schedule::Constant || configuration.share(1, self.epochs).is_some()
        };
        if epoch != self.epoch && self.trials.iter().any(changes) {
            self.numbers = EpochNumbers::new(&self.trials, epoch, self.epochs, &self.network.device());
        }
        self.epoch = epoch;
        self
    }

    /// Returns `batch` in the step of this epoch, with the labels that the rule writes into the input.
    pub fn labeled(&self, batch: &Batch<B>, step_in_epoch: StepInEpoch) -> Batch<B> {
        let [RuleGroup { rule, .. }] = self.groups.as_slice() else { return batch.clone() };
        let Rule::Contrast(rule) = rule.as_ref() else { return batch.clone() };
        let negative = match rule.negatives {
            Negatives::Hardest => forward_forward::hardest(&self.network, batch),
            Negatives::Uniform => {
                let own = forward_forward::own_labels(batch);
                let [_, examples, classes] = own.dims();
                let StepInEpoch { epoch, step, .. } = step_in_epoch;
                let shifts = self.seeds_of_sets(batch).into_iter().map(|seed| {
                    let mut stream = random::stream(seed, "negatives", &[u64::from(epoch), step]);
                    (0..examples).map(|_| 1 + random::below(classes as u64 - 1, &mut stream) as u32).collect()
                });
                forward_forward::shifted(own, &shifts.collect::<Vec<_>>())
            }
        };
        rule.rows(&self.network, batch, &negative)
    }

    /// Returns the seed of the trials that see each set of the batch's input, or of each trial where trials of different seeds share one.
    fn seeds_of_sets(&self, batch: &Batch<B>) -> Vec<u64> {
        let [sets, ..] = batch.input.values.dims();
        let seeds: Vec<u64> = self.trials.iter().map(|trial| trial.seed).collect();
        match &batch.input.sets {
            Some(of_trials) => {
                let trial_of = |set: usize| of_trials.of_trials().iter().position(|&of| of as usize == set);
                (0..sets).map(|set| trial_of(set).map_or(0, |trial| seeds[trial])).collect()
            }
            None if sets == 1 && seeds.iter().all(|seed| *seed == seeds[0]) => vec![seeds[0]],
            None => seeds,
        }
    }

    /// Returns the optimizer's settings of the output layer in a step.
    pub fn optimizer_step(&self, step_in_epoch: StepInEpoch) -> OptimizerStep<B> {
        self.numbers.output.step(step_in_epoch.number(), &self.network.device())
    }

    /// Returns the settings of hidden layers; `None` where they are those of the output layer.
    pub fn hidden_optimizer_step(&self, step_in_epoch: StepInEpoch) -> Option<OptimizerStep<B>> {
        let hidden = self.numbers.hidden.as_ref()?;
        let epoch = self.numbers.share.as_ref().map_or(step_in_epoch.epoch, |share| share.epoch);
        let step_in_epoch = StepInEpoch { epoch, ..step_in_epoch };
        Some(hidden.step(step_in_epoch.number(), &self.network.device()))
    }

    /// Returns the hidden layers that learn in the epoch; `None` where all do.
    pub fn learning(&self) -> Option<&Range<usize>> {
        self.numbers.share.as_ref().map(|share| &share.layers)
    }

    /// Returns the largest allowed norm of each trial's gradient, `[trials, 1, 1]`; `None` where no trial's is limited.
    pub fn clip_norm(&self) -> Option<&Tensor<B, 3>> {
        self.numbers.clip_norm.as_ref()
    }

    /// Returns every array of the trial at `position`, feedback matrices included.
    pub fn arrays(&self, position: usize) -> Vec<Array> {
        let mut arrays = self.network.arrays(position);
        for group in self.groups.iter().filter(|group| group.trials.contains(&position)) {
            arrays.extend(feedback_names(group).zip(&group.feedback).map(|(name, matrix)| {
                checkpoint::array_of_weights(name, matrix, position - group.trials.start)
            }));
        }
        arrays
    }

    /// Returns all arrays of the trial at `position` that learning changes.
    pub fn state(&self, position: usize) -> Vec<Array> {
        let mut arrays = self.network.state(position);
        for group in self.groups.iter().filter(|group| group.trials.contains(&position)) {
            let position = position - group.trials.start;
            let feedback = group.feedback.iter().zip(&group.feedback_states);
            for (name, (matrix, states)) in feedback_names(group).zip(feedback) {
                arrays.push(checkpoint::array_of_weights(name.clone(), matrix, position));
                for (state, values) in self.network.optimizer.states().iter().zip(states) {
                    arrays.push(checkpoint::array_of_weights(format!("{name}/{state}"), values, position));
                }
            }
            for (name, mean) in names_of_means().zip(&group.running_means) {
                arrays.push(checkpoint::array(name, mean, position));
            }
        }
        arrays
    }

    /// Replaces the state of each trial by the arrays that [`state`](Self::state) returned.
    ///
    /// # Panics
    /// If a state is not of this population.
    pub fn restored(mut self, states: &[Vec<Array>]) -> Self {
        let names = self.network.optimizer.states();
        self.network = self.network.restored(states);
        for group in &mut self.groups {
            let states = &states[group.trials.clone()];
            let names_of_feedback = feedback_names(group);
            let feedback = group.feedback.iter_mut().zip(&mut group.feedback_states);
            for (name, (matrix, of_matrix)) in names_of_feedback.zip(feedback) {
                *matrix = checkpoint::restored_weights(&name, matrix, states);
                for (state, values) in names.iter().zip(of_matrix) {
                    *values = checkpoint::restored_weights(&format!("{name}/{state}"), values, states);
                }
            }
            for (name, mean) in names_of_means().zip(&mut group.running_means) {
                *mean = checkpoint::restored(&name, mean, states);
            }
        }
        self
    }

    /// Returns the only group of a population with one rule. Panics if there are several.
    pub(crate) fn only_group(&self) -> &RuleGroup<B> {
        let [group] = self.groups.as_slice() else { panic!("trackers measure trials of one rule") };
        group
    }

    /// Keeps only the trials at `positions`, which ascend.
    pub fn select(self, positions: &[usize]) -> Self {
        let trials = positions.iter().map(|&position| self.trials[position].clone()).collect();
        let indices = on_device(positions, &self.network.device());
        let mut first = 0;
        let groups = self.groups.iter().filter_map(|group| {
            let group = group.select(positions, first)?;
            first = group.trials.end;
            Some(group)
        });
        let groups = groups.collect();
        let (epochs, epoch) = (self.epochs, self.epoch);
        Self::from_parts(self.network.select(&indices), groups, trials, epochs).in_epoch(epoch)
    }
}

impl<B: Kernels> EpochNumbers<B> {
    fn new(trials: &[Trial], epoch: u32, epochs: u32, device: &B::Device) -> Self {
        let configurations = || trials.iter().map(|trial| &trial.configuration);
        let clips = configurations().any(|of| of.clip_norm.is_some());
        let has_other_factors = |of: &Configuration| factors_of_output(of) != factors_of_hidden(of);
        let share = trials[0].configuration.share(epoch, epochs);
        let (of_layer, of_layers) =
            share.as_ref().map_or((epoch, epochs), |share| (share.epoch, share.epochs));
        let hidden = (share.is_some() || configurations().any(has_other_factors))
            .then(|| LayerNumbers::new(trials, factors_of_hidden, of_layer, of_layers, device));
        Self {
            output: LayerNumbers::new(trials, factors_of_output, epoch, epochs, device),
            hidden,
            share,
            clip_norm: clips.then(|| per_trial(trials, |of| of.clip_norm.unwrap_or(f64::INFINITY), device)),
        }
    }
}

/// The factors on a configuration's learning rate and decay that give those of some layers.
#[derive(Clone, Copy, PartialEq)]
struct Factors {
    rate: f64,
    decay: f64,
}

fn factors_of_output(configuration: &Configuration) -> Factors {
    let settings = configuration.forward_forward.as_ref();
    settings.map_or(Factors { rate: 1.0, decay: 1.0 }, |settings| Factors {
        rate: settings.classifier_rate,
        decay: settings.classifier_decay,
    })
}

/// Returns the factors of hidden layers, which are 0 where they do not learn.
fn factors_of_hidden(configuration: &Configuration) -> Factors {
    let factor = if configuration.algorithm.trains_hidden_layers() { 1.0 } else { 0.0 };
    Factors { rate: factor, decay: factor }
}

impl<B: Kernels> LayerNumbers<B> {
    /// Computes the numbers of layers with some `factors` in this epoch of `epochs`.
    fn new(
        trials: &[Trial],
        factors: fn(&Configuration) -> Factors,
        epoch: u32,
        epochs: u32,
        device: &B::Device,
    ) -> Self {
        let rate = |of: &Configuration| factors(of).rate * of.schedule.rate(of.learning_rate, epoch, epochs);
        let decay = |of: &Configuration| factors(of).decay * of.weight_decay;
        let kept = |of: &Configuration| 1.0 - rate(of) * factors(of).decay * of.decoupled_decay;
        let has =
            |wanted: fn(&Configuration) -> bool| trials.iter().any(|trial| wanted(&trial.configuration));
        Self {
            optimizers: trials
                .iter()
                .map(|Trial { configuration, .. }| (configuration.optimizer, rate(configuration)))
                .collect(),
            weight_decay: has(|of| of.weight_decay > 0.0).then(|| per_trial(trials, decay, device)),
            kept: has(|of| of.decoupled_decay > 0.0).then(|| per_trial(trials, kept, device)),
        }
    }

    fn step(&self, number: u64, device: &B::Device) -> OptimizerStep<B> {
        OptimizerStep {
            weight_decay: self.weight_decay.clone(),
            kept: self.kept.clone(),
            ..OptimizerStep::new(&self.optimizers, number, device)
        }
    }
}

/// Draws a feedback matrix for each of the `members`, shaped `like` another, from the stream of these indices.
fn redrawn<B: Kernels>(like: &Weights<B>, members: &[Trial], indices: &[u64]) -> Weights<B> {
    let [_, rows, columns] = like.dims();
    let matrices = members.iter().map(|Trial { configuration, seed }| {
        let initialization = configuration.feedback.expect("the rule has feedback");
        initialization::draw(initialization, rows, columns, &mut random::stream(*seed, "feedback", indices))
    });
    let matrices: Vec<Matrix> = matrices.collect();
    Weights::new(model::stack(&matrices.iter().collect::<Vec<_>>(), &like.values.device()))
}

/// Returns the names of the arrays of a group's feedback, in its order.
fn feedback_names<B: Kernels>(group: &RuleGroup<B>) -> impl Iterator<Item = String> + use<B> {
    let is_of_input = matches!(*group.rule, Rule::SecondPass(_));
    (1..).map(
        move |layer| if is_of_input { "input/feedback".into() } else { format!("layer_{layer}/feedback") },
    )
}

/// Returns the names of the running means of hidden layers.
fn names_of_means() -> impl Iterator<Item = String> {
    (1..).map(|layer| format!("layer_{layer}/running_mean"))
}

/// Returns a number of each configuration as a tensor, `[trials, 1, 1]`.
fn per_trial<B: Kernels>(
    trials: &[Trial],
    value: impl Fn(&Configuration) -> f64,
    device: &B::Device,
) -> Tensor<B, 3> {
    let values: Vec<f32> = trials.iter().map(|trial| value(&trial.configuration) as f32).collect();
    Tensor::from_data(TensorData::new(values, [trials.len(), 1, 1]), device)
}

/// Returns the feedback matrices of the trial, first layer first, or the single one to the input.
fn feedback_matrices(architecture: &Architecture, trial: &Trial) -> Vec<Matrix> {
    let Configuration { algorithm, feedback, .. } = trial.configuration;
    let (Some(initialization), Some(shape)) = (feedback, algorithm.feedback()) else { return Vec::new() };
    let weights = || initial_weights(architecture, trial);
    let drawn = match initialization {
        Initialization::Aligned => feedback::aligned_feedback(shape, &weights()),
        initialization => feedback::draw(architecture, shape, initialization, trial.seed),
    };
    if algorithm.keeps_offsets() { feedback::offsets(&drawn, &weights()) } else { drawn }
}

/// Returns the initial forward weights of the trial, the output layer's last.
fn initial_weights(architecture: &Architecture, trial: &Trial) -> Vec<Matrix> {
    let Configuration { algorithm, weights, feedback, .. } = trial.configuration;
    match (weights, algorithm.feedback(), feedback) {
        (Initialization::Aligned, Some(shape), Some(initialization)) => {
            let feedback = feedback::draw(architecture, shape, initialization, trial.seed);
            feedback::aligned_weights(architecture, shape, &feedback, trial.seed)
        }
        (initialization, ..) => feedback::independent_weights(architecture, initialization, trial.seed),
    }
}

/// Returns the initial parameters of the trial's layers, the output layer's last. A classifier on labeled inputs starts at zero.
fn initial_layers(architecture: &Architecture, trial: &Trial) -> Vec<InitialLayer> {
    let layers = (1..).zip(initial_weights(architecture, trial)).map(|(layer, weight)| {
        let mut stream = random::stream(trial.seed, "biases", &[layer]);
        let (inputs, units) = (weight.rows, weight.columns);
        let bias = initialization::draw_bias(trial.configuration.weights, inputs, units, &mut stream);
        InitialLayer { weight, bias }
    });
    let mut layers: Vec<InitialLayer> = layers.collect();
    if let (Wiring::Labeled(_), Some(InitialLayer { weight, bias })) =
        (architecture.wiring, layers.last_mut())
    {
        weight.values.iter_mut().chain(&mut bias.values).for_each(|value| *value = 0.0);
    }
    layers
}

fn have_same_initial_weights(one: &Trial, other: &Trial) -> bool {
    let weights = one.configuration.weights;
    one.seed == other.seed
        && weights == other.configuration.weights
        && (weights != Initialization::Aligned || have_same_feedback(one, other))
}

fn have_same_feedback(one: &Trial, other: &Trial) -> bool {
    let feedback = one.configuration.feedback;
    let shapes = [one, other].map(|trial| trial.configuration.algorithm.feedback());
    (one.seed, feedback, shapes[0]) == (other.seed, other.configuration.feedback, shapes[1])
        && (feedback != Some(Initialization::Aligned) && !one.configuration.algorithm.keeps_offsets()
            || one.configuration.weights == other.configuration.weights)
}

/// Returns the results of `draw`, one for all trials that are `alike`, and the index of each trial's result among them.
fn drawn_once<T>(
    trials: &[Trial],
    alike: impl Fn(&Trial, &Trial) -> bool,
    draw: impl Fn(&Trial) -> T,
) -> (Vec<T>, Vec<usize>) {
    let mut different: Vec<&Trial> = Vec::new();
    let of_trials = trials.iter().map(|trial| {
        different.iter().position(|known| alike(known, trial)).unwrap_or_else(|| {
            different.push(trial);
            different.len() - 1
        })
    });
    let of_trials = of_trials.collect();
    (different.into_iter().map(draw).collect(), of_trials)
}

fn on_device<B: Kernels>(indices: &[usize], device: &B::Device) -> Tensor<B, 1, Int> {
    let indices: Vec<i32> =
        indices.iter().map(|&at| i32::try_from(at).expect("fewer than 2^31 trials")).collect();
    Tensor::from_data(indices.as_slice(), device)
}

/// Returns the feedback of each hidden layer, `[members, units, outputs]`, or that of the input; empty where the members have no feedback.
fn feedback_of<B: Kernels>(
    architecture: &Architecture,
    members: &[Trial],
    device: &B::Device,
) -> Vec<Weights<B>> {
    let (matrices, of_members) =
        drawn_once(members, have_same_feedback, |trial| feedback_matrices(architecture, trial));
    let of_members = on_device::<B>(&of_members, device);
    (0..matrices[0].len())
        .map(|layer| {
            let different: Vec<&Matrix> = matrices.iter().map(|layers| &layers[layer]).collect();
            let stacked = Weights::new(model::stack(&different, device));
            if different.len() < members.len() { stacked.select(&of_members) } else { stacked }
        })
        .collect()
}
