//! Exit codes, messages and hints of the command line.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

const PIPELINE: &str = r#"Pipeline(
    name: "tiny",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 100, test: 20)),
        Grid(name: "rules", axes: (algorithm: [Dfa, Drtp], hidden: [[6]], learning_rate: [1e-3])),
        Train(name: "trials", dataset: "images", grid: "rules", epochs: 1, batch_size: 10, seeds: 1),
        Summarize(name: "report", of: ["trials"], metric: "error_rate/validation"),
    ],
)"#;

/// The exit code and the output of the program.
struct Ended {
    code: Option<i32>,
    out: String,
    errors: String,
}

fn start(folder: &Path, arguments: &[&str], run_by_cargo: bool) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bpfree"));
    command.args(arguments).current_dir(folder).env_remove("BPFREE_DATA").env_remove("BPFREE_ARTIFACTS");
    match run_by_cargo {
        true => command.env("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR")),
        false => command.env_remove("CARGO_MANIFEST_DIR"),
    };
    let output = command.output().expect("the program starts");
    let [out, errors] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ended { code: output.status.code(), out, errors }
}

/// Runs the installed program in `folder`.
fn bpfree(folder: &Path, arguments: &[&str]) -> Ended {
    start(folder, arguments, false)
}

#[track_caller]
fn check_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing:\n{text}");
    }
}

fn folder(pipeline: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("tiny.ron"), pipeline).expect("the folder can be written");
    folder
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    let folder = folder(&PIPELINE.replace("epochs: 1", "epochs: 20"));
    let mut child = Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$0\" run tiny.ron", env!("CARGO_BIN_EXE_bpfree")])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell starts");
    // From the first line on, the program has taken the shell's place.
    let mut errors = BufReader::new(child.stderr.take().expect("it is piped"));
    errors.read_line(&mut String::new()).expect("a line");
    let code = loop {
        if let Some(status) = child.try_wait().expect("it was started") {
            break status.code();
        }
        Command::new("kill").args(["-HUP", &child.id().to_string()]).status().expect("kill starts");
    };
    assert_eq!(code, Some(0));
}

#[test]
fn a_run_exits_with_0_and_a_second_one_trains_nothing() {
    let folder = folder(PIPELINE);
    let first = bpfree(folder.path(), &["run", "tiny.ron", "--jobs", "1"]);
    assert_eq!(first.code, Some(0), "{}", first.errors);
    check_contains(&first.out, &["2 trials: 0 were done, 2 trained now, 0 failed"]);
    check_contains(&first.errors, &["[2/2] drtp 6 tanh lr0.001 seed 0: 1 epoch in "]);
    let second = bpfree(folder.path(), &["run", "tiny.ron"]);
    assert_eq!(second.code, Some(0));
    check_contains(
        &second.out,
        &["2 trials: 2 were done, 0 trained now, 0 failed", "| rank | configuration"],
    );
    let plan = bpfree(folder.path(), &["plan", "tiny.ron"]);
    check_contains(&plan.out, &["2 trials: 2 done, 0 to run", "report            done"]);
}

