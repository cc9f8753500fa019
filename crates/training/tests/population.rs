//! A trial's result does not depend on the other trials of its population.

use std::{path::Path, time::Duration};

use burn_flex::Flex;
use data::{Dataset, DatasetSettings, Glyphs, Source};
use history::Epoch;
use kernels::Squash;
use model::{
    Architecture, Objective,
    checkpoint::{Array, from_bytes, to_bytes},
};
use settings::{
    Activation, AdamForm, Algorithm, Configuration, ForwardForward, Initialization, LabelPlace, LayerOrder,
    Loss, Metric, Negatives, Optimizer, Precision, Prediction, Schedule, Split, Trial,
};
use training::{Ended, Observer, Population, Start, Verdict, train};

/// Remembers everything; lets trials leave after the given epochs.
#[derive(Default)]
struct Memory {
    leave_after: Vec<(usize, u32)>,
    interrupt: bool,
    epochs: Vec<(usize, Epoch)>,
    arrays: Vec<(usize, Vec<Array>)>,
    /// The epoch after which the state of every trial is saved.
    state_after: u32,
    states: Vec<Vec<Array>>,
}

impl Observer for Memory {
    fn wants_state(&self, trial: usize) -> bool {
        self.epochs.last().is_some_and(|(of, epoch)| *of == trial && epoch.epoch == self.state_after)
    }

    fn state(&mut self, _: usize, _: u32, state: Vec<Array>) {
        self.states.push(state);
    }

    fn epoch(&mut self, trial: usize, epoch: Epoch) -> Verdict {
        let leaves = self.leave_after.contains(&(trial, epoch.epoch));
        self.epochs.push((trial, epoch));
        if leaves { Verdict::Leave } else { Verdict::Continue }
    }

    fn finished(&mut self, trial: usize, arrays: Vec<Array>, _state: Option<Vec<Array>>) {
        self.arrays.push((trial, arrays));
    }

    fn interrupted(&self, _: Duration) -> bool {
        self.interrupt
    }
}

impl Memory {
    fn arrays(&self, trial: usize) -> &[Array] {
        &self.arrays.iter().find(|(of, _)| *of == trial).expect("the trial has finished").1
    }

    fn history(&self, trial: usize) -> Vec<&Epoch> {
        self.epochs.iter().filter(|(of, _)| *of == trial).map(|(_, epoch)| epoch).collect()
    }
}

fn glyphs() -> Dataset {
    let mut settings = DatasetSettings::of(Source::Glyphs(Glyphs { train: 300, test: 70, seed: 0 }));
    settings.holdout = 0.2;
    Dataset::load(&settings, Path::new("")).expect("glyphs need no files")
}

/// Returns a population with batch norm, if all rules allow it.
fn population(trials: Vec<Trial>) -> Population {
    let batch_norm = trials.iter().all(|trial| trial.configuration.algorithm.allows_batch_norm());
    population_of(trials, batch_norm)
}

fn population_of(trials: Vec<Trial>, batch_norm: bool) -> Population {
    Population {
        architecture: Architecture {
            inputs: 28 * 28,
            hidden: vec![20, 15],
            outputs: 10,
            activation: Activation::Swish,
            batch_norm,
            bias: true,
            output_bias: true,
            wiring: training::wiring(&trials[0].configuration),
            objective: Objective::Classification(Loss::SoftmaxCrossEntropy),
        },
        squash: Squash::Tanh,
        precision: Precision::Full,
        epochs: 3,
        batch_size: 32,
        trackers: Vec::new(),
        trials,
    }
}

