//! Trackers in whole runs: their values, the files of these values, and that trackers change no result.

use std::{ffi::CString, fs, os::unix::ffi::OsStrExt, path::Path};

use engine::{HostBatch, Population, rehearse};
use history::History;
use kernels::Squash;
use machine::energy::Meters;
use model::{Architecture, Objective};
use results::trial::PlannedTrial;
use settings::{
    Activation, Algorithm, Configuration, Device, Loss, Metric, Precision, Sampled, Tracker, Trial,
};
use tests::{Bench, SMALL_PIPELINE};

const ALL: &str = "trackers: [BpCosine, WeightAlignment, LocalLoss, Gradients, Weights, Activations, DeadUnits, \
                   EffectiveRank, Goodness, Memory, Throughput, Energy, Histograms, Images]";

fn with(trackers: &str) -> String {
    SMALL_PIPELINE.replace("seeds: 2", &format!("seeds: 2, {trackers}"))
}

fn history(trial: &PlannedTrial) -> History {
    results::trial::history(trial.artifact.as_ref().expect("done")).expect("a history")
}

fn metric(text: &str) -> Metric {
    text.parse().expect("a metric")
}

#[test]
fn trackers_change_no_weights_and_no_losses() {
    let (plain, watched) = (Bench::new(2, 1), Bench::new(2, 4));
    let with_labels = |text: &str| {
        text.replace("[Backprop, ", "[ForwardForward, Backprop, ")
            .replace("1e-3]", "1e-3], forward_forward: [(label: Appended)]")
    };
    let (small, text) = (with_labels(SMALL_PIPELINE), with_labels(&with(ALL)));
    plain.run(&small);
    watched.run(&text);
    let weights = |trial: &PlannedTrial| {
        let artifact = trial.artifact.as_ref().expect("done");
        artifact.read("weights.safetensors").expect("whole")
    };
    for (plain, watched) in plain.trials(&small).iter().zip(&watched.trials(&text)) {
        assert_ne!(plain.key, watched.key, "the key names the trackers");
        assert_eq!(weights(plain), weights(watched), "{}", plain.trial.configuration);
        let (plain, watched) = (history(plain), history(watched));
        for (plain, watched) in plain.epochs().iter().zip(watched.epochs()) {
            for (metric, value) in &plain.values {
                assert_eq!(watched.value(metric), Some(*value), "{metric}");
            }
        }
    }
}

#[test]
fn tracked_values_do_not_depend_on_populations_and_machine_values_are_no_result() {
    let text = with(ALL).replace(
        "learning_rate: [1e-3]",
        "learning_rate: [1e-3], dropout: [0.0, 0.3], weight_decay: [0.0, 1e-3]",
    );
    let (one_by_one, together) = (Bench::new(2, 1), Bench::new(1, 8));
    one_by_one.run(&text);
    together.run(&text);
    // The content hash covers history, weights and outcome, but not the values of the machine.
    assert_eq!(one_by_one.contents(&text), together.contents(&text));
    let folder = together.path("runs/small/trials/dfa-12-8-tanh-lr0.001/seed-0");
    let machine = fs::read_to_string(folder.join("machine.csv")).expect("Throughput measures the machine");
    let machine = History::from_csv(&machine).expect("a history");
    let speed = machine.last(&metric("machine/examples_per_second")).expect("measured").1;
    assert!(speed > 0.0 && speed.is_finite(), "{speed}");
    let meters = Meters::of_this_machine();
    for (quantity, is_metered) in [
        ("machine/energy_gpu_joules", meters.gpus().is_ok()),
        ("machine/energy_cpu_joules", meters.packages().is_ok()),
    ] {
        let joules = machine.last(&metric(quantity)).map(|(_, joules)| joules);
        assert_eq!(joules.is_some(), is_metered, "{quantity}");
        assert!(joules.is_none_or(|joules| joules >= 0.0 && joules.is_finite()), "{quantity} {joules:?}");
    }
    let history = fs::read_to_string(folder.join("history.csv")).expect("the history");
    assert!(!history.contains("machine"), "{history}");
}

