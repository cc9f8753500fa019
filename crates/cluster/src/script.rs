//! The scripts that Slurm runs: that of a worker, and that of the last job of a round.

use std::path::{Path, PathBuf};

use crate::settings::Settings;

/// The command of a worker: what it runs, and in which folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// The program, at a place that every node sees.
    pub program: PathBuf,
    /// The arguments of `run`: the pipeline file with absolute paths, and whatever changes results.
    pub arguments: Vec<String>,
    /// The folder in which it runs.
    pub folder: PathBuf,
    /// Whether it trains on a GPU. Then the memory of the node is no limit of the trials' memory.
    pub has_gpu: bool,
    /// Whether the arguments limit the size of populations. Otherwise the first worker must not take what is meant for all.
    pub has_population: bool,
}

impl Worker {
    /// Returns the script of a worker of `study`, one of `workers` for `missing` trials. The shell becomes the worker, so that Slurm
    /// sends its signals to the worker.
    pub(crate) fn script(&self, settings: &Settings, study: &str, workers: u32, missing: usize) -> String {
        let population = match self.has_gpu && !self.has_population {
            true => format!(
                " --population {}",
                missing.div_ceil(workers as usize).clamp(1, usize::from(u16::MAX))
            ),
            false => String::new(),
        };
        let memory = match self.has_gpu {
            true => "",
            // The rest is for the program itself and its images.
            false => " ${SLURM_MEM_PER_NODE:+--memory \"$((SLURM_MEM_PER_NODE * 9 / 10))MB\"}",
        };
        let warning = settings.warning_seconds;
        let options = format!(
            "--worker --warning-seconds {warning} --jobs \"${{SLURM_CPUS_PER_TASK:-1}}\"{memory}{population}"
        );
        self.whole_script(settings, study, &options)
    }

    /// Returns the script of the last job of a round, which submits the next round or writes the report.
    pub(crate) fn last_script(&self, settings: &Settings, study: &str, cluster_file: &Path) -> String {
        let file = quoted(&cluster_file.display().to_string());
        self.whole_script(settings, study, &format!("--cluster {file} --detach"))
    }

    fn whole_script(&self, settings: &Settings, study: &str, options: &str) -> String {
        let mut lines = vec!["#!/bin/bash".to_owned()];
        lines.extend(settings.before.iter().cloned());
        lines.push(format!("export BPFREE_STUDY={}", quoted(study)));
        let arguments: Vec<String> = self.arguments.iter().map(|argument| quoted(argument)).collect();
        lines.push(format!(
            "exec {} run {} {options}",
            quoted(&self.program.display().to_string()),
            arguments.join(" ")
        ));
        lines.join("\n") + "\n"
    }

    /// Returns the options of `sbatch` for an array of `count` workers.
    pub(crate) fn options(&self, settings: &Settings, study: &str, count: u32, logs: &Path) -> Vec<String> {
        let mut options = self.common(settings, study, logs, "%A_%a");
        options.push(format!("--array=0-{}", count - 1));
        options.push(format!("--cpus-per-task={}", settings.cpus));
        options.push(format!("--signal=B:USR1@{}", settings.warning_seconds));
        options.push("--requeue".into());
        for (name, value) in [("time", &settings.time), ("mem", &settings.memory), ("gres", &settings.gres)] {
            options.extend(value.iter().map(|value| format!("--{name}={value}")));
        }
        options
    }

    /// Returns the options of `sbatch` for the last job of a round, which begins after the array `after`.
    pub(crate) fn last_options(
        &self,
        settings: &Settings,
        study: &str,
        after: crate::JobId,
        logs: &Path,
    ) -> Vec<String> {
        let mut options = self.common(settings, study, logs, "last-%j");
        options.push(format!("--dependency=afterany:{after}"));
        for (name, value) in [("time", &settings.time), ("mem", &settings.memory)] {
            options.extend(value.iter().map(|value| format!("--{name}={value}")));
        }
        options
    }

    fn common(&self, settings: &Settings, study: &str, logs: &Path, log: &str) -> Vec<String> {
        // Later options come before earlier ones.
        let mut options = settings.sbatch.clone();
        options.push(format!("--job-name={study}"));
        options.push(format!("--chdir={}", self.folder.display()));
        // A percent sign in a path would be a placeholder.
        let logs = logs.display().to_string().replace('%', "%%");
        options.push(format!("--output={logs}/{log}.log"));
        options.push("--open-mode=append".into());
        for (name, value) in [("partition", &settings.partition), ("account", &settings.account)] {
            options.extend(value.iter().map(|value| format!("--{name}={value}")));
        }
        options
    }
}

/// Quotes a word for the shell.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.,:=+/@%".contains(letter);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobId;

    #[test]
    fn scripts_quote_paths_and_run_the_users_lines_first() {
        let text = "Slurm(workers: 9, partition: \"main\", cpus: 2, memory: \"2G\", before: [\"module load x\"], sbatch: [\"--qos=low\"])";
        let settings: Settings = ron::Options::default()
            .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME)
            .from_str(text)
            .expect("right");
        let worker = Worker {
            program: "/shared/my study/bpfree".into(),
            arguments: ["/home/it's/s.ron", "--set", "epochs=2", "--device", "cpu"].map(String::from).into(),
            folder: "/home".into(),
            has_gpu: false,
            has_population: false,
        };
        let on_gpu = Worker { has_gpu: true, ..worker.clone() };
        let logs = Path::new("/shared/100%/logs");
        let scripts = [
            worker.script(&settings, "bpfree-s-1a", 3, 100),
            on_gpu.script(&settings, "bpfree-s-1a", 3, 100),
            worker.last_script(&settings, "bpfree-s-1a", Path::new("/shared/cluster.ron")),
            worker.options(&settings, "bpfree-s-1a", 3, logs).join("\n"),
            String::new(),
            worker.last_options(&settings, "bpfree-s-1a", JobId(7), logs).join("\n"),
        ];
        insta::assert_snapshot!(scripts.join("\n"), @r#"
        #!/bin/bash
        module load x
        export BPFREE_STUDY=bpfree-s-1a
        exec '/shared/my study/bpfree' run '/home/it'\''s/s.ron' --set epochs=2 --device cpu --worker --warning-seconds 120 --jobs "${SLURM_CPUS_PER_TASK:-1}" ${SLURM_MEM_PER_NODE:+--memory "$((SLURM_MEM_PER_NODE * 9 / 10))MB"}

        #!/bin/bash
        module load x
        export BPFREE_STUDY=bpfree-s-1a
        exec '/shared/my study/bpfree' run '/home/it'\''s/s.ron' --set epochs=2 --device cpu --worker --warning-seconds 120 --jobs "${SLURM_CPUS_PER_TASK:-1}" --population 34

        #!/bin/bash
        module load x
        export BPFREE_STUDY=bpfree-s-1a
        exec '/shared/my study/bpfree' run '/home/it'\''s/s.ron' --set epochs=2 --device cpu --cluster /shared/cluster.ron --detach

        --qos=low
        --job-name=bpfree-s-1a
        --chdir=/home
        --output=/shared/100%%/logs/%A_%a.log
        --open-mode=append
        --partition=main
        --array=0-2
        --cpus-per-task=2
        --signal=B:USR1@120
        --requeue
        --mem=2G

        --qos=low
        --job-name=bpfree-s-1a
        --chdir=/home
        --output=/shared/100%%/logs/last-%j.log
        --open-mode=append
        --partition=main
        --dependency=afterany:7
        --mem=2G
        "#);
    }
}
