//! Runs of whole pipeline files: each result is computed once, and only if it is missing.

use std::fs;

use history::History;
use results::trial::PlannedTrial;
use runner::run::RunReport;
use settings::{Metric, Split};
use spec::{Pipeline, Stage};
use tests::{Bench, SMALL_PIPELINE as PIPELINE, Witness};

fn counts(report: &RunReport) -> (usize, usize, usize, usize) {
    (report.trials, report.skipped, report.trained, report.failed.len())
}

#[test]
fn a_second_run_trains_nothing_and_prints_the_same_tables() {
    let bench = Bench::new(2, 1);
    let (first, tables) = bench.run(PIPELINE);
    assert_eq!(counts(&first), (10, 0, 10, 0));
    let (second, again) = bench.run(PIPELINE);
    assert_eq!(counts(&second), (10, 10, 0, 0));
    assert_eq!(tables, again);
    assert_eq!(tables.len(), 1);
    for rule in ["backprop", "dfa", "drtp", "local-cross-entropy", "local-mse"] {
        assert!(tables[0].contains(&format!("best {rule}")), "{}", tables[0]);
    }
    assert_eq!(fs::read_dir(bench.path("work")).expect("the work folder").count(), 0, "no work is left");
}

#[test]
fn editing_an_axis_trains_only_new_trials_and_updates_the_run_tree() {
    let bench = Bench::new(2, 1);
    bench.run(PIPELINE);
    let edited = PIPELINE.replace("[1e-3]", "[1e-3, 1e-2]").replace("LocalLoss(CrossEntropy), ", "");
    let (report, _) = bench.run(&edited);
    assert_eq!(counts(&report), (16, 8, 8, 0));
    let tree = bench.path("runs/small/trials");
    assert_eq!(fs::read_dir(&tree).expect("the run tree").count(), 8, "a folder per configuration");
    assert!(!tree.join("local-cross-entropy-12-8-tanh-lr0.001").exists());
    assert!(tree.join("dfa-12-8-tanh-lr0.01/seed-1/history.csv").is_file());
    let (report, _) = bench.run(PIPELINE);
    assert_eq!(counts(&report), (10, 10, 0, 0), "results that the run tree does not show are kept");
}

#[test]
fn comments_and_order_change_no_key_and_more_seeds_keep_the_first() {
    let bench = Bench::new(2, 1);
    bench.run(PIPELINE);
    let rewritten = PIPELINE
        .replace("Grid(", "// a comment\n Grid(")
        .replace("[Backprop, Dfa, ", "[Dfa, Backprop, ")
        .replace("name: \"rules\"", "name: \"renamed\"")
        .replace("grid: \"rules\"", "grid: \"renamed\"")
        .replace("seeds: 2", "seeds: 3, may_diverge: true");
    let (report, _) = bench.run(&rewritten);
    assert_eq!(counts(&report), (15, 10, 5, 0));
}

#[test]
fn threads_and_populations_change_no_result() {
    let text = &PIPELINE.replace("[Backprop, ", "[Pepita, ForwardForward, Backprop, ");
    let reference = Bench::new(1, 1);
    reference.run(text);
    for (jobs, largest) in [(2, 1), (1, 8), (2, 3)] {
        let bench = Bench::new(jobs, largest);
        let (report, _) = bench.run(text);
        assert_eq!(counts(&report), (14, 0, 14, 0));
        assert_eq!(bench.contents(text), reference.contents(text), "{jobs} jobs, populations of {largest}");
    }
}

#[test]
fn a_plan_lists_missing_trials_and_the_reason() {
    let bench = Bench::new(2, 1);
    let missing = |text: &str| -> Vec<PlannedTrial> {
        bench.trials(text).into_iter().filter(|trial| trial.artifact.is_none()).collect()
    };
    let first = missing(PIPELINE);
    assert_eq!(first.len(), 10);
    let nearest =
        |trial: &PlannedTrial| bench.context().store.nearest(&trial.key_text).expect("the store is whole");
    assert_eq!(nearest(&first[0]), None);
    bench.run(PIPELINE);
    assert!(missing(PIPELINE).is_empty());
    let edited = PIPELINE.replace("epochs: 2", "epochs: 3");
    let (_, differences) = nearest(&missing(&edited)[0]).expect("there is a neighbour");
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert_eq!(differences[0].path, "settings.epochs");
    assert_eq!((differences[0].old.as_deref(), differences[0].new.as_deref()), (Some("2"), Some("3")));
}