#[test]
fn every_rule_has_the_tracked_values_that_apply_to_it() {
    let text = with(ALL);
    let bench = Bench::new(2, 1);
    bench.run(&text);
    for trial in bench.trials(&text) {
        let history = history(&trial);
        let last = |text: &str| history.last(&metric(text)).map(|(_, value)| value);
        let algorithm = trial.trial.configuration.algorithm;
        let has_feedback = algorithm.uses_feedback();
        for layer in [1, 2] {
            for quantity in [
                "bp_cosine",
                "bp_cosine_signal",
                "weight_norm",
                "bias_norm",
                "weight_gradient_norm",
                "bias_gradient_norm",
                "activation_mean",
                "activation_sd",
                "saturated_fraction",
                "dead_fraction",
                "dead_unit_fraction",
                "effective_rank",
                "activation_bytes",
            ] {
                let value = last(&format!("layer_{layer}/{quantity}")).expect(quantity);
                assert!(value.is_finite(), "{algorithm:?} {quantity} {value}");
            }
            for quantity in ["local_loss_train", "local_loss_validation"] {
                assert_eq!(
                    last(&format!("layer_{layer}/{quantity}")).is_some(),
                    has_feedback,
                    "{algorithm:?}"
                );
            }
            let rank = last(&format!("layer_{layer}/effective_rank")).expect("measured");
            assert!((1.0..=20.0).contains(&rank), "at most as many directions as examples: {rank}");
        }
        assert_eq!(last("layer_1/weight_alignment"), None, "nothing to align with");
        assert_eq!(last("layer_2/weight_alignment").is_some(), has_feedback);
        assert_eq!(last("output/weight_alignment").is_some(), has_feedback);
        if algorithm == Algorithm::Backprop {
            for (_, value) in history.series(&metric("layer_1/bp_cosine")) {
                assert!((value - 1.0).abs() < 1e-6, "{value}");
            }
        }
    }
}

/// A network of 40 small layers has gradients near 1e-13 in the first, a network with a large rate some that are exactly zero.
#[test]
fn the_cosine_with_backpropagation_is_one_for_gradients_of_any_size_and_absent_for_those_of_none() {
    let deep = vec!["16"; 40].join(", ");
    let text = format!(
        r#"Pipeline(name: "cosine", stages: [
            Dataset(name: "images", source: Glyphs(train: 600, test: 200)),
            Grid(name: "small", axes: (algorithm: [Backprop], hidden: [[16]], learning_rate: [1e-2])),
            Train(
                name: "saturated", dataset: "images", grid: "small", epochs: 2, batch_size: 16, seeds: [2],
                trackers: [BpCosine, Gradients],
            ),
            Grid(name: "large", axes: (
                algorithm: [Backprop], hidden: [[{deep}]], activation: [Swish], learning_rate: [1e-5],
            )),
            Train(
                name: "deep", dataset: "images", grid: "large", epochs: 2, batch_size: 50, seeds: 1,
                trackers: [BpCosine(every: 1), Gradients(every: 1)],
            ),
            Grid(name: "still", axes: (
                algorithm: [FeedbackAlignment], hidden: [[16]], feedback: [Zeros], learning_rate: [1e-3],
            )),
            Train(
                name: "no-signal", dataset: "images", grid: "still", epochs: 1, batch_size: 50, seeds: 1,
                trackers: [BpCosine, WeightAlignment],
            ),
        ])"#
    );
    let bench = Bench::new(2, 1);
    bench.run(&text);
    let histories: Vec<_> = bench.trials(&text).iter().map(history).collect();
    let [saturated, deep, still] = histories.as_slice() else { panic!("three trials") };
    for (history, layers) in [(saturated, 1), (deep, 40)] {
        for layer in 1..=layers {
            for quantity in ["bp_cosine", "bp_cosine_signal"] {
                let series: Vec<_> = history.series(&metric(&format!("layer_{layer}/{quantity}"))).collect();
                assert!(!series.is_empty(), "layer {layer} {quantity}");
                for (epoch, value) in series {
                    assert!((value - 1.0).abs() < 1e-3, "layer {layer} {quantity} at {epoch}: {value}");
                }
            }
        }
    }
    let (_, norm) = deep.last(&metric("layer_1/weight_gradient_norm")).expect("measured");
    assert!(norm > 0.0 && norm < 1e-9, "{norm}");
    let measured: Vec<String> =
        still.epochs()[0].values.iter().map(|(metric, _)| metric.to_string()).collect();
    assert!(!measured.iter().any(|name| name.contains("bp_") || name.contains("alignment")), "{measured:?}");
}

