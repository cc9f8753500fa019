//! Summaries: winners, comparisons, reports, and grids of winners in later stages.

use std::fs;

use results::summary;
use runner::{
    plan::StagePlan,
    run::{RunReport, RunSettings},
};
use spec::{Override, Pipeline};
use tests::{Bench, SMALL_PIPELINE, Witness};
use tuner::{Outcome, ranking::Best};

/// A pipeline of two rules with two rates each, which trains the winners longer.
const SEARCH: &str = r#"Pipeline(
    name: "search",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 200, test: 50), holdout: 0.2),
        Grid(name: "rates", axes: (
            algorithm: [Backprop, Drtp], hidden: [[12]], learning_rate: [1e-6, 1e-2],
        )),
        Train(name: "short", dataset: "images", grid: "rates", epochs: 2, batch_size: 20, seeds: 2),
        Summarize(name: "best", of: ["short"], metric: "loss/validation", epoch: Best),
        Grid(name: "winners", axes: BestOf("best")),
        Train(name: "long", dataset: "images", grid: "winners", epochs: 3, batch_size: 20, seeds: [5, 6, 7]),
        Summarize(name: "report", of: ["long"], metric: "error_rate/test", rank_by: "loss/validation", baseline: Backprop),
    ],
)"#;

#[test]
fn the_winners_of_a_search_are_the_next_grid_each_with_its_own_rate() {
    let bench = Bench::new(2, 1);
    let plans = |bench: &Bench| {
        let pipeline = Pipeline::parse("test.ron", SEARCH).expect("the file is right");
        runner::plan::plan(&bench.context(), &pipeline).expect("the store is whole")
    };
    let waiting = plans(&bench).into_iter().find_map(|plan| match plan {
        StagePlan::Train { name, waiting, .. } if name == "long" => waiting,
        _ => None,
    });
    assert_eq!(waiting.map(|waiting| (waiting.summary, waiting.trials)), Some(("best".to_owned(), Some(8))));
    let (report, tables) = bench.run(SEARCH);
    assert_eq!((report.trials, report.trained, tables.len()), (14, 14, 2), "{report:?}");
    let long: Vec<(&str, f64, u64)> = Vec::new();
    let mut trained = long;
    let trials = bench.trials(SEARCH);
    for planned in trials.iter().filter(|planned| planned.trial.seed >= 5) {
        let configuration = &planned.trial.configuration;
        trained.push((configuration.algorithm.name(), configuration.learning_rate, planned.trial.seed));
        let result = planned.result().expect("readable").expect("it is done");
        assert_eq!((result.outcome.clone(), result.epochs), (Outcome::Finished, 3));
    }
    let expected: Vec<(&str, f64, u64)> =
        ["backprop", "drtp"].into_iter().flat_map(|rule| [5, 6, 7].map(|seed| (rule, 1e-2, seed))).collect();
    trained.sort_by(|one, other| (one.0, one.2).cmp(&(other.0, other.2)));
    assert_eq!(trained, expected);
    // And everything is found again.
    let (report, _) = bench.run(SEARCH);
    assert_eq!((report.skipped, report.trained), (14, 0), "{report:?}");
    assert!(plans(&bench).iter().all(|plan| !matches!(plan, StagePlan::Summarize { done: false, .. })));
}

/// A random search over two rules, and its best configurations with more seeds.
const RANDOM_SEARCH: &str = r#"Pipeline(
    name: "random",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 200, test: 50), holdout: 0.2),
        Grid(name: "points", axes: Random(count: 4, seed: 0, axes: (
            algorithm: [Backprop, Drtp], hidden: [[12], [8]], learning_rate: LogUniform(1e-4, 1e-1),
        ))),
        Train(name: "search", dataset: "images", grid: "points", epochs: 1, batch_size: 20, seeds: 1),
        Summarize(name: "best", of: ["search"], metric: "loss/validation"),
        Grid(name: "winners", axes: BestOf(stage: "best", count: 3)),
        Train(name: "final", dataset: "images", grid: "winners", epochs: 1, batch_size: 20, seeds: 2),
        Summarize(name: "report", of: ["final"], metric: "error_rate/test", rank_by: "loss/validation"),
    ],
)"#;

