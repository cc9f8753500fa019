//! The kernels for GPUs, through Vulkan.
//!
//! On a machine without a GPU, Mesa's software device computes the kernels. NVIDIA GPUs run the same kernels, compiled by another
//! compiler. TF32 exists only there and is not tested here.

use std::{
    panic::catch_unwind,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use burn_flex::Flex;
use burn_wgpu::{Wgpu, WgpuDevice, graphics::AutoGraphicsApi, init_setup};
use data::{Augmentation, Dataset, DatasetSettings, Glyphs, Source};
use golden::{TOLERANCE, Vectors};
use history::Epoch;
use kernels::{Kernels, Squash};
use model::{Architecture, Objective, checkpoint::Array};
use settings::{
    Activation, AdamForm, Algorithm, Configuration, ForwardForward, LabelPlace, Loss, Metric, Negatives,
    Optimizer, Precision, Trial,
};
use training::{Ended, Observer, Population, Start, Verdict, train};

/// Returns the GPU, or prints why a test is skipped.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn device() -> Option<WgpuDevice> {
    static IS_THERE: OnceLock<bool> = OnceLock::new();
    let device = WgpuDevice::DefaultDevice;
    let set_up = || catch_unwind(|| init_setup::<AutoGraphicsApi>(&device, Default::default())).is_ok();
    if *IS_THERE.get_or_init(set_up) {
        return Some(device);
    }
    eprintln!("skipped: no adapter for graphics was found (Debian: apt-get install mesa-vulkan-drivers)");
    None
}

#[test]
fn golden_vectors_hold_on_the_kernels_of_a_gpu() {
    let Some(device) = device() else { return };
    let folders = ["vectors", "vectors2"].map(|name| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name));
    // A software device needs minutes for all vectors; `bench golden --device cuda` replays all.
    let vectors = Vectors::read(&folders).unwrap_or_else(|error| panic!("{error}")).every(5);
    let compared = golden::replay::<Wgpu>(&vectors, &device);
    let off: Vec<_> = compared.iter().filter(|comparison| comparison.deviation > TOLERANCE).collect();
    assert!(off.is_empty(), "{} of {} are off: {off:#?}", off.len(), compared.len());
}

/// Records histories and final arrays, and ends some trials early.
#[derive(Default)]
struct Keeper {
    leave_after: Vec<(usize, u32)>,
    epochs: Vec<(usize, Epoch)>,
    arrays: Vec<(usize, Vec<Array>)>,
}

impl Observer for Keeper {
    fn epoch(&mut self, trial: usize, epoch: Epoch) -> Verdict {
        let leaves = self.leave_after.contains(&(trial, epoch.epoch));
        self.epochs.push((trial, epoch));
        if leaves { Verdict::Leave } else { Verdict::Continue }
    }

    fn finished(&mut self, trial: usize, arrays: Vec<Array>, _state: Option<Vec<Array>>) {
        self.arrays.push((trial, arrays));
    }

    fn interrupted(&self, _: Duration) -> bool {
        false
    }
}

impl Keeper {
    fn history(&self, trial: usize) -> Vec<&Epoch> {
        self.epochs.iter().filter(|(of, _)| *of == trial).map(|(_, epoch)| epoch).collect()
    }

    fn arrays(&self, trial: usize) -> &[Array] {
        &self.arrays.iter().find(|(of, _)| *of == trial).expect("the trial has finished").1
    }
}

/// Loads glyphs with every augmentation and a holdout, so that the device gathers three splits.
fn glyphs() -> Dataset {
    let mut settings = DatasetSettings::of(Source::Glyphs(Glyphs { train: 300, test: 70, seed: 0 }));
    settings.holdout = 0.2;
    settings.augmentations = vec![
        Augmentation::Rotation { largest: 0.05 },
        Augmentation::HorizontalFlip,
        Augmentation::Contrast { largest: 0.1 },
        Augmentation::Brightness { largest: 0.2 },
    ];
    Dataset::load(&settings, Path::new("")).expect("glyphs need no files")
}

/// Returns the rules of a chain of layers, with or without batch norm.
fn rules(batch_norm: bool) -> Vec<Algorithm> {
    let rules = Algorithm::ALL.into_iter().filter(|rule| !rule.reads_labels());
    rules.filter(|rule| rule.allows_batch_norm() || !batch_norm).collect()
}

fn population(trials: Vec<Trial>, batch_norm: bool, objective: Objective) -> Population {
    Population {
        architecture: Architecture {
            inputs: 28 * 28,
            hidden: vec![20, 15],
            outputs: if objective == Objective::Classification(Loss::SoftmaxCrossEntropy) {
                10
            } else {
                28 * 28
            },
            activation: Activation::Tanh,
            batch_norm,
            bias: true,
            output_bias: true,
            wiring: training::wiring(&trials[0].configuration),
            objective,
        },
        squash: Squash::Tanh,
        precision: Precision::Full,
        epochs: 2,
        batch_size: 32,
        trackers: Vec::new(),
        trials,
    }
}

