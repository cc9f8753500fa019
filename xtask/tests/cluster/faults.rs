//! Commands of a scheduler that are missing, hang, refuse, or answer nonsense. They are scripts that start workers on this host.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use crate::study::Study;

const PIPELINE: &str = r#"Pipeline(
    name: "faults",
    stages: [
        Dataset(name: "images", source: Glyphs(train: 100, test: 20)),
        Grid(name: "rules", axes: (algorithm: [Dfa, Drtp], hidden: [[6]], learning_rate: [1e-2, 1e-3])),
        Train(name: "trials", dataset: "images", grid: "rules", epochs: 2, batch_size: 10, seeds: 1),
        Summarize(name: "report", of: ["trials"], metric: "error_rate/validation"),
    ],
)"#;

const CLUSTER: &str = r#"Slurm(workers: 2, least_minutes: 0, poll_seconds: 1, answer_seconds: 2)"#;

/// Starts each element of an array on this host. A job without elements, the last of a round, is accepted and never begins.
const SBATCH: &str = r#"#!/bin/bash
[ "$1" = --version ] && exit
cd "${0%/*}"
for option; do
  case $option in --array=0-*) last=${option#--array=0-};; --output=*) log=${option#--output=};; --chdir=*) folder=${option#--chdir=};; esac
done
id=$(($(cat submissions 2>/dev/null | wc -l) + 1))
echo "$*" >> submissions
for element in ${last:+$(seq 0 "$last")}; do
  out=${log//%A/$id}
  (cd "$folder"; SLURM_ARRAY_JOB_ID=$id SLURM_ARRAY_TASK_ID=$element setsid bash "${@: -1}" > "${out//%a/$element}" 2>&1 &
    echo "$id|$element|$!" >> "$OLDPWD/jobs")
done
"#;

const SQUEUE: &str = r#"
cd "${0%/*}"
while IFS='|' read -r id element process; do
  kill -0 "$process" 2>/dev/null && echo "$id|$element|RUNNING|here|None"
done < <(cat jobs 2>/dev/null)
true
"#;

/// A folder of commands, each with further lines at its end or its beginning.
fn programs(sbatch: &str, squeue: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "sbatch", &format!("{SBATCH}{sbatch}\n"));
    write(folder.path(), "squeue", &format!("#!/bin/bash\n{squeue}\n{SQUEUE}"));
    write(folder.path(), "scancel", "#!/bin/bash\n");
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("writable");
    fs::set_permissions(folder.join(name), Permissions::from_mode(0o755)).expect("writable");
}

/// Runs a study with these commands; returns the exit code, what was printed, and the number of arrays that were submitted.
fn run(sbatch: &str, squeue: &str, pipeline: &str, cluster: &str) -> (Option<i32>, String, usize) {
    let programs = programs(sbatch, squeue);
    let study = Study::with_programs(programs.path(), pipeline, cluster);
    let ended = study.run_on_cluster().end();
    let submissions = fs::read_to_string(programs.path().join("submissions")).unwrap_or_default();
    let arrays = submissions.lines().filter(|line| line.contains("--array=")).count();
    if ended.code == Some(0) {
        study.check_results();
    }
    (ended.code, ended.text, arrays)
}

#[test]
fn commands_that_are_missing_are_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let study = Study::with_only_programs(folder.path(), PIPELINE, CLUSTER);
    let ended = study.run_on_cluster().end();
    assert_eq!(ended.code, Some(1), "{}", ended.text);
    assert!(
        ended.text.contains("error: `sbatch` is not on this machine\nhint: run this command on a login node"),
        "{}",
        ended.text
    );
    // Without them, this host still trains.
    assert_eq!(study.start(&["run", "study.ron"]).end().code, Some(0));
}

#[test]
fn a_queue_that_hangs_fails_or_talks_nonsense_is_asked_again() {
    let once = r#"
        [ "$1" = --version ] && exit
        count=$(cat "${0%/*}/count" 2>/dev/null || echo 0)
        echo $((count + 1)) > "${0%/*}/count"
        case $count in
          1) sleep 100;;
          2) echo 'hello world'; exit;;
          3) echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2; exit 1;;
        esac"#;
    let (code, text, arrays) = run("echo $id", once, &PIPELINE.replace("epochs: 2", "epochs: 300"), CLUSTER);
    assert_eq!((code, arrays), (Some(0), 1), "{text}");
    for warning in
        ["did not end within 2 s", "`hello world` is not understood", "Unable to contact slurm controller"]
    {
        assert!(text.contains(warning), "{warning}: {text}");
    }
}