#[test]
fn the_best_three_of_a_search_get_more_seeds_and_keep_the_trials_of_the_search() {
    let bench = Bench::new(2, 1);
    let (report, _) = bench.run(RANDOM_SEARCH);
    // Eight trials of the search; three of each rule with two seeds, of which the search trained one.
    assert_eq!((report.trials, report.trained, report.skipped), (20, 14, 6), "{report:?}");
    for (summary, sentence) in [
        ("best", "4 random points per rule, seed 0"),
        ("report", "the best 3 of each group of stage best, from 4 random points per rule, seed 0"),
    ] {
        for file in ["report.html", "table.tex"] {
            let path = bench.path(&format!("runs/random/{summary}/{file}"));
            let text = fs::read_to_string(path).expect("the file");
            assert!(text.contains(sentence), "{summary}/{file} lacks `{sentence}`: {text}");
        }
    }
    // The search is counted with the final trials: of each rule, four trials of the search and three new ones, an epoch each.
    let rows: Vec<String> = budget_rows(&bench, "random/report");
    assert!(rows.iter().all(|row| row.contains(">4</td>") && row.contains(">7</td>")), "{rows:?}");
    assert_eq!(rows.len(), 2);
    // Trained before, so only the new points and seeds are missing.
    let (report, _) = bench.run(&RANDOM_SEARCH.replace("seeds: 2", "seeds: 4"));
    assert_eq!((report.trained, report.skipped), (12, 20), "{report:?}");
    // A group gives what it has.
    let (report, _) = bench.run(&RANDOM_SEARCH.replace("count: 3", "count: 9"));
    assert_eq!((report.trials, report.skipped), (24, 20 + 2), "{report:?}");
}

/// Returns the table of budgets of a report without its times.
fn budget_rows(bench: &Bench, summary: &str) -> Vec<String> {
    let page = fs::read_to_string(bench.path(&format!("runs/{summary}/report.html"))).expect("the page");
    let section = page.split("<section id=\"budget\">").nth(1).expect("a budget");
    let body = section.split("<tbody>").nth(1).and_then(|rest| rest.split("</tbody>").next()).expect("rows");
    let without_time = |row: &str| row.rsplit_once("<td").map(|(counts, _)| counts.to_owned());
    body.lines().filter_map(without_time).collect()
}

#[test]
fn a_budget_keeps_the_first_points_of_each_rule_and_chooses_the_winners_among_them() {
    let bench = Bench::new(2, 1);
    let text = RANDOM_SEARCH
        .replace("count: 4", "count: 6")
        .replace("\"loss/validation\"),\n        Grid", "\"loss/validation\", budget: 4),\n        Grid");
    bench.run(&text);
    let lines =
        |file: &str| fs::read_to_string(bench.path(&format!("runs/random/best/{file}"))).expect("the file");
    let shown = lines("configurations.csv").lines().skip(1).count();
    assert_eq!(shown, 8, "four of each rule: {}", lines("configurations.csv"));
    let note = "Budget: the first 4 configurations of each rule; 4 more were trained and are left out.";
    assert!(lines("table.md").contains(note), "{}", lines("table.md"));
    // The winners and the count of their search are those of the first four points.
    let first = fs::read_to_string(bench.path("runs/random/best/best.ron")).expect("winners");
    assert!(budget_rows(&bench, "random/report").iter().all(|row| row.contains(">4</td>")));
    let (_, tables) = bench.run(RANDOM_SEARCH);
    assert_eq!(fs::read_to_string(bench.path("runs/random/best/best.ron")).expect("winners"), first);
    assert!(!tables[0].contains("Budget"), "{}", tables[0]);
}

#[test]
fn a_larger_count_of_a_search_adds_trials_and_keeps_those_before() {
    let bench = Bench::new(2, 1);
    for method in ["Random", "Quasi"] {
        let text = RANDOM_SEARCH.split("        Summarize").next().expect("the search").to_owned() + "]\n)";
        let text = text.replace("Random(", &format!("{method}("));
        bench.run(&text);
        let more = text.replace("count: 4", "count: 7");
        let pipeline = Pipeline::parse("test.ron", &more).expect("the file is right");
        let plans = runner::plan::plan(&bench.context(), &pipeline).expect("the store is whole");
        let [_, _, StagePlan::Train { trials, .. }] = plans.as_slice() else { panic!("{plans:?}") };
        let is_missing: Vec<bool> = trials.iter().map(|trial| trial.artifact.is_none()).collect();
        let of_rule = [false, false, false, false, true, true, true];
        assert_eq!(is_missing, [of_rule, of_rule].concat(), "{method}");
    }
}