/// Returns what `trackers` measure of a step of networks with this number of `layers` of 16 units, on a batch of 8.
fn measured(algorithm: Algorithm, layers: usize, trackers: Vec<Tracker>) -> Vec<(Metric, f64)> {
    let configuration = Configuration::new(algorithm, &vec![16; layers], 1e-3);
    let trial = Trial { configuration: Configuration { dropout: 0.25, ..configuration }, seed: 0 };
    let population = Population {
        architecture: Architecture {
            inputs: 5,
            hidden: vec![16; layers],
            outputs: 3,
            activation: Activation::Tanh,
            batch_norm: false,
            bias: true,
            output_bias: true,
            wiring: training::wiring(&trial.configuration),
            objective: Objective::Classification(Loss::SoftmaxCrossEntropy),
        },
        squash: Squash::Tanh,
        precision: Precision::Full,
        epochs: 1,
        batch_size: 8,
        trackers,
        trials: vec![trial; 2],
    };
    let batch = HostBatch { input: vec![0.5; 8 * 5], target: [1.0, 0.0, 0.0].repeat(8) };
    let mut rehearsal = rehearse(Device::Cpu, &population, &[batch]).expect("the CPU is always there");
    rehearsal.steps(1);
    rehearsal.measured().swap_remove(1)
}

/// Returns the bytes that a training step keeps in the whole network and in its first layer.
fn held(algorithm: Algorithm, layers: usize) -> (f64, f64) {
    let measured = measured(algorithm, layers, vec![Tracker::Memory(Sampled::default())]);
    let of = |text: &str| measured.iter().find(|(known, _)| *known == metric(text)).expect("measured").1;
    (of("network/activation_bytes"), of("layer_1/activation_bytes"))
}

#[test]
fn a_tracker_measures_the_rules_that_it_applies_to_and_no_others() {
    let trackers = Tracker::all().into_iter().filter(|tracker| {
        matches!(
            tracker,
            Tracker::BpCosine(_) | Tracker::WeightAlignment(_) | Tracker::LocalLoss(_) | Tracker::Goodness(_)
        )
    });
    for tracker in trackers {
        for algorithm in Algorithm::ALL {
            let is_measured = !measured(algorithm, 2, vec![tracker]).is_empty();
            assert_eq!(is_measured, tracker.applies_to(algorithm), "{tracker:?} {algorithm:?}");
        }
    }
}

#[test]
fn memory_grows_with_depth_only_for_rules_whose_layers_wait_for_the_output() {
    for algorithm in Algorithm::ALL {
        let [(two, layer), (eight, _), (many, _)] = [2, 8, 32].map(|layers| held(algorithm, layers));
        // A layer's output alone is 8 x 16 values of 4 bytes.
        assert!(layer >= 512.0 && two >= layer, "{algorithm:?} {layer} {two}");
        match algorithm {
            Algorithm::Drtp | Algorithm::LocalLoss(_) => {
                // The input is the output of the layer below; what was dropped overwrites it.
                assert_eq!((layer, two), (4.0 * 512.0, 5.0 * 512.0), "{algorithm:?}");
                assert_eq!((eight, many), (two, two), "{algorithm:?}");
            }
            Algorithm::ForwardForward => {
                // Rows of three parts: output, slope and mask; and of two: delta and the input that a layer learns with.
                let (rows, own_input) = (3.0 * 3.0 + 2.0, 2.0 * 8.0 * 5.0 * 4.0);
                assert_eq!(layer, rows * 512.0 + own_input, "{algorithm:?}");
                // The output layer's input has the neutral rows of each layer but the first.
                assert!(eight > two && many > eight && many - eight <= 24.0 * 512.0, "{two} {eight} {many}");
            }
            Algorithm::Pepita => {
                // The first output, the second one, delta and mask; below the first layer, the second input.
                assert_eq!((layer, two), (4.0 * 512.0, 5.0 * 512.0 + 160.0), "{algorithm:?}");
                // The first pass keeps an output of each layer.
                assert_eq!((eight - two, many - two), (6.0 * 512.0, 30.0 * 512.0), "{algorithm:?}");
            }
            _ => {
                // Output, slope, delta, mask, dropped output; and the error at 3 logits.
                assert_eq!((layer, two), (5.0 * 512.0, 2.0 * layer + 96.0), "{algorithm:?}");
                assert_eq!((eight, many), (8.0 * layer + 96.0, 32.0 * layer + 96.0), "{algorithm:?}");
            }
        }
    }
}