#[test]
fn a_round_whose_answer_was_lost_is_found_and_not_submitted_again() {
    for lost in [
        "sleep 100",
        "echo hello",
        "echo 'sbatch: error: Socket timed out on send/recv operation' >&2; exit 1",
    ] {
        let (code, text, arrays) = run(lost, "", &PIPELINE.replace("epochs: 2", "epochs: 300"), CLUSTER);
        assert_eq!((code, arrays), (Some(0), 1), "{lost}: {text}");
        assert!(text.contains("Slurm did not answer"), "{lost}: {text}");
    }
}

#[test]
fn trials_that_other_processes_train_are_waited_for() {
    let programs = programs("echo $id", "");
    let pipeline = PIPELINE.replace("epochs: 2", "epochs: 2000").replace("[1e-2, 1e-3]", "[1e-3]");
    let study = Study::with_programs(programs.path(), &pipeline, CLUSTER);
    let here = study.start(&["run", "study.ron", "--jobs", "2"]);
    here.wait_for("2 trials, 0 already done");
    study.wait_for_two_leases();
    let run = study.run_on_cluster().end();
    assert_eq!(run.code, Some(0), "{}", run.text);
    assert!(run.text.contains("the others are being trained by other processes"), "{}", run.text);
    assert!(!programs.path().join("submissions").exists(), "no round was needed");
    assert_eq!(here.end().code, Some(0));
}

#[test]
fn a_round_is_not_submitted_after_an_interruption() {
    // The user presses Ctrl-C while the queue is asked for the first time.
    let interrupting = "[ \"$1\" = --version ] || kill -INT $PPID; sleep 1";
    let programs = programs("echo $id", interrupting);
    let ended = Study::with_programs(programs.path(), PIPELINE, CLUSTER).run_on_cluster().end();
    assert_eq!(ended.code, Some(130), "{}", ended.text);
    assert!(!programs.path().join("submissions").exists(), "{}", ended.text);
}

#[test]
fn a_refused_round_names_the_limit() {
    let refused = "echo 'sbatch: error: QOSMaxSubmitJobPerUserLimit' >&2; exit 1";
    let refusing = format!("#!/bin/bash\n[ \"$1\" = --version ] && exit\n{refused}\n");
    let programs = programs("", "");
    write(programs.path(), "sbatch", &refusing);
    let ended = Study::with_programs(programs.path(), PIPELINE, CLUSTER).run_on_cluster().end();
    assert_eq!(ended.code, Some(1), "{}", ended.text);
    assert!(
        ended.text.contains("error: `sbatch` refused: QOSMaxSubmitJobPerUserLimit\nhint: nothing was lost"),
        "{}",
        ended.text
    );
}

#[test]
fn rounds_that_finish_nothing_end_with_the_reasons() {
    let cluster = CLUSTER.replace("workers: 2", "workers: 1, before: [\"echo the disk is full; exit 3\"]");
    let (code, text, arrays) = run("echo $id", "", PIPELINE, &cluster);
    assert_eq!((code, arrays), (Some(1), 3), "{text}");
    for part in [
        "error: 4 trials are not finished, and the last rounds finished none",
        "no reason is noted",
        "the disk is full",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_worker_without_images_stops_the_round() {
    let pipeline =
        PIPELINE.replace("Glyphs(train: 100, test: 20)", "Idx(images: \"images\", labels: \"labels\")");
    let cluster = CLUSTER.replace("workers: 2", "workers: 1, before: [\"mv data elsewhere\"]");
    let programs = programs("echo $id", "");
    let study = Study::with_programs(programs.path(), &pipeline, &cluster);
    let data = study.file("data");
    fs::create_dir(&data).expect("writable");
    let [images, labels]: [Vec<u8>; 2] =
        [[0, 0, 8, 3, 0, 0, 0, 100, 0, 0, 0, 2, 0, 0, 0, 2].into(), [0, 0, 8, 1, 0, 0, 0, 100].into()];
    let pixels = (0..400_u32).map(|pixel| (pixel * 37 % 256) as u8);
    fs::write(data.join("images"), images.into_iter().chain(pixels).collect::<Vec<u8>>()).expect("writable");
    let classes = (0..100).map(|image| image % 2);
    fs::write(data.join("labels"), labels.into_iter().chain(classes).collect::<Vec<u8>>()).expect("writable");
    let ended = study.run_on_cluster().end();
    assert_eq!(ended.code, Some(1), "{}", ended.text);
    assert!(ended.text.contains("error: the round was stopped: "), "{}", ended.text);
    assert!(ended.text.contains("data/images"), "{}", ended.text);
}