#[test]
fn an_interrupted_run_keeps_finished_trials_and_continues_to_the_same_bytes() {
    let undisturbed = Bench::new(1, 1);
    undisturbed.run(PIPELINE);
    let bench = Bench::new(1, 1);
    let witness = Witness::new(Some(3));
    let report = bench.run_with(PIPELINE, &witness);
    assert!(report.interrupted);
    assert_eq!((report.trained, report.failed.len()), (3, 0));
    let links = walkdir::WalkDir::new(bench.path("runs"))
        .into_iter()
        .map(|entry| entry.expect("an entry").into_path());
    assert!(links.into_iter().all(|path| path.exists()), "no link leads nowhere");
    assert_eq!(fs::read_dir(bench.path("work")).expect("the work folder").count(), 0);
    let (report, _) = bench.run(PIPELINE);
    assert_eq!(counts(&report), (10, 3, 7, 0));
    assert_eq!(bench.contents(PIPELINE), undisturbed.contents(PIPELINE));
}

#[test]
fn a_diverged_trial_is_a_result_and_changes_no_other_trial() {
    let wild = PIPELINE.replace("[Backprop, Dfa, Drtp, ", "[Drtp, ").replace("[1e-3]", "[1e-3, 1e38]");
    let calm = wild.replace("[1e-3, 1e38]", "[1e-3]");
    let (with, without) = (Bench::new(1, 8), Bench::new(1, 8));
    let (report, tables) = with.run(&wild);
    without.run(&calm);
    assert!(report.failed.is_empty() && !report.diverged.is_empty());
    assert!(tables[0].contains("2 diverged") && tables[0].contains("0/2"), "{}", tables[0]);
    assert_eq!(with.contents(&calm), without.contents(&calm));
    let (again, _) = with.run(&wild);
    assert_eq!(again.trained, 0, "a diverged trial is not tried again");
    assert_eq!(again.diverged.len(), report.diverged.len());
    let expected = wild.replace("seeds: 2", "seeds: 2, may_diverge: true");
    let (expected, _) = with.run(&expected);
    assert!(expected.trained == 0 && expected.diverged.is_empty());
}

#[test]
fn early_stopping_ends_trials_one_by_one() {
    let text = PIPELINE
        .replace("epochs: 2", "epochs: 12, early_stopping: (metric: \"error_rate/validation\", patience: 1)")
        .replace("[1e-3]", "[1e-2]");
    let (one_by_one, together) = (Bench::new(2, 1), Bench::new(2, 10));
    one_by_one.run(&text);
    together.run(&text);
    assert_eq!(one_by_one.contents(&text), together.contents(&text));
    let epochs = |trial: PlannedTrial| {
        let history = trial.artifact.expect("done").read("history.csv").expect("whole");
        let history = History::from_csv(&String::from_utf8(history).expect("text")).expect("a history");
        history.epochs().len()
    };
    let epochs: Vec<usize> = one_by_one.trials(&text).into_iter().map(epochs).collect();
    assert!(epochs.iter().any(|epochs| *epochs < 12), "{epochs:?}");
}

#[test]
fn reconstruction_reduces_its_loss() {
    let text = PIPELINE
        .replace("algorithm: [Backprop, Dfa, Drtp, LocalLoss(CrossEntropy), ", "algorithm: [Backprop, Dfa, ")
        .replace("epochs: 2", "epochs: 4, task: Reconstruction")
        .replace("error_rate/test", "loss/test");
    let bench = Bench::new(2, 1);
    bench.run(&text);
    for trial in bench.trials(&text) {
        let history = trial.artifact.expect("done").read("history.csv").expect("whole");
        let history = History::from_csv(&String::from_utf8(history).expect("text")).expect("a history");
        let losses: Vec<f64> = history.series(&Metric::Loss(Split::Train)).map(|(_, loss)| loss).collect();
        assert!(losses[3] < losses[0], "{} {losses:?}", trial.trial.configuration);
        assert_eq!(history.last(&Metric::ErrorRate(Split::Train)), None);
    }
}