#[test]
fn the_run_tree_shows_a_mean_next_to_its_seeds_as_long_as_the_file_asks_for_it() {
    let bench = Bench::new(2, 1);
    bench.run(SMALL_PIPELINE);
    let configuration = bench.path("runs/small/trials/dfa-12-8-tanh-lr0.001");
    let mean = fs::read_to_string(configuration.join("mean/mean.csv")).expect("a mean over two seeds");
    let losses: Vec<f64> = bench
        .trials(SMALL_PIPELINE)
        .iter()
        .filter(|trial| trial.trial.configuration.algorithm == Algorithm::Dfa)
        .map(|trial| history(trial).last(&metric("loss/train")).expect("measured").1)
        .collect();
    let row = mean.lines().find(|line| line.starts_with("2,loss/train,")).expect("the last epoch");
    let numbers: Vec<f64> = row.split(',').skip(2).map(|cell| cell.parse().expect("a number")).collect();
    assert!((numbers[0] - (losses[0] + losses[1]) / 2.0).abs() < 1e-12, "{row} {losses:?}");
    assert!((numbers[1] - (losses[0] - losses[1]).abs() / 2.0_f64.sqrt()).abs() < 1e-12, "{row}");
    bench.run(&with("mean_over_seeds: false"));
    assert!(!configuration.join("mean").exists() && configuration.join("seed-0").exists());
    bench.run(&SMALL_PIPELINE.replace("Dfa, ", ""));
    assert!(!configuration.exists(), "a configuration that the file does not contain is not shown");
}

/// A mounted file system of limited size.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(folder: &'a Path, kib: u32) -> Option<Self> {
        let target = CString::new(folder.as_os_str().as_bytes()).expect("a path");
        let options = CString::new(format!("size={kib}k")).expect("an option");
        // SAFETY: all pointers are to texts that end in 0.
        let done = unsafe {
            libc::mount(c"tmpfs".as_ptr(), target.as_ptr(), c"tmpfs".as_ptr(), 0, options.as_ptr().cast())
        };
        (done == 0).then_some(Self(folder))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let target = CString::new(self.0.as_os_str().as_bytes()).expect("a path");
        // SAFETY: the pointer is to a text that ends in 0.
        unsafe { libc::umount(target.as_ptr()) };
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn a_full_disk_while_an_event_file_is_written_fails_only_that_trial() {
    let bench = Bench::new(1, 1);
    let folder = bench.path(".");
    let Some(_disk) = SmallDisk::mount(&folder, 600) else {
        return eprintln!("skipped: mounting a small disk needs root");
    };
    // The histograms of the first trial do not fit on the disk; the second trial fits after the first one is deleted.
    let text = r#"Pipeline(
        name: "small",
        stages: [
            Dataset(name: "images", source: Glyphs(train: 100, test: 20)),
            Grid(name: "one", axes: (algorithm: [Drtp], hidden: [[4, 4, 4, 4]], learning_rate: [1e-3])),
            Train(
                name: "talkative", dataset: "images", grid: "one", epochs: 200, batch_size: 20, seeds: 1,
                trackers: [Histograms(every_epochs: 1)],
            ),
            Train(name: "quiet", dataset: "images", grid: "one", epochs: 2, batch_size: 20, seeds: 1),
        ],
    )"#;
    let (report, _) = bench.run(text);
    let reasons: Vec<&str> = report.failed.iter().map(|(_, reason)| reason.as_str()).collect();
    assert_eq!((report.trained, reasons.len()), (1, 1), "{reasons:?}");
    assert!(
        reasons[0].contains("events.out.tfevents") && reasons[0].contains("No space left"),
        "{reasons:?}"
    );
    let left: Vec<String> = fs::read_dir(bench.path("work"))
        .expect("the work folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(left.iter().all(|name| name.ends_with(".failure")), "nothing half-done is left: {left:?}");
}