/// Returns five trials of a rule that differ in every setting in which trials of one population may differ.
fn five_trials(algorithm: Algorithm) -> Vec<Trial> {
    let trial = |seed, learning_rate, dropout, weight_decay| {
        let configuration = Configuration::new(algorithm, &[12, 9], learning_rate);
        Trial { configuration: Configuration { dropout, weight_decay, ..configuration }, seed }
    };
    let starting = |weights, Trial { configuration, seed }: Trial| Trial {
        configuration: Configuration { weights, ..configuration },
        seed,
    };
    let aligned =
        if algorithm.aligns_feedback() { Initialization::Aligned } else { Initialization::Orthogonal };
    let with_input_dropout = |input_dropout, Trial { configuration, seed }: Trial| Trial {
        configuration: Configuration { input_dropout, ..configuration },
        seed,
    };
    let with_recipe = |schedule, decoupled_decay, clip_norm, Trial { configuration, seed }: Trial| Trial {
        configuration: Configuration { schedule, decoupled_decay, clip_norm, ..configuration },
        seed,
    };
    let with_optimizer = |optimizer, Trial { configuration, seed }: Trial| Trial {
        configuration: Configuration { optimizer, ..configuration },
        seed,
    };
    let adam =
        |beta_1, beta_2, epsilon| Optimizer::Adam { beta_1, beta_2, epsilon, form: AdamForm::default() };
    let torch = starting(Initialization::TorchDefault, with_input_dropout(0.3, trial(1, 1e-3, 0.0, 0.0)));
    vec![
        with_recipe(Schedule::Cosine { floor: 1e-5 }, 0.0, Some(0.5), trial(0, 1e-3, 0.0, 0.0)),
        with_recipe(Schedule::Exponential { factor: 0.5 }, 0.1, None, torch),
        with_optimizer(adam(0.8, 0.99, 1e-7), starting(aligned, trial(1, 1e-2, 0.0, 1e-3))),
        with_optimizer(adam(0.9, 0.9, 1e-3), with_input_dropout(0.1, trial(2, 1e-1, 0.5, 0.0))),
        starting(Initialization::LecunNormal, trial(7, 1e-4, 0.1, 1e-2)),
    ]
}

/// Returns five trials of each rule of a chain of layers, with or without batch norm; several trials share a seed.
fn all_rules(batch_norm: bool) -> Vec<Trial> {
    let rules = Algorithm::ALL.into_iter().filter(|rule| !rule.reads_labels());
    rules.filter(|rule| rule.allows_batch_norm() || !batch_norm).flat_map(five_trials).collect()
}

/// Returns the five trials of Forward-Forward with these settings, one of which has a classifier with other numbers.
fn forward_forward(settings: &ForwardForward) -> Vec<Trial> {
    let mut trials = five_trials(Algorithm::ForwardForward);
    for (index, trial) in trials.iter_mut().enumerate() {
        // As in a grid, where the axis does not apply to the rule.
        trial.configuration.input_dropout = 0.0;
        let other = ForwardForward { classifier_rate: 3.0, classifier_decay: 2.0, ..settings.clone() };
        trial.configuration.forward_forward = Some(if index == 2 { other } else { settings.clone() });
        trial.configuration.hidden = vec![20, 15];
    }
    trials
}

#[test]
fn forward_forward_with_any_settings_is_bit_identical_alone_and_after_an_interruption() {
    let default = ForwardForward::default;
    for settings in [
        ForwardForward { label: LabelPlace::Appended, negatives: Negatives::Hardest, ..default() },
        ForwardForward { prediction: Prediction::Goodness, peer_normalization: 0.0, ..default() },
        ForwardForward { order: LayerOrder::OneAfterAnother, ..default() },
    ] {
        let population = population(forward_forward(&settings));
        let together = run(&population, Memory { state_after: 2, ..Memory::default() });
        let start = Start { epochs: 2, states: together.states.clone() };
        let mut resumed = Memory::default();
        train::<Flex>(&population, &glyphs(), &Default::default(), &start, &mut resumed);
        for (index, trial) in population.trials.iter().enumerate() {
            let alone = run(&self::population(vec![trial.clone()]), Memory::default());
            assert_eq!(alone.arrays(0), together.arrays(index), "{settings:?} trial {index}");
            assert_eq!(alone.history(0), together.history(index), "{settings:?} trial {index}");
            assert_eq!(resumed.arrays(index), together.arrays(index), "{settings:?} trial {index}");
        }
    }
}