#[test]
fn the_table_says_if_this_or_an_earlier_stage_selected_on_test_data() {
    let bench = Bench::new(2, 1);
    let (_, tables) = bench.run(SEARCH);
    assert!(!tables[1].contains("on test data"), "{}", tables[1]);
    // Without a holdout, validation is the official test split.
    let text = SEARCH
        .replace(", holdout: 0.2", "")
        .replace("metric: \"error_rate/test\", rank_by: \"loss/validation\"", "metric: \"error_rate/train\"");
    let (_, tables) = bench.run(&text);
    assert!(tables[1].contains("`best` chose these configurations on test data."), "{}", tables[1]);
}

#[test]
fn a_mean_of_the_last_epochs_is_reported_ranked_and_tested_and_names_no_epoch() {
    let bench = Bench::new(2, 1);
    let text = SMALL_PIPELINE.replace("epochs: 2", "epochs: 3").replace(
        "metric: \"error_rate/test\"",
        "metric: \"error_rate/validation\", rank_by: \"loss/validation\", epoch: MeanOfLast(2)",
    );
    let (_, tables) = bench.run(&text);
    assert!(tables[0].contains(", mean of the last 2 epochs; mean ± sample"), "{}", tables[0]);
    assert!(!tables[0].contains("best epoch"), "{}", tables[0]);
    let folder = bench.path("runs/small/report");
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("text");
    assert!(read("report.html").contains("mean of the last 2 epochs of each trial"));
    assert!(read("table.tex").contains("(mean of the last 2 epochs)"));
    let lines = read("trials.csv");
    let header: Vec<&str> = lines.lines().next().expect("a header").split(',').collect();
    for planned in bench.trials(&text) {
        let artifact = planned.artifact.as_ref().expect("done");
        let history = results::trial::history(artifact).expect("readable");
        let mean = |metric: &str| {
            let metric = metric.parse().expect("a metric");
            let value = |epoch| history.at(epoch, &metric).expect("measured");
            (value(2) + value(3)) / 2.0
        };
        let line = lines.lines().find(|line| line.contains(&planned.key.to_string())).expect("its line");
        let cells: Vec<&str> = line.split(',').collect();
        let cell = |name: &str| {
            // Cells further left may have commas in quotes.
            let from_right = header.iter().rev().position(|other| *other == name).expect("a column");
            cells[cells.len() - 1 - from_right]
        };
        for (name, metric) in [
            ("value", "error_rate/validation"),
            ("ranked_by", "loss/validation"),
            ("test", "error_rate/test"),
        ] {
            assert_eq!(cell(name).parse::<f64>().expect("a number"), mean(metric), "{line}");
        }
        assert_eq!([cell("epochs"), cell("epoch"), cell("step")], ["3", "", ""], "{line}");
    }
}

#[test]
fn a_search_that_is_not_finished_chooses_nothing() {
    let bench = Bench::new(1, 1);
    let report = bench.run_with(SEARCH, &Witness::new(Some(3)));
    assert!(report.interrupted && report.trained == 3, "{report:?}");
    // A trial that always fails leaves its search unfinished, so that the long trials do not start.
    let hopeless = SEARCH.replace("hidden: [[12]]", "hidden: [[12], [4000, 4000]]");
    let report = within(&bench, &hopeless, 50_000_000);
    let [(stage, reason)] = report.waiting.as_slice() else { panic!("{report:?}") };
    assert_eq!(stage, "long");
    assert_eq!(reason, "`best` chooses its configurations, and 8 of its trials are not finished");
    assert_eq!((report.failed.len(), report.trained), (8, 5), "{report:?}");
}