#[test]
fn a_pipeline_file_may_be_in_any_folder_and_results_are_in_the_current_one() {
    let (files, current) = (folder(PIPELINE), tempfile::tempdir().expect("a temporary folder"));
    let file = files.path().join("tiny.ron").display().to_string();
    let run = bpfree(current.path(), &["run", &file]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    check_contains(&run.out, &["results: artifacts/runs/tiny"]);
    assert!(current.path().join("artifacts/runs/tiny/report/table.md").is_file());
    assert_eq!(
        fs::read_dir(files.path()).expect("the folder").count(),
        1,
        "nothing is written next to the file"
    );
}

#[test]
fn help_and_hints_name_the_command_that_started_the_program() {
    let folder = folder(&PIPELINE.replace("1e-3", "1e38").replace("epochs: 1", "epochs: 2"));
    let [other, checkout] =
        ["bpfree", if cfg!(feature = "cuda") { "cargo xtask-cuda" } else { "cargo xtask" }];
    for (run_by_cargo, program) in [(false, other), (true, checkout)] {
        let help = start(folder.path(), &["run", "--help"], run_by_cargo);
        check_contains(
            &help.out,
            &[
                &format!("Usage: {program} run"),
                &format!("Example: {program} run pipelines/"),
                "130  interrupted",
            ],
        );
        let fetch = start(folder.path(), &["data", "info", "mnist"], run_by_cargo);
        check_contains(
            &fetch.errors,
            &[&format!("note: `{program} data fetch mnist` downloads missing files")],
        );
        let file = format!("{}.ron", run_by_cargo);
        let init = start(folder.path(), &["init", "mnist", "--to", &file], run_by_cargo);
        check_contains(&init.out, &[&format!("next: {program} plan {file}")]);
        let written = fs::read_to_string(folder.path().join(&file)).expect("it was written");
        check_contains(
            &written,
            &[&format!("{program} run {file}"), &format!("`{program} data fetch mnist")],
        );
    }
}

#[test]
fn commands_refuse_folders_that_they_do_not_use() {
    let folder = folder(PIPELINE);
    for arguments in [
        &["artifacts", "ls", "--data", "x"][..],
        &["data", "--artifacts", "x"],
        &["data", "fetch", "mnist", "--artifacts", "x"],
        &["init", "mnist", "--artifacts", "x"],
        &["tensorboard", "tiny.ron", "--data", "x"],
    ] {
        let ended = bpfree(folder.path(), arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}");
        check_contains(&ended.errors, &["unexpected argument"]);
    }
    let after_the_subcommand = bpfree(folder.path(), &["artifacts", "du", "--artifacts", "results"]);
    assert_eq!(after_the_subcommand.code, Some(0), "{}", after_the_subcommand.errors);
}

#[test]
fn an_unexpected_divergence_exits_with_1() {
    let folder = folder(&PIPELINE.replace("1e-3", "1e38").replace("epochs: 1", "epochs: 2"));
    let run = bpfree(folder.path(), &["run", "tiny.ron"]);
    assert_eq!(run.code, Some(1), "{}", run.errors);
    check_contains(
        &run.errors,
        &["diverged: loss/train", "hint: if divergence is expected, write `may_diverge: true`"],
    );
}

#[test]
fn other_values_have_a_run_directory_of_their_own() {
    let folder = folder(PIPELINE);
    let runs = |name: &str| folder.path().join("artifacts/runs").join(name);
    assert_eq!(bpfree(folder.path(), &["run", "tiny.ron"]).code, Some(0));
    let report = fs::read(runs("tiny/report/table.md")).expect("it was written");
    let set = ["--set", "images.fraction=0.5", "--set", "algorithm=[Dfa]"];
    let run = bpfree(folder.path(), &[&["run", "tiny.ron"], &set[..]].concat());
    assert_eq!(run.code, Some(0), "{}", run.errors);
    check_contains(
        &run.out,
        &[
            "1 trial: 0 were done, 1 trained now",
            "results: artifacts/runs/tiny@images.fraction=0.5,algorithm=Dfa-",
        ],
    );
    assert_eq!(fs::read(runs("tiny/report/table.md")).expect("it is there"), report);
    let same = bpfree(folder.path(), &["run", "tiny.ron", "--set", "epochs=1"]);
    check_contains(&same.errors, &["note: `--set epochs=1` changes nothing: the file has this value"]);
    check_contains(&same.out, &["results: artifacts/runs/tiny\n"]);
}

#[test]
fn a_wrong_axis_and_a_size_without_a_unit_are_refused_with_the_right_ones() {
    let folder = folder(PIPELINE);
    for (arguments, part) in [
        (
            &["export", "--best", "--to", "x", "--per", "lr"][..],
            "no axis has this name: did you mean `learning_rate`? known: ",
        ),
        (&["export", "--best", "--to", "x", "--per", "learningrate"], "did you mean `learning_rate`?"),
        (&["run", "--memory", "10"], "`10` has no unit: for example 10GB"),
        (&["run", "--memory", "10xb"], "unknown unit `xb`"),
    ] {
        let ended = bpfree(folder.path(), &[arguments, &["tiny.ron"]].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?}");
        check_contains(&ended.errors, &[part]);
    }
}

#[test]
fn why_names_the_field_of_a_dataset_that_changed() {
    let folder = folder(PIPELINE);
    assert_eq!(bpfree(folder.path(), &["run", "tiny.ron"]).code, Some(0));
    for (set, reason) in [
        ("images.fraction=0.5", "  fraction 1.0 -> 0.5\n"),
        ("images.scaling=ZeroOne", "  scaling Standard -> ZeroOne\n"),
        ("images.source=Glyphs(train: 100, test: 30)", "  source.test 20 -> 30\n"),
    ] {
        let why = bpfree(folder.path(), &["why", "tiny.ron", "--set", set]);
        check_contains(&why.out, &[reason]);
        let plan = bpfree(folder.path(), &["plan", "tiny.ron", "--set", set]);
        check_contains(&plan.out, &[&format!("{} (against ", reason.trim())]);
    }
}

#[test]
fn chosen_trials_are_listed_and_deleted() {
    let folder = folder(PIPELINE);
    assert_eq!(bpfree(folder.path(), &["run", "tiny.ron", "--set", "seeds=2"]).code, Some(0));
    let ls = bpfree(folder.path(), &["artifacts", "ls"]);
    check_contains(
        &ls.out,
        &["dfa 6 tanh lr0.001 seed 0, 1 epoch, batch 10, on Glyphs(train:100,test:20)\n", "pipeline tiny\n"],
    );
    let rm = |more: &[&str]| {
        bpfree(folder.path(), &[&["artifacts", "rm", "tiny.ron", "--set", "seeds=2"], more].concat())
    };
    let listed = rm(&["--trial", "dfa", "--seed", "1"]);
    assert_eq!(listed.code, Some(0), "{}", listed.errors);
    check_contains(&listed.out, &["dfa 6 tanh lr0.001 seed 1, 1 epoch", "1 trial (", ") would be deleted"]);
    check_contains(&listed.errors, &["hint: `--delete` deletes them"]);
    let deleted = rm(&["--trial", "dfa", "--seed", "1", "--delete"]);
    assert_eq!(deleted.code, Some(0), "{}", deleted.errors);
    assert!(!folder.path().join("artifacts/runs/tiny@seeds=2/trials/dfa-6-tanh-lr0.001/seed-1").is_symlink());
    let plan = bpfree(folder.path(), &["plan", "tiny.ron", "--set", "seeds=2"]);
    check_contains(&plan.out, &["4 trials: 3 done, 1 to run", "dfa 6 tanh lr0.001 seed 1: "]);
    let again = rm(&["--trial", "dfa", "--seed", "1", "--delete"]);
    assert_eq!(again.code, Some(1), "{}", again.out);
    check_contains(&again.errors, &["no finished, saved or failed trial matches"]);
}

#[test]
fn gc_gives_its_reason_for_each_group() {
    let folder = folder(PIPELINE);
    assert_eq!(bpfree(folder.path(), &["run", "tiny.ron"]).code, Some(0));
    assert_eq!(bpfree(folder.path(), &["run", "tiny.ron", "--set", "epochs=2"]).code, Some(0));
    fs::write(folder.path().join("tiny.ron"), PIPELINE.replace("[Dfa, Drtp]", "[Dfa]")).expect("writable");
    assert_eq!(bpfree(folder.path(), &["run", "tiny.ron"]).code, Some(0));
    let gc = bpfree(folder.path(), &["artifacts", "gc", "--pipelines", "."]);
    assert_eq!(gc.code, Some(0), "{}", gc.errors);
    check_contains(
        &gc.out,
        &[
            "shown only in runs/tiny@epochs=2, a run with `--set`: ",
            "no pipeline file asks for such a trial: 1 result, ",
            "an earlier table, mean or overview, which no run directory shows: 2 results, ",
        ],
    );
    check_contains(&gc.errors, &["`--keep tiny@epochs=2` keeps its results"]);
}

#[test]
fn a_wrong_value_of_the_command_line_exits_with_2() {
    let folder = folder(PIPELINE);
    for (set, parts) in [
        (
            "epoches=2",
            &["error: --set `epoches=2`: no stage has the field `epoches`", "hint: did you mean `epochs`?"][..],
        ),
        ("image.fraction=2", &["no stage is named `image`", "hint: did you mean `images`?"]),
        (
            "images.epochs=2",
            &["`images` is a Dataset stage, which has no field `epochs`", "hint: known: name, source, "],
        ),
        ("epochs=0", &["error: tiny.ron --set epochs=0:6:73: `epochs`: got 0, allowed: at least 1"]),
        ("metric=error_rate/train", &["is not one value", "`--set 'metric=\"...\"'`"]),
    ] {
        for command in ["run", "plan", "status", "why"] {
            let ended = bpfree(folder.path(), &[command, "tiny.ron", "--set", set]);
            assert_eq!(ended.code, Some(2), "{}", ended.errors);
            check_contains(&ended.errors, parts);
        }
    }
}

#[test]
fn a_wrong_file_exits_with_2() {
    let folder = folder(&PIPELINE.replace("Drtp", "Drpt"));
    for command in ["run", "plan", "tensorboard"] {
        let ended = bpfree(folder.path(), &[command, "tiny.ron"]);
        assert_eq!(ended.code, Some(2));
        assert!(
            ended.errors.starts_with("error: tiny.ron:5:53: unknown algorithm `Drpt`"),
            "{}",
            ended.errors
        );
        check_contains(&ended.errors, &["hint: did you mean `Drtp`?"]);
    }
}

#[test]
fn a_file_that_is_missing_is_an_error() {
    let folder = folder(PIPELINE);
    let run = bpfree(folder.path(), &["run", "nowhere.ron"]);
    assert_eq!(run.code, Some(1));
    assert!(run.errors.starts_with("error: cannot read nowhere.ron"), "{}", run.errors);
    check_contains(&run.errors, &["hint: the pipelines of this project are in pipelines/"]);
    let run = bpfree(folder.path(), &["run", "tinny.ron"]);
    check_contains(&run.errors, &["error: cannot read tinny.ron", "hint: did you mean tiny.ron?"]);
}

#[test]
fn missing_images_are_listed_with_their_folder() {
    let other = r#"Dataset(name: "others", source: Cifar10), Grid("#;
    let pipeline = PIPELINE.replace("Glyphs(train: 100, test: 20)", "FashionMnist").replace("Grid(", other);
    let folder = folder(&pipeline);
    let run = bpfree(folder.path(), &["run", "tiny.ron", "--offline"]);
    assert_eq!(run.code, Some(1));
    check_contains(
        &run.errors,
        &[
            "train-images-idx3-ubyte.gz (26421880 bytes)",
            "t10k-labels-idx1-ubyte.gz (5148 bytes)",
            "data/fashion-mnist",
            "cifar-10-binary.tar.gz (170052171 bytes)",
            "data/cifar-10-batches-bin",
        ],
    );
    assert_eq!(run.errors.matches("hint: ").count(), 2, "{}", run.errors);
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_download_that_fails_says_from_where_and_what_to_do() {
    let folder = folder(&PIPELINE.replace("Glyphs(train: 100, test: 20)", "Mnist"));
    let run = bpfree(folder.path(), &["run", "tiny.ron", "--mirror", "file:///nowhere"]);
    assert_eq!(run.code, Some(1));
    assert!(run.errors.starts_with("MNIST is not in data/mnist: downloading 11.59 MB"), "{}", run.errors);
    check_contains(&run.errors, &["file:///nowhere/train-images-idx3-ubyte.gz: No such file", "hint: "]);
    assert!(!folder.path().join("data/mnist").exists());
}

#[test]
fn a_plan_without_images_shows_what_the_file_alone_says() {
    let rest = "
Grid       rules             2 configurations
Train      trials            2 trials
Summarize  report            after the trials

without the images, finished results cannot be found: their names depend on the images
";
    for (source, code, images) in [
        ("Mnist", 0, "images are missing: `run` downloads 11.59 MB, or `bpfree data fetch mnist`"),
        // These cannot be downloaded.
        ("ImageFolder(path: \"mine\")", 1, "images are missing: data/mine"),
    ] {
        let folder = folder(&PIPELINE.replace("Glyphs(train: 100, test: 20)", source));
        let plan = bpfree(folder.path(), &["plan", "tiny.ron"]);
        assert_eq!((plan.code, plan.errors.as_str()), (Some(code), ""));
        assert_eq!(plan.out, format!("Dataset    images            {images}{rest}"));
    }
}

/// Writes 100 images of 4x4 pixels in three classes, which no other test has, into the folder `data`.
fn write_images(data: &Path, shade: u8) {
    let pixels = (0..100 * 16).map(|at| (at * 7 % 256) as u8 ^ shade);
    let header = [0, 0, 8, 3, 0, 0, 0, 100, 0, 0, 0, 4, 0, 0, 0, 4];
    fs::create_dir_all(data).expect("writable");
    fs::write(data.join("i.idx"), header.into_iter().chain(pixels).collect::<Vec<u8>>()).expect("writable");
    let labels = [0, 0, 8, 1, 0, 0, 0, 100].into_iter().chain((0..100).map(|at| at % 3));
    fs::write(data.join("l.idx"), labels.collect::<Vec<u8>>()).expect("writable");
}

#[test]
fn a_study_goes_to_another_machine_with_its_results_and_without_images() {
    let source = "Idx(images: \"i.idx\", labels: \"l.idx\")";
    let folder = folder(&PIPELINE.replace("Glyphs(train: 100, test: 20)", source));
    let nothing = bpfree(folder.path(), &["pack", "tiny.ron", "--to", "study.tar"]);
    assert_eq!(nothing.code, Some(1), "{}", nothing.out);
    write_images(&folder.path().join("data"), 0);
    assert_eq!(bpfree(folder.path(), &["run", "tiny.ron"]).code, Some(0));
    let pack = bpfree(folder.path(), &["pack", "tiny.ron", "--to", "study.tar"]);
    assert_eq!(pack.code, Some(0), "{}", pack.errors);
    check_contains(&pack.out, &["study.tar: 5 results, "]);
    let again = bpfree(folder.path(), &["pack", "tiny.ron", "--to", "study.tar"]);
    check_contains(&again.errors, &["cannot create study.tar"]);

    let other = tempfile::tempdir().expect("a temporary folder");
    let study = folder.path().join("study.tar");
    let unpack = |study: &Path| bpfree(other.path(), &["unpack", &study.display().to_string()]);
    let unpacked = unpack(&study);
    assert_eq!(unpacked.code, Some(0), "{}", unpacked.errors);
    assert_eq!(unpacked.out, "5 results added, 0 were there\npipeline file: tiny.ron\n");
    assert_eq!(bpfree(other.path(), &["artifacts", "verify"]).out, "5 results: 5 whole, 0 damaged\n");
    let plan = bpfree(other.path(), &["plan", "tiny.ron"]);
    check_contains(&plan.out, &["2 trials: 2 done, 0 to run"]);
    assert_eq!(bpfree(other.path(), &["report", "tiny.ron"]).code, Some(0));
    assert_eq!(bpfree(other.path(), &["export", "tiny.ron", "--to", "networks"]).code, Some(0));
    assert_eq!(unpack(&study).out, "0 results added, 5 were there\n");

    // A changed byte in a result, and a file that is no study.
    let mut damaged = fs::read(&study).expect("it was written");
    let at =
        damaged.windows(16).rposition(|bytes| bytes.starts_with(b"error_rate/train")).expect("a history");
    damaged[at] = b'x';
    fs::write(other.path().join("damaged.tar"), damaged).expect("writable");
    fs::remove_dir_all(other.path().join("artifacts")).expect("removable");
    let refused = unpack(&other.path().join("damaged.tar"));
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    check_contains(&refused.errors, &["cannot unpack ", ": expected hash ", "pack the study again"]);
    // An archive that ends between two results.
    let mut cut = fs::read(&study).expect("it was written");
    let end = cut.windows(7).rposition(|bytes| bytes == b"end.ron").expect("the last entry");
    cut.truncate(end);
    fs::write(other.path().join("cut.tar"), cut).expect("writable");
    let refused = unpack(&other.path().join("cut.tar"));
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    check_contains(&refused.errors, &["it is cut short after 5 results"]);
    let foreign = unpack(&other.path().join("tiny.ron"));
    check_contains(&foreign.errors, &["cannot unpack "]);
    fs::write(other.path().join("tiny.ron"), "mine").expect("writable");
    let refused = unpack(&study);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    check_contains(&refused.errors, &["another tiny.ron is there", "--to DIR"]);
    assert_eq!(fs::read(other.path().join("tiny.ron")).expect("it is there"), b"mine");
}

#[test]
fn finished_trials_are_shown_and_exported_without_images() {
    let source = "Idx(images: \"i.idx\", labels: \"l.idx\"), scaling: PerChannel(Measured)";
    let folder = folder(&PIPELINE.replace("Glyphs(train: 100, test: 20)", source));
    let data = folder.path().join("data");
    write_images(&data, 0);
    let run = bpfree(folder.path(), &["run", "tiny.ron"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    let with_images = bpfree(folder.path(), &["export", "tiny.ron", "--to", "a"]);
    assert_eq!((with_images.code, with_images.errors.as_str()), (Some(0), ""));

    fs::remove_file(data.join("i.idx")).expect("removable");
    let note = "note: the images of `images` are missing: finished results are found by the content";
    for (arguments, part) in [
        (&["status", "tiny.ron"][..], "trials: 2 of 2 trials done"),
        (&["why", "tiny.ron"], "trials: 0 of 2 trials would run"),
        (&["report", "tiny.ron"], "report: artifacts/runs/tiny/report"),
        (&["export", "tiny.ron", "--to", "b"], "2 networks in b"),
        (&["artifacts", "rm", "tiny.ron"], "2 trials ("),
    ] {
        let ended = bpfree(folder.path(), arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.errors);
        check_contains(&ended.out, &[part]);
        check_contains(&ended.errors, &[note]);
    }
    let model = |to: &str| {
        fs::read(folder.path().join(to).join("dfa-6-tanh-lr0.001/seed-0/model.json"))
            .expect("it was exported")
    };
    assert_eq!(model("a"), model("b"));
    let plan = bpfree(folder.path(), &["plan", "tiny.ron"]);
    check_contains(
        &plan.out,
        &["its images are missing, an earlier run saw their content", "2 trials: 2 done, 0 to run"],
    );
    // Training needs the images.
    let more = bpfree(folder.path(), &["run", "tiny.ron", "--set", "epochs=2"]);
    assert_eq!(more.code, Some(1), "{}", more.out);
    check_contains(&more.errors, &["i.idx"]);
    // Other images under the same name are other data.
    write_images(&data, 1);
    let plan = bpfree(folder.path(), &["plan", "tiny.ron"]);
    check_contains(&plan.out, &["2 trials: 0 done, 2 to run", "content of the image files "]);
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn a_run_downloads_missing_images() {
    let official = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/mnist");
    let Ok(official) = official.canonicalize() else {
        return eprintln!("skipped: the official files of MNIST are not in {}", official.display());
    };
    let folder = folder(&PIPELINE.replace("Glyphs(train: 100, test: 20)", "Mnist, fraction: 0.002"));
    let mirror = format!("file://{}", official.display());
    let run = bpfree(folder.path(), &["run", "tiny.ron", "--jobs", "1", "--mirror", &mirror]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    assert!(run.errors.starts_with("MNIST is not in data/mnist: downloading"), "{}", run.errors);
    assert!(folder.path().join("data/mnist/t10k-labels-idx1-ubyte.gz").is_file());
    let again = bpfree(folder.path(), &["run", "tiny.ron", "--offline"]);
    assert_eq!(again.code, Some(0), "{}", again.errors);
    check_contains(&again.out, &["2 trials: 2 were done, 0 trained now, 0 failed"]);
}

#[test]
fn info_counts_every_class_and_shows_examples() {
    let folder = folder(PIPELINE);
    let info = bpfree(folder.path(), &["data", "info", "glyphs", "--to", "sheets"]);
    assert_eq!(info.code, Some(0), "{}", info.errors);
    check_contains(
        &info.out,
        &[
            "images       12000, each 1x28x28",
            "validation   2,000 validation images, the test split of the source",
            "where        no files: this program draws the images",
            "       all        10000    2000",
            "contact sheet: sheets/glyphs.png (up to 8 training images of every class",
        ],
    );
    let sheet = fs::read(folder.path().join("sheets/glyphs.png")).expect("it was written");
    assert_eq!(sheet[..8], *b"\x89PNG\r\n\x1a\n");

    // Pictures of a user: copies of the sheet, and a file that is no picture.
    for class in ["cats", "dogs"] {
        let class = folder.path().join("mine").join(class);
        fs::create_dir_all(&class).expect("the folder can be written");
        for number in 0..10 {
            fs::write(class.join(format!("{number}.png")), &sheet).expect("the folder can be written");
        }
    }
    fs::write(folder.path().join("mine/dogs/broken.png"), "no picture").expect("the folder can be written");
    let info = bpfree(
        folder.path(),
        &["data", "info", "image-folder", "--path", "mine", "--size", "32", "--data", ".", "--to", "sheets"],
    );
    assert_eq!(info.code, Some(0), "{}", info.errors);
    check_contains(
        &info.out,
        &[
            "images       20, each 3x32x32",
            "validation   4 validation images, a fifth of each class, drawn by split seed 0",
            "copies       15 training images repeat an earlier one, 3 test images repeat an earlier one, 4 test \
             images are also training images",
            "DAMAGED      1, left out here",
            "dogs/broken.png: ",
            "    0  cats        8       2",
            "contact sheet: sheets/image-folder.png",
        ],
    );
}

#[test]
fn info_refuses_missing_files_and_wrong_arguments_with_a_hint() {
    let folder = folder(PIPELINE);
    for (arguments, code, part) in [
        (&["mnist"][..], 1, "hint: "),
        (&["image-folder"], 2, "error: ImageFolder needs the path of your images\nhint: `--path FOLDER`"),
        (
            &["glyphs", "--size", "64"],
            2,
            "error: the images of Glyphs have a fixed size\nhint: leave `--size` out",
        ),
    ] {
        let info = bpfree(folder.path(), &[&["data", "info"], arguments].concat());
        assert_eq!(info.code, Some(code), "{arguments:?}");
        check_contains(&info.errors, &[part]);
    }
}

#[cfg(not(feature = "cuda"))]
#[test]
fn cuda_without_the_feature_is_an_error_with_a_hint() {
    let folder = folder(PIPELINE);
    let run = bpfree(folder.path(), &["run", "tiny.ron", "--device", "cuda"]);
    assert_eq!(run.code, Some(1));
    check_contains(
        &run.errors,
        &["device `cuda` is not part of this build", "hint: build it in: `cargo xtask-cuda run FILE"],
    );
    assert!(!run.errors.contains("panicked"), "{}", run.errors);
}

#[test]
fn the_list_of_datasets_names_every_source() {
    let folder = folder(PIPELINE);
    check_contains(
        &bpfree(folder.path(), &["data"]).out,
        &["Glyphs", "MNIST", "Fashion-MNIST", "CIFAR-10", "`bpfree run` downloads missing files"],
    );
}

#[test]
fn init_writes_a_file_that_plan_reads_and_never_overwrites_one() {
    let folder = folder(PIPELINE);
    let init = bpfree(folder.path(), &["init", "glyphs"]);
    assert_eq!(init.code, Some(0), "{}", init.errors);
    assert_eq!(
        init.out,
        "pipelines/my-glyphs.ron: 45 trials on Glyphs\nnext: bpfree plan pipelines/my-glyphs.ron\n"
    );
    let plan = bpfree(folder.path(), &["plan", "pipelines/my-glyphs.ron"]);
    assert_eq!((plan.code, plan.errors.as_str()), (Some(0), ""));
    check_contains(&plan.out, &["45 trials: 0 done, 45 to run"]);

    let file = folder.path().join("pipelines/my-glyphs.ron");
    fs::write(&file, "mine").expect("the file can be written");
    let again = bpfree(folder.path(), &["init", "Glyphs"]);
    assert_eq!(again.code, Some(1));
    check_contains(&again.errors, &["error: pipelines/my-glyphs.ron ", "hint: ", "`--to FILE`"]);
    assert_eq!(fs::read_to_string(&file).expect("it is there"), "mine");
}

#[test]
fn init_needs_the_paths_of_own_images_and_says_which_files_are_missing() {
    let folder = folder(PIPELINE);
    for (arguments, code, parts) in [
        (
            "image-folder",
            2,
            &["error: ImageFolder needs the path of your images", "hint: `--path FOLDER`"][..],
        ),
        (
            "image-folder --path my/pictures --to a.ron --data here",
            0,
            &["there is no here/my/pictures yet", "next: bpfree plan a.ron --data here"],
        ),
        ("idx --path i.gz --path l.gz --to b.ron", 0, &["next: bpfree plan b.ron"]),
        ("cifar10", 0, &["first: bpfree data fetch cifar-10"]),
        ("cifar-10 --path x", 2, &["CIFAR-10 has a fixed place in the data directory"]),
        ("cifar-11", 2, &["did you mean `cifar-10`? known: glyphs, mnist"]),
        ("glyphs --to my%file.ron", 2, &["`my file` cannot name a folder"]),
    ] {
        let words: Vec<String> = arguments.split(' ').map(|word| word.replace('%', " ")).collect();
        let words: Vec<&str> = ["init"].into_iter().chain(words.iter().map(String::as_str)).collect();
        let init = bpfree(folder.path(), &words);
        assert_eq!(init.code, Some(code), "{arguments}: {}", init.errors);
        check_contains(&(init.out + &init.errors), parts);
    }
    let written = fs::read_to_string(folder.path().join("b.ron")).expect("it was written");
    check_contains(&written, &["source: Idx(images: \"i.gz\", labels: \"l.gz\"),"]);
    assert!(
        !folder.path().join("my file.ron").exists(),
        "a wrong name is refused before the file is written"
    );
}

#[test]
fn doctor_lists_what_is_there_and_how_to_fix_the_rest() {
    let folder = folder(PIPELINE);
    let Ended { code, out, errors } = bpfree(folder.path(), &["doctor"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{out}");
    let lines: Vec<&str> = out.lines().collect();
    for topic in ["build", "processor", "memory", "device cuda", "energy", "data", "artifacts", "TensorBoard"]
    {
        let mut topics = lines.iter().filter_map(|line| line.get(8..));
        assert!(topics.any(|rest| rest.starts_with(topic)), "{topic}: {out}");
    }
    check_contains(&out, &["data: without MNIST, Fashion-MNIST, CIFAR-10"]);
    assert!(out.ends_with("\nthis machine has everything for training with `--device cpu`\n"), "{out}");
    for (line, next) in lines.iter().zip(&lines[1..]).filter(|(line, _)| line.starts_with("no ")) {
        assert!(next.starts_with("                     hint: "), "{line}");
    }
    assert!(!folder.path().join("artifacts").exists(), "doctor writes nothing");
}

#[test]
fn doctor_exits_with_1_if_results_cannot_be_written() {
    let folder = folder(PIPELINE);
    let doctor = bpfree(folder.path(), &["doctor", "--artifacts", "tiny.ron/results"]);
    assert_eq!(doctor.code, Some(1), "{}", doctor.out);
    check_contains(
        &doctor.out,
        &["BROKEN  artifacts    tiny.ron/results: cannot be written", "hint: `--artifacts DIR`"],
    );
}

#[cfg(not(feature = "cuda"))]
#[test]
fn doctor_exits_with_1_if_the_device_cannot_be_used() {
    let folder = folder(PIPELINE);
    let doctor = bpfree(folder.path(), &["doctor", "--device", "cuda"]);
    assert_eq!(doctor.code, Some(1), "{}", doctor.out);
    check_contains(&doctor.out, &["BROKEN  device cuda  device `cuda` is not part of this build"]);
}

#[test]
fn a_tracker_without_meters_warns_once_and_trials_train() {
    let folder = folder(&PIPELINE.replace("seeds: 1", "seeds: 1, trackers: [Energy]"));
    let without_packages = !Path::new("/sys/class/powercap/intel-rapl:0").exists();
    for command in ["plan", "run"] {
        let Ended { code, errors, .. } = bpfree(folder.path(), &[command, "tiny.ron"]);
        assert_eq!(code, Some(0), "{errors}");
        if without_packages {
            let warning = "warning: `Energy` gives no machine/energy_cpu_joules on this machine, ";
            assert_eq!(errors.matches(warning).count(), 1, "{errors}");
            check_contains(&errors, &["hint: `sudo modprobe intel_rapl_msr`"]);
        }
    }
}

#[test]
fn two_files_of_one_name_are_told_that_they_share_a_folder() {
    let folder = folder(PIPELINE);
    let run = |file: &str| bpfree(folder.path(), &["run", file]);
    let shares = |run: &Ended| run.errors.contains("both show their results in runs/tiny");
    assert!(!shares(&run("tiny.ron")) && !shares(&run("./tiny.ron")), "it is one file");
    fs::write(folder.path().join("other.ron"), PIPELINE.replace("seeds: 1", "seeds: 2")).expect("writable");
    let other = run("other.ron");
    assert_eq!(other.code, Some(0));
    check_contains(&other.errors, &["other.ron and ", "tiny.ron both show", "change `name` in one of them"]);
    let renamed = PIPELINE.replace("\"tiny\"", "\"mine\"");
    fs::write(folder.path().join("other.ron"), renamed).expect("writable");
    assert!(!shares(&run("tiny.ron")), "the other file has another name now");
}

#[test]
fn a_report_is_made_once_however_its_file_is_typed() {
    let folder = folder(PIPELINE);
    let whole = folder.path().join("tiny.ron").display().to_string();
    fs::create_dir(folder.path().join("inner")).expect("writable");
    for file in ["tiny.ron", "./tiny.ron", "inner/../tiny.ron", &whole] {
        assert_eq!(bpfree(folder.path(), &["run", file]).code, Some(0));
    }
    let summaries = fs::read_dir(folder.path().join("artifacts/store/summary")).expect("the folder");
    assert_eq!(summaries.count(), 1);
}

#[test]
fn more_threads_than_the_machine_can_use_are_not_started() {
    let folder = folder(PIPELINE);
    let run = bpfree(folder.path(), &["run", "tiny.ron", "--jobs", "65535"]);
    assert_eq!(run.code, Some(0), "{}", run.errors);
    check_contains(&run.errors, &["warning: 65535 threads are more than the ", " are used"]);
}

#[test]
fn info_writes_nothing_through_a_link() {
    let folder = folder(PIPELINE);
    fs::write(folder.path().join("precious"), "mine").expect("writable");
    symlink(folder.path().join("precious"), folder.path().join("glyphs.png")).expect("writable");
    let info = bpfree(folder.path(), &["data", "info", "glyphs", "--to", "."]);
    assert_eq!(info.code, Some(1));
    check_contains(
        &info.errors,
        &["cannot write ./glyphs.png", "it is a symbolic link, which is not written to"],
    );
    assert_eq!(fs::read_to_string(folder.path().join("precious")).expect("readable"), "mine");
}

#[test]
fn nothing_is_exported_into_the_store() {
    let folder = folder(PIPELINE);
    assert_eq!(bpfree(folder.path(), &["run", "tiny.ron"]).code, Some(0));
    symlink("artifacts/store", folder.path().join("link")).expect("writable");
    for to in ["artifacts/store", "artifacts/runs/tiny/networks", "artifacts/../artifacts/work/a", "link/b"] {
        let export = bpfree(folder.path(), &["export", "tiny.ron", "--to", to]);
        assert_eq!(export.code, Some(1), "{to}");
        check_contains(
            &export.errors,
            &[&format!("{to} belongs to the store of results: export into another folder")],
        );
    }
    let export = bpfree(folder.path(), &["export", "tiny.ron", "--to", "artifacts/networks"]);
    assert_eq!(export.code, Some(0), "{}", export.errors);
}

#[test]
fn files_next_to_a_result_are_reported_and_moved_away() {
    let folder = folder(PIPELINE);
    assert_eq!(bpfree(folder.path(), &["run", "tiny.ron"]).code, Some(0));
    let trial = fs::read_dir(folder.path().join("artifacts/store/trial")).expect("the folder").next();
    let note = trial.expect("a trial").expect("readable").path().join("owner.ron");
    fs::write(&note, "left").expect("writable");
    let verify = |arguments: &[&str]| bpfree(folder.path(), &[&["artifacts", "verify"], arguments].concat());
    check_contains(&verify(&[]).errors, &["not part of the result: owner.ron", "`--repair` moves them away"]);
    let repaired = verify(&["--repair"]);
    assert_eq!(repaired.code, Some(0), "{}", repaired.errors);
    assert!(!note.exists());
    let whole = verify(&[]);
    assert!(whole.errors.is_empty(), "{}", whole.errors);
}