#[test]
fn a_trial_holds_history_weights_feedback_and_events() {
    let bench = Bench::new(2, 1);
    bench.run(PIPELINE);
    let folder = bench.path("runs/small/trials/dfa-12-8-tanh-lr0.001/seed-1");
    let bytes = fs::read(folder.join("weights.safetensors")).expect("it is there");
    let (arrays, _) = model::checkpoint::from_bytes(&bytes).expect("the file is whole");
    let shapes: Vec<(&str, &[usize])> =
        arrays.iter().map(|array| (array.name.as_str(), array.shape.as_slice())).collect();
    let expected: [(&str, &[usize]); 8] = [
        ("layer_1/bias", &[12]),
        ("layer_1/feedback", &[12, 10]),
        ("layer_1/weight", &[784, 12]),
        ("layer_2/bias", &[8]),
        ("layer_2/feedback", &[8, 10]),
        ("layer_2/weight", &[12, 8]),
        ("output/bias", &[10]),
        ("output/weight", &[8, 10]),
    ];
    assert_eq!(shapes, expected);
    let names = fs::read_dir(&folder).expect("the folder").map(|entry| entry.expect("an entry").file_name());
    assert!(names.into_iter().any(|name| name.to_string_lossy().starts_with("events.out.tfevents")));
}

#[test]
fn a_damaged_result_is_never_used() {
    let bench = Bench::new(2, 1);
    bench.run(PIPELINE);
    let history = bench.path("runs/small/trials/dfa-12-8-tanh-lr0.001/seed-1/history.csv");
    let text = fs::read_to_string(&history).expect("the history");
    fs::write(&history, &text[..text.len() / 2]).expect("the file can be damaged");
    let trials = bench.trials(PIPELINE);
    let mut damaged = trials.iter().filter(|planned| planned.damage.is_some());
    let planned = damaged.next().expect("the damage is seen");
    assert!(planned.artifact.is_none() && damaged.next().is_none());
    assert!(planned.damage.as_ref().is_some_and(|damage| damage.contains("history.csv: expected")));
    assert_eq!(
        (planned.trial.configuration.slug().as_str(), planned.trial.seed),
        ("dfa-12-8-tanh-lr0.001", 1)
    );
}

#[test]
fn drtp_with_relu_grows_without_bound_and_counts_as_diverged() {
    // The loss exceeds 1e5 and stays finite.
    let text = PIPELINE
        .replace("[Backprop, Dfa, Drtp, LocalLoss(CrossEntropy), LocalLoss(MeanSquaredError)]", "[Drtp]")
        .replace("[[12, 8]]", "[[100, 100]], activation: [Relu]")
        .replace("[1e-3]", "[1e-2]")
        .replace("epochs: 2", "epochs: 20");
    let bench = Bench::new(2, 1);
    let (report, tables) = bench.run(&text);
    assert_eq!(report.diverged.len(), 2, "{tables:?}");
    for (_, reason) in &report.diverged {
        assert!(reason.contains("is more than 100 times"), "{reason}");
    }
    assert!(tables[0].contains("0/2") && !tables[0].contains("best drtp"), "{}", tables[0]);
}

#[test]
fn stages_may_swap_names_and_results_are_never_overwritten() {
    let bench = Bench::new(2, 1);
    bench.run(PIPELINE);
    let summary = fs::canonicalize(bench.path("runs/small/report")).expect("the link is not broken");
    let files = || fs::read_dir(&summary).expect("the summary").count();
    let before = files();
    let swapped = PIPELINE
        .replace("\"trials\"", "\"swapped\"")
        .replace("\"report\"", "\"trials\"")
        .replace("\"swapped\"", "\"report\"");
    let (report, tables) = bench.run(&swapped);
    assert_eq!((counts(&report), tables.len()), ((10, 10, 0, 0), 1));
    assert!(bench.path("runs/small/report/dfa-12-8-tanh-lr0.001/seed-0/history.csv").is_file());
    assert!(bench.path("runs/small/trials/table.md").is_file());
    assert_eq!(files(), before);
    bench.run(PIPELINE);
    let without = PIPELINE
        .replace("        Summarize(name: \"report\", of: [\"trials\"], metric: \"error_rate/test\"),\n", "");
    bench.run(&without);
    assert!(!bench.path("runs/small/report").is_symlink(), "a deleted stage has no link");
    assert_eq!(files(), before);
}

#[test]
fn a_table_of_validation_shows_the_test_split_of_the_same_epoch() {
    let bench = Bench::new(2, 1);
    let text = PIPELINE.replace("error_rate/test", "error_rate/validation");
    let (_, tables) = bench.run(&text);
    assert!(tables[0].contains("| error_rate/validation % | error_rate/test % |"), "{}", tables[0]);
    let planned = bench.trials(&text).remove(0);
    let (name, seed) = (planned.trial.configuration.slug(), planned.trial.seed.to_string());
    let history = planned.artifact.expect("done").read("history.csv").expect("whole");
    let history = History::from_csv(&String::from_utf8(history).expect("text")).expect("a history");
    let (_, test) =
        history.last(&Metric::ErrorRate(Split::Test)).expect("with a holdout, the test split is measured");
    let csv = fs::read_to_string(bench.path("runs/small/report/trials.csv")).expect("the file");
    let mut rows = csv.lines().map(|line| line.split(',').collect::<Vec<&str>>());
    let head = rows.next().expect("a head");
    let column = |name: &str| head.iter().position(|known| *known == name).expect(name);
    let is_trial = |row: &Vec<&str>| row[column("configuration")] == name && row[column("seed")] == seed;
    let row = rows.find(is_trial).expect("a row for each trial");
    assert_eq!(row[column("test")], test.to_string(), "{csv}");
}