fn within(bench: &Bench, text: &str, memory: u64) -> RunReport {
    let pipeline = Pipeline::parse("test.ron", text).expect("the file is right");
    let witness = Witness::new(None);
    let settings = RunSettings {
        jobs: 1,
        largest_population: Some(1),
        memory: Some(memory),
        fail_fast: false,
        interrupt: &std::sync::atomic::AtomicBool::new(false),
        reporter: &witness,
        build: "test",
    };
    runner::run::run(&bench.context(), &pipeline, settings).expect("the run is possible")
}

#[test]
fn published_values_are_compared_with_ours_and_missed_ones_are_reported() {
    let expecting = |value: f64| {
        SMALL_PIPELINE.replace(
            "metric: \"error_rate/test\"",
            &format!(
                "metric: \"error_rate/test\", expect: [(of: (algorithm: Dfa), value: {value:?}, within: 1.0, source: \"a paper\")]"
            ),
        )
    };
    let bench = Bench::new(2, 1);
    let (report, tables) = bench.run(&expecting(-50.0));
    assert!(tables[0].contains("| FAIL"), "{}", tables[0]);
    let [missed] = report.missed.as_slice() else { panic!("{report:?}") };
    assert!(
        missed.starts_with("report: dfa: published -50 (a paper), allowed distance 1.00, ours "),
        "{missed}"
    );
    let ours: f64 = missed.rsplit(' ').next().and_then(|ours| ours.parse().ok()).expect("a number");
    let (report, tables) = bench.run(&expecting(ours + 0.9));
    assert_eq!((report.missed.len(), report.trained), (0, 0));
    assert!(tables[0].contains("| PASS"), "{}", tables[0]);
}

/// Two datasets, on one of which only DFA is trained, and on the other only backpropagation.
const TWO_DATASETS: &str = r#"Pipeline(name: "two", stages: [
    Dataset(name: "easy", source: Glyphs(train: 200, test: 50, seed: 1)),
    Dataset(name: "hard", source: Glyphs(train: 60, test: 50, seed: 2)),
    Grid(name: "dfa", axes: (algorithm: [Dfa], hidden: [[12]], learning_rate: [1e-3])),
    Grid(name: "bp", axes: (algorithm: [Backprop], hidden: [[12]], learning_rate: [1e-3])),
    Train(name: "on-easy", dataset: "easy", grid: "dfa", epochs: 2, batch_size: 20, seeds: 3),
    Train(name: "on-hard", dataset: "hard", grid: "bp", epochs: 2, batch_size: 20, seeds: 3),
    Summarize(name: "s", of: ["on-easy", "on-hard"], metric: "error_rate/validation", baseline: Backprop),
])"#;

#[test]
fn datasets_are_ranked_and_compared_apart_from_each_other() {
    let bench = Bench::new(2, 4);
    let (_, tables) = bench.run(TWO_DATASETS);
    assert!(tables[0].contains("Dataset easy:") && tables[0].contains("Dataset hard:"), "{}", tables[0]);
    assert_eq!(tables[0].matches("\n| 1 ").count(), 2, "{}", tables[0]);
    assert!(!tables[0].contains("against baseline"), "there are no pairs: {}", tables[0]);
    assert!(tables[0].contains("The best configuration of each rule, by dataset:"), "{}", tables[0]);
    let csv = fs::read_to_string(bench.path("runs/two/s/configurations.csv")).expect("the file");
    let mut reader = csv.lines().map(|line| line.split(',').collect::<Vec<&str>>());
    let head = reader.next().expect("a head");
    let column = |name: &str| head.iter().position(|known| *known == name).expect("a column");
    for line in reader {
        assert_eq!(
            (line[column("rank")], line[column("difference")], line[column("p")]),
            ("1", "", ""),
            "{csv}"
        );
    }
    assert!(bench.path("runs/two/s/pivot.tex").exists());
    // An expectation says which of the datasets it is about.
    let expecting = |dataset: &str| {
        let expected = format!(
            "baseline: Backprop, expect: [(of: (algorithm: Dfa), {dataset} value: 50.0, within: 100.0, source: \"s\")]"
        );
        TWO_DATASETS.replace("baseline: Backprop", &expected)
    };
    let problems = Pipeline::parse("two.ron", &expecting("")).expect_err("ambiguous").to_string();
    assert!(problems.contains("the trials are of 2 datasets: easy, hard"), "{problems}");
    let (_, tables) = bench.run(&expecting("dataset: \"easy\","));
    assert!(tables[0].contains("| PASS"), "{}", tables[0]);
    let (_, tables) = bench.run(&expecting("dataset: \"hard\","));
    assert!(tables[0].contains("| NOT RUN"), "{}", tables[0]);
}