fn run(population: &Population, mut memory: Memory) -> Memory {
    let ended = train::<Flex>(population, &glyphs(), &Default::default(), &Start::default(), &mut memory);
    assert_eq!(ended, Ended::Complete);
    memory
}

#[test]
fn alone_and_in_a_population_of_five_weights_and_history_are_bit_identical() {
    for algorithm in Algorithm::ALL {
        let together = run(&population(five_trials(algorithm)), Memory::default());
        for (index, trial) in five_trials(algorithm).into_iter().enumerate() {
            let alone = run(&population(vec![trial.clone()]), Memory::default());
            assert_eq!(alone.arrays(0), together.arrays(index), "{algorithm:?} trial {index}");
            assert_eq!(alone.history(0), together.history(index), "{algorithm:?} trial {index}");
        }
    }
}

#[test]
fn alone_and_in_a_population_with_other_numbers_every_optimizer_gives_the_same_bits() {
    let of_each_kind: [fn(f64) -> Optimizer; 5] = [
        |_| Optimizer::Sgd { momentum: 0.0, nesterov: false },
        |momentum| Optimizer::Sgd { momentum, nesterov: false },
        |momentum| Optimizer::Sgd { momentum, nesterov: true },
        |smoothing| Optimizer::RmsProp { smoothing, epsilon: 1e-8 / smoothing },
        |share| Optimizer::Adam {
            beta_1: share,
            beta_2: 0.9 + 0.1 * share,
            epsilon: 1e-8 / share,
            form: AdamForm::Paper,
        },
    ];
    for optimizer in of_each_kind {
        let mut trials = five_trials(Algorithm::Dfa);
        for (trial, share) in trials.iter_mut().zip([0.9, 0.5, 0.99, 0.1, 0.5]) {
            trial.configuration.optimizer = optimizer(share);
        }
        let together = run(&population(trials.clone()), Memory::default());
        for (index, trial) in trials.into_iter().enumerate() {
            let optimizer = trial.configuration.optimizer;
            let alone = run(&population(vec![trial]), Memory::default());
            assert_eq!(alone.arrays(0), together.arrays(index), "{optimizer:?} trial {index}");
            assert_eq!(alone.history(0), together.history(index), "{optimizer:?} trial {index}");
        }
    }
}

#[test]
fn trials_of_all_rules_in_one_population_are_bit_identical_alone() {
    for batch_norm in [false, true] {
        let together = run(&population_of(all_rules(batch_norm), batch_norm), Memory::default());
        for (index, trial) in all_rules(batch_norm).into_iter().enumerate() {
            let alone = run(&population_of(vec![trial.clone()], batch_norm), Memory::default());
            assert_eq!(alone.arrays(0), together.arrays(index), "trial {index}: {trial:?}");
            assert_eq!(alone.history(0), together.history(index), "trial {index}: {trial:?}");
        }
    }
}

#[test]
fn a_population_of_all_rules_continues_when_one_explodes_and_others_leave() {
    let explodes = 7;
    let mut trials = all_rules(true);
    trials[explodes].configuration.learning_rate = 1e30;
    // Whole rules leave, too: the first, and the last.
    let leave_after: Vec<(usize, u32)> =
        (0..5).chain([8, 20, 21, 22, 23, 24]).map(|trial| (trial, 1)).collect();
    let all = run(&population(all_rules(true)), Memory::default());
    let alone = run(&population(vec![trials[explodes].clone()]), Memory::default());
    let some = run(&population(trials), Memory { leave_after: leave_after.clone(), ..Memory::default() });
    // As text, because NaN is not equal to itself. Others clip their gradients, which must not reach this trial.
    assert_eq!(format!("{:?}", some.history(explodes)), format!("{:?}", alone.history(0)));
    let loss = |epoch: &Epoch| epoch.value(&Metric::Loss(Split::Train)).expect("it is measured");
    assert!(some.history(explodes).iter().any(|epoch| !loss(epoch).is_finite()), "nothing has exploded");
    for trial in (0..25).filter(|trial| *trial != explodes) {
        let epochs = if leave_after.contains(&(trial, 1)) { 1 } else { 3 };
        assert_eq!(some.history(trial), all.history(trial)[..epochs], "trial {trial}");
        if epochs == 3 {
            assert_eq!(some.arrays(trial), all.arrays(trial), "trial {trial}");
        }
    }
}