/// Returns three trials of each rule, which differ in seed, learning rate, dropout, weight decay and Adam's numbers; two share a seed.
fn trials(rules: &[Algorithm]) -> Vec<Trial> {
    let of_rule = |algorithm: &Algorithm| {
        let algorithm = *algorithm;
        [(0, 1e-3, 0.0, 0.0, 0.9), (1, 1e-3, 0.2, 0.0, 0.9), (1, 3e-3, 0.0, 1e-3, 0.8)].map(
            |(seed, learning_rate, dropout, weight_decay, beta_1)| {
                let configuration = Configuration::new(algorithm, &[20, 15], learning_rate);
                // The masks of pixels and of hidden units are drawn from different streams.
                let input_dropout = dropout / 2.0;
                let optimizer =
                    Optimizer::Adam { beta_1, beta_2: 0.999, epsilon: 1e-7, form: AdamForm::Keras };
                let configuration =
                    Configuration { input_dropout, dropout, weight_decay, optimizer, ..configuration };
                Trial { configuration, seed }
            },
        )
    };
    rules.iter().flat_map(of_rule).collect()
}

fn run<B: Kernels>(population: &Population, device: &B::Device, mut keeper: Keeper) -> Keeper {
    let ended = train::<B>(population, &glyphs(), device, &Start::default(), &mut keeper);
    assert_eq!(ended, Ended::Complete);
    keeper
}

/// Checks that every loss agrees within a thousandth, and every error rate within one or two examples.
#[track_caller]
fn check_histories(one: &Keeper, other: &Keeper, trials: usize) {
    for trial in 0..trials {
        for (one, other) in one.history(trial).into_iter().zip(other.history(trial)) {
            assert_eq!(one.values.len(), other.values.len());
            for ((metric, one), (_, other)) in one.values.iter().zip(&other.values) {
                let allowed = if matches!(metric, Metric::ErrorRate(_)) { 3.5 } else { 1e-3 * one.abs() };
                assert!((one - other).abs() <= allowed, "trial {trial} {metric}: {one} {other}");
            }
        }
    }
}

#[test]
fn a_gpu_trains_a_population_of_all_rules_as_the_cpu_does() {
    let Some(device) = device() else { return };
    for batch_norm in [true, false] {
        let objective = Objective::Classification(Loss::SoftmaxCrossEntropy);
        let population = population(trials(&rules(batch_norm)), batch_norm, objective);
        let gpu = run::<Wgpu>(&population, &device, Keeper::default());
        let cpu = run::<Flex>(&population, &Default::default(), Keeper::default());
        check_histories(&gpu, &cpu, population.trials.len());
    }
}

#[test]
fn a_gpu_trains_forward_forward_as_the_cpu_does_and_with_the_same_bits_alone() {
    let Some(device) = device() else { return };
    let objective = Objective::Classification(Loss::SoftmaxCrossEntropy);
    let of = |trials| population(trials, false, objective);
    let mut trials = trials(&[Algorithm::ForwardForward]);
    for negatives in [Negatives::Uniform, Negatives::Hardest] {
        for trial in &mut trials {
            let settings =
                ForwardForward { label: LabelPlace::Appended, negatives, ..ForwardForward::default() };
            trial.configuration.forward_forward = Some(settings);
        }
        let gpu = run::<Wgpu>(&of(trials.clone()), &device, Keeper::default());
        let cpu = run::<Flex>(&of(trials.clone()), &Default::default(), Keeper::default());
        // The hardest label may be another one where two are nearly as likely.
        if negatives == Negatives::Uniform {
            check_histories(&gpu, &cpu, trials.len());
        }
        let alone = run::<Wgpu>(&of(vec![trials[2].clone()]), &device, Keeper::default());
        assert_eq!(alone.history(0), gpu.history(2), "{negatives:?}");
        assert!(alone.arrays(0) == gpu.arrays(2), "{negatives:?}");
    }
}

#[test]
fn a_gpu_trains_reconstructions_as_the_cpu_does() {
    let Some(device) = device() else { return };
    let rules = Algorithm::ALL.into_iter().filter(|rule| rule.refuses_reconstruction().is_none());
    let trials = trials(&rules.collect::<Vec<_>>());
    let population = population(trials, false, Objective::Reconstruction(Squash::Tanh));
    let gpu = run::<Wgpu>(&population, &device, Keeper::default());
    let cpu = run::<Flex>(&population, &Default::default(), Keeper::default());
    check_histories(&gpu, &cpu, population.trials.len());
}

#[test]
fn a_trial_on_a_gpu_has_the_same_bits_alone_in_a_population_and_after_others_end() {
    let Some(device) = device() else { return };
    for batch_norm in [true, false] {
        check_bits(&device, batch_norm);
    }
}

fn check_bits(device: &WgpuDevice, batch_norm: bool) {
    let of = |trials| population(trials, batch_norm, Objective::Classification(Loss::SoftmaxCrossEntropy));
    let trials = trials(&rules(batch_norm));
    let together = run::<Wgpu>(&of(trials.clone()), device, Keeper::default());
    let leave_after = vec![(0, 1), (4, 1), (13, 1)];
    let keeper = Keeper { leave_after: leave_after.clone(), ..Keeper::default() };
    let fewer = run::<Wgpu>(&of(trials.clone()), device, keeper);
    for (index, trial) in trials.iter().enumerate() {
        if !leave_after.contains(&(index, 1)) {
            assert!(fewer.arrays(index) == together.arrays(index), "{trial:?}");
        }
        // These are one trial of some rules; with batch norm, none has a second pass.
        let is_alone_too =
            if batch_norm { [1, 5, 6, 10, 14].contains(&index) } else { (39..42).contains(&index) };
        if is_alone_too {
            let alone = run::<Wgpu>(&of(vec![trial.clone()]), device, Keeper::default());
            assert_eq!(alone.history(0), together.history(index), "{trial:?}");
            assert!(alone.arrays(0) == together.arrays(index), "{trial:?}");
        }
    }
}