#[test]
fn a_configuration_is_compared_with_the_baseline_of_the_same_axis_values() {
    let text = r#"Pipeline(name: "within", stages: [
        Dataset(name: "images", source: Glyphs(train: 200, test: 50)),
        Grid(name: "grid", axes: (
            algorithm: [Backprop, Dfa], hidden: [[12]], activation: [Tanh, Relu], learning_rate: [1e-3, 1e-2],
        )),
        Train(name: "trials", dataset: "images", grid: "grid", epochs: 2, batch_size: 20, seeds: 3),
        Summarize(
            name: "s", of: ["trials"], metric: "loss/validation", baseline: Backprop,
            best_per: [Algorithm, Activation], compare_within: [Activation], pivot: Activation,
        ),
    ])"#;
    let bench = Bench::new(2, 4);
    let (_, tables) = bench.run(text);
    assert!(tables[0].contains("the baseline with the same activation"), "{}", tables[0]);
    assert_eq!(tables[0].matches("baseline |").count(), 2, "one for each activation: {}", tables[0]);
    assert!(tables[0].contains("The best configuration of each rule, by activation:"), "{}", tables[0]);
    let trials = fs::read_to_string(bench.path("runs/within/s/configurations.csv")).expect("the file");
    let mut lines = trials.lines().map(|line| line.split(',').collect::<Vec<&str>>());
    let head = lines.next().expect("a head");
    let column = |name: &str| head.iter().position(|known| *known == name).expect("a column");
    let lines: Vec<Vec<&str>> = lines.collect();
    for line in &lines {
        let own = line[column("activation")];
        let baseline = lines
            .iter()
            .find(|other| other[column("is_baseline")] == "true" && other[column("activation")] == own);
        let mean = |line: &[&str]| line[column("mean")].parse::<f64>().expect("a number");
        let difference = mean(line) - mean(baseline.expect("one for each activation"));
        let stated = line[column("difference")].parse::<f64>().unwrap_or(0.0);
        assert!((difference - stated).abs() < 1e-9, "{trials}");
    }
    let page = fs::read_to_string(bench.path("runs/within/s/report.html")).expect("a page");
    assert!(page.contains("each of 4 groups") && page.contains("dfa, activation relu"), "lines of groups");
}

#[test]
fn a_summary_has_one_table_in_every_format() {
    let bench = Bench::new(2, 1);
    let text = SMALL_PIPELINE
        .replace("metric: \"error_rate/test\"", "metric: \"error_rate/test\", baseline: Backprop");
    bench.run(&text);
    let folder = bench.path("runs/small/report");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "best.ron",
            "configurations.csv",
            "history.csv",
            "hparams",
            "key.ron",
            "manifest.ron",
            "report.html",
            "table.md",
            "table.tex",
            "trials.csv",
        ]
    );
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("text");
    let rows = |name: &str| read(name).lines().count() - 1;
    // Five rules, two seeds; two epochs of three losses and three error rates.
    assert_eq!((rows("configurations.csv"), rows("trials.csv"), rows("history.csv")), (5, 10, 120));
    for (rule, title) in [
        ("backprop", "Backpropagation"),
        ("dfa", "DFA"),
        ("drtp", "DRTP"),
        ("local-cross-entropy", "Local loss (cross-entropy)"),
        ("local-mse", "Local loss (squared error)"),
    ] {
        for name in ["table.md", "report.html", "best.ron"] {
            assert!(read(name).contains(rule), "{name} lacks {rule}");
        }
        assert!(read("table.tex").contains(title), "{}", read("table.tex"));
    }
    // The last value of a trial is the same in both files.
    let trials = bench.trials(&text);
    let history = fs::read_to_string(trials[0].artifact.as_ref().expect("done").path().join("history.csv"));
    let history = history.expect("text");
    let last = history.lines().last().and_then(|line| line.split(',').nth(1)).expect("a value");
    assert!(read("history.csv").contains(&format!(",{last}\n")), "{last}");
    // 160 training examples in batches of 20.
    assert!(read("history.csv").contains(",seed,epoch,step,metric,value\n"));
    assert!(read("history.csv").contains(",0,2,16,loss/train,"));
}