#[test]
fn trials_of_one_seed_share_a_batch_and_are_bit_identical_alone() {
    let trials: Vec<Trial> =
        five_trials(Algorithm::Dfa).into_iter().map(|trial| Trial { seed: 4, ..trial }).collect();
    let together = run(&population(trials.clone()), Memory::default());
    for (index, trial) in trials.into_iter().enumerate() {
        let alone = run(&population(vec![trial.clone()]), Memory::default());
        assert_eq!(alone.arrays(0), together.arrays(index), "trial {index}");
    }
}

#[test]
fn a_trial_that_leaves_changes_nothing_for_the_others() {
    let trials = || five_trials(Algorithm::Drtp);
    let all = run(&population(trials()), Memory::default());
    let leave_after = vec![(1, 1), (4, 1), (0, 2)];
    let some = run(&population(trials()), Memory { leave_after, ..Memory::default() });
    for stayed in [2, 3] {
        assert_eq!(all.arrays(stayed), some.arrays(stayed), "trial {stayed}");
    }
    for (left, epochs) in [(1, 1), (4, 1), (0, 2)] {
        assert_eq!(some.history(left), all.history(left)[..epochs], "trial {left}");
        assert_eq!(some.arrays.iter().filter(|(trial, _)| *trial == left).count(), 1);
    }
}

#[test]
fn every_split_is_measured_in_every_epoch() {
    let memory = run(&population(five_trials(Algorithm::Backprop)[..1].into()), Memory::default());
    for epoch in memory.history(0) {
        for split in [Split::Train, Split::Validation, Split::Test] {
            let loss = epoch.value(&Metric::Loss(split)).expect("every split has a loss");
            let error_rate = epoch.value(&Metric::ErrorRate(split)).expect("every split has an error rate");
            assert!(loss.is_finite() && (0.0..=100.0).contains(&error_rate), "{loss} {error_rate}");
        }
    }
}

#[test]
fn a_trial_that_resumes_from_a_state_ends_with_the_same_bits() {
    for algorithm in Algorithm::ALL {
        let population = population(five_trials(algorithm));
        let undisturbed = run(&population, Memory { state_after: 2, ..Memory::default() });
        // Through the bytes of a file, as a checkpoint goes.
        let notes = Some("epoch 2\nand more");
        let through_a_file = |mut state: Vec<Array>| {
            let (arrays, read) = from_bytes(&to_bytes(&state, notes)).expect("it was just written");
            state.sort_by(|left, right| left.name.cmp(&right.name));
            assert!(read.as_deref() == notes && arrays == state, "{algorithm:?}");
            arrays
        };
        let states: Vec<Vec<Array>> = undisturbed.states.iter().cloned().map(through_a_file).collect();
        let start = Start { epochs: 2, states };
        let mut resumed = Memory::default();
        train::<Flex>(&population, &glyphs(), &Default::default(), &start, &mut resumed);
        for trial in 0..5 {
            assert_eq!(resumed.arrays(trial), undisturbed.arrays(trial), "{algorithm:?} trial {trial}");
            assert_eq!(
                resumed.history(trial),
                undisturbed.history(trial)[2..],
                "{algorithm:?} trial {trial}"
            );
        }
    }
}

#[test]
fn an_interrupted_population_finishes_no_trial() {
    let mut memory = Memory { interrupt: true, ..Memory::default() };
    let population = population(five_trials(Algorithm::Dfa));
    let ended = train::<Flex>(&population, &glyphs(), &Default::default(), &Start::default(), &mut memory);
    assert_eq!(ended, Ended::Interrupted);
    assert!(memory.epochs.is_empty() && memory.arrays.is_empty());
}