/// Two rules with two batch sizes each.
fn with_batch_sizes() -> String {
    PIPELINE
        .replace("LocalLoss(CrossEntropy), LocalLoss(MeanSquaredError)", "")
        .replace("Backprop, Dfa, Drtp, ", "Backprop, Dfa")
        .replace("[1e-3],", "[1e-3], batch_size: [20, 40],")
        .replace("batch_size: 20, ", "")
}

#[test]
fn batch_sizes_of_a_grid_give_the_trials_of_stages_with_these_batch_sizes() {
    let text = with_batch_sizes();
    let bench = Bench::new(2, 8);
    let (report, tables) = bench.run(&text);
    assert_eq!(counts(&report), (8, 0, 8, 0));
    assert!(tables[0].contains("dfa 12-8 tanh lr0.001 batch40"), "{}", tables[0]);
    assert!(bench.path("runs/small/trials/dfa-12-8-tanh-lr0.001-batch40/seed-1/history.csv").is_file());
    // 160 training examples in batches of 20 or 40.
    let csv = fs::read_to_string(bench.path("runs/small/report/trials.csv")).expect("the file");
    for (size, step) in [("20", "16"), ("40", "8")] {
        let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<&str>>());
        let head = lines.next().expect("a head");
        let column = |name: &str| head.iter().position(|known| *known == name).expect(name);
        let of_size: Vec<Vec<&str>> = lines.filter(|line| line[column("batch_size")] == size).collect();
        assert_eq!(of_size.len(), 4, "{csv}");
        assert!(of_size.iter().all(|line| line[column("step")] == step), "{csv}");
    }
    for size in [20, 40] {
        // The stage may give the batch size: nothing is new.
        let of_stage = text
            .replace(", batch_size: [20, 40]", "")
            .replace("epochs: 2", &format!("epochs: 2, batch_size: {size}"));
        let (report, tables) = bench.run(&of_stage);
        assert_eq!(counts(&report), (4, 4, 0, 0));
        assert!(!tables[0].contains("batch"), "{}", tables[0]);
    }
    // Alone, each trial is the same: its population had its batch size.
    let alone = Bench::new(1, 1);
    alone.run(&text);
    assert_eq!(alone.contents(&text), bench.contents(&text));
}

#[test]
fn a_batch_that_is_too_large_is_refused_before_any_trial_begins() {
    let text = with_batch_sizes().replace("[20, 40]", "[20, 161]");
    let bench = Bench::new(1, 1);
    let pipeline = Pipeline::parse("test.ron", &text).expect("the file is right");
    let planned = bench.trials(&text);
    let Stage::Train(train) = &pipeline.stages[2] else { panic!("a train stage") };
    let missing: Vec<&PlannedTrial> = planned.iter().collect();
    let error = runner::estimate(&bench.context(), train, &missing, 1).expect_err("no such batch");
    assert_eq!(error.to_string(), "`trials`: a batch of 161 needs more than the 160 training examples");
    let missing: Vec<&PlannedTrial> =
        missing.into_iter().filter(|planned| planned.trial.configuration.batch_size == Some(20)).collect();
    assert!(runner::estimate(&bench.context(), train, &missing, 1).is_ok());
}

#[test]
fn a_time_is_estimated_from_a_step_of_each_rule_and_batch_size() {
    let text = with_batch_sizes();
    let bench = Bench::new(1, 1);
    let pipeline = Pipeline::parse("test.ron", &text).expect("the file is right");
    let planned = bench.trials(&text);
    let Stage::Train(train) = &pipeline.stages[2] else { panic!("a train stage") };
    let missing: Vec<&PlannedTrial> = planned.iter().collect();
    let estimate = runner::estimate(&bench.context(), train, &missing, 1).expect("it can be timed");
    let timed: Vec<(&str, u32)> =
        estimate.timed.iter().map(|step| (step.algorithm.name(), step.batch_size)).collect();
    assert_eq!(timed, [("backprop", 20), ("backprop", 40), ("dfa", 20), ("dfa", 40)]);
}