#[test]
fn reports_are_made_from_finished_trials_without_training() {
    let bench = Bench::new(1, 1);
    let text = SMALL_PIPELINE;
    bench.run_with(text, &Witness::new(Some(4)));
    let pipeline = Pipeline::parse("test.ron", text).expect("the file is right");
    let witness = Witness::new(None);
    let settings = RunSettings {
        jobs: 1,
        largest_population: None,
        memory: None,
        fail_fast: false,
        interrupt: &std::sync::atomic::AtomicBool::new(false),
        reporter: &witness,
        build: "test",
    };
    let report = runner::run::report(&bench.context(), &pipeline, settings).expect("the store is whole");
    assert_eq!(report.trained, 0);
    let table = fs::read_to_string(bench.path("runs/small/report/table.md")).expect("it was made");
    assert!(table.contains("2 missing") && table.contains("| 0/2 |"), "{table}");
}

#[test]
fn reconstructions_are_shown_in_the_report() {
    let bench = Bench::new(2, 1);
    let text = SMALL_PIPELINE
        .replace(
            "[Backprop, Dfa, Drtp, LocalLoss(CrossEntropy), LocalLoss(MeanSquaredError)]",
            "[Backprop, Dfa]",
        )
        .replace("seeds: 2", "seeds: 2, task: Reconstruction, trackers: [Images]")
        .replace("error_rate/test", "loss/test");
    bench.run(&text);
    let page = fs::read_to_string(bench.path("runs/small/report/report.html")).expect("a page");
    assert_eq!(page.matches("data:image/png;base64,").count(), 4, "weights and reconstructions of two rules");
    assert!(page.contains("originals above reconstructions"));
}

#[test]
fn an_override_is_part_of_the_key() {
    let bench = Bench::new(1, 1);
    bench.run(SMALL_PIPELINE);
    let given: Override = "epochs=1".parse().expect("right");
    let text = given.apply(SMALL_PIPELINE).expect("the stage has the field").text;
    let (report, _) = bench.run(&text);
    assert_eq!((report.skipped, report.trained), (0, 10), "{report:?}");
    let (report, _) = bench.run(&given.apply(&text).expect("the stage has the field").text);
    assert_eq!((report.skipped, report.trained), (10, 0), "{report:?}");
}

#[test]
fn the_winner_is_chosen_by_the_ranking_metric_not_by_the_reported_one() {
    let bench = Bench::new(2, 1);
    bench.run(SEARCH);
    let pipeline = Pipeline::parse("test.ron", SEARCH).expect("the file is right");
    let plans = runner::plan::plan(&bench.context(), &pipeline).expect("the store is whole");
    let [_, _, StagePlan::Train { trials, .. }, ..] = plans.as_slice() else { panic!("{plans:?}") };
    let best = pipeline.stages.iter().find_map(|stage| match stage {
        spec::Stage::Summarize(summarize) if summarize.name == "best" => {
            Some(spec::Summarize::clone(summarize))
        }
        _ => None,
    });
    let best = best.expect("it is there");
    let winners = summary::winners(&best, &[trials.as_slice()], Best::ONE).expect("readable");
    let rates: Vec<(String, f64)> = winners
        .iter()
        .map(|(winner, _)| (winner.best_of.clone(), winner.configuration.learning_rate))
        .collect();
    assert_eq!(rates.len(), 2);
    assert!(rates.iter().all(|(_, rate)| *rate == 1e-2), "{rates:?}");
    // Without groups there is one winner.
    let single = spec::Summarize { best_per: Vec::new(), ..best };
    let winners = summary::winners(&single, &[trials.as_slice()], Best::ONE).expect("readable");
    assert_eq!(winners.len(), 1);
    assert_eq!(winners[0].0.best_of, "all");
}

/// A search over batch sizes, and a stage with a batch size of its own in the same summaries.
const BATCH_SIZES: &str = r#"Pipeline(
    name: "sizes",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 200, test: 50), holdout: 0.2),
        Grid(name: "sizes", axes: (
            algorithm: [Dfa], hidden: [[12]], learning_rate: [1e-2], batch_size: [10, 40],
        )),
        Train(name: "by-grid", dataset: "images", grid: "sizes", epochs: 2, seeds: 2),
        Grid(name: "one", axes: (algorithm: [Dfa], hidden: [[12]], learning_rate: [1e-2])),
        Train(name: "by-stage", dataset: "images", grid: "one", epochs: 2, batch_size: 40, seeds: 2),
        Summarize(
            name: "both", of: ["by-grid", "by-stage"], metric: "loss/validation", best_per: [BatchSize],
            expect: [(of: (batch_size: 40), value: 0.0, within: 100.0, source: "a paper")],
        ),
        Summarize(name: "best", of: ["by-grid"], metric: "loss/validation", best_per: [BatchSize]),
        Grid(name: "winners", axes: BestOf("best")),
        Train(name: "long", dataset: "images", grid: "winners", epochs: 3, seeds: [5]),
    ],
)"#;

#[test]
fn a_summary_compares_batch_sizes_of_grids_and_of_stages() {
    let bench = Bench::new(2, 4);
    let (report, tables) = bench.run(BATCH_SIZES);
    // The stage with 40 has the trials of the grid's 40.
    assert_eq!((report.trials, report.trained, report.skipped), (8, 6, 2), "{report:?}");
    let remarks: Vec<&str> = tables[0].matches("best batch_size 40").collect();
    assert_eq!((remarks.len(), tables[0].matches("best batch_size 10").count()), (1, 1), "{}", tables[0]);
    // A trial that two stages have is counted once.
    for name in ["dfa 12 tanh lr0.01 batch40 ", "dfa 12 tanh lr0.01 batch10 ", "| PASS"] {
        assert!(tables[0].contains(name), "{}", tables[0]);
    }
    let csv = fs::read_to_string(bench.path("runs/sizes/both/configurations.csv")).expect("the file");
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<&str>>());
    let head = lines.next().expect("a head");
    let column = head.iter().position(|name| *name == "batch_size").expect("a column");
    let mut sizes: Vec<(&str, &str)> = lines.map(|line| (line[2], line[column])).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [("by-grid", "10"), ("by-grid+by-stage", "40")], "{csv}");
    let page = fs::read_to_string(bench.path("runs/sizes/both/report.html")).expect("a page");
    for text in ["Batch size (by-grid)", "Batch size (by-stage)", "10, 40"] {
        assert!(page.contains(text), "the page lacks {text}");
    }
}

#[test]
fn the_report_names_the_optimizers_of_its_trials() {
    let bench = Bench::new(2, 1);
    bench.run(
        r#"Pipeline(name: "optimizers", stages: [
            Dataset(name: "images", source: Glyphs(train: 60, test: 20)),
            Grid(name: "grid", axes: (
                algorithm: [Dfa], hidden: [[5]], learning_rate: [1e-2], optimizer: [Sgd(momentum: 0.9), RmsProp],
            )),
            Train(name: "trials", dataset: "images", grid: "grid", epochs: 1, batch_size: 20, seeds: 1),
            Summarize(name: "report", of: ["trials"], metric: "loss/validation"),
        ])"#,
    );
    let page = fs::read_to_string(bench.path("runs/optimizers/report/report.html")).expect("a page");
    assert!(page.contains("rmsprop, sgd-momentum0.9") && !page.contains("Keras"), "the optimizers are named");
}

#[test]
fn winners_train_with_their_own_batch_sizes() {
    let bench = Bench::new(2, 4);
    bench.run(BATCH_SIZES);
    let mut sizes = Vec::new();
    for planned in bench.trials(BATCH_SIZES).iter().filter(|planned| planned.trial.seed == 5) {
        let size = planned.trial.configuration.batch_size.expect("a winner of a search over batch sizes");
        assert!(planned.key_text.as_str().contains(&format!("        batch_size: {size},\n")));
        assert!(planned.artifact.is_some());
        sizes.push(size);
    }
    sizes.sort_unstable();
    assert_eq!(sizes, [10, 40]);
}
