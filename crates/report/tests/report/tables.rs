//! Tables of a study with every character that some format reserves.

use std::{collections::HashMap, process::Command};

use report::{
    AxisValue, End, Row, Series, Study, Trial, configurations_csv, history_csv, latex, latex_pivots,
    markdown, trials_csv,
};

use crate::studies::special;

#[test]
fn a_study_is_a_ranked_table_with_notes_and_published_values() {
    insta::assert_snapshot!(markdown(&special()), @r"
    `error_rate/validation` of train, best epoch by loss/validation; mean ± sample standard deviation over seeds, smaller is better. Ranked by `loss/validation`, best epoch. Against the baseline: mean difference over common seeds [its 95 % confidence interval by Student's t], p of the paired t test after Holm's correction.

    | rank | configuration                   | n   | error_rate/validation % | loss/validation | error_rate/test % | against baseline             | epochs | remark                  |
    |------|---------------------------------|-----|-------------------------|-----------------|-------------------|------------------------------|--------|-------------------------|
    | 1    | dfa 2x500 lr0.001 uniform\<0.1> | 3   | 5.58 ± 0.38             | 0.1861 ± 0.0127 | 5.68 ± 0.38       | -0.75 [-1.06, -0.44] p=0.009 | 4      | best dfa                |
    | 2    | backprop 2x500 lr0.001          | 3   | 6.33 ± 0.26             | 0.2111 ± 0.0087 | 6.43 ± 0.26       | -                            | 4      | best backprop; baseline |
    | -    | dfa 2x500 lr0.1 a\|b & c_d      | 2/3 | 7.38 ± 0.53             | 0.2458 ± 0.0177 | 7.47 ± 0.53       | +1.19                        | 3.3    | 1 diverged              |
    | -    | backprop 2x500 lr1e-10          | 1/3 | 88.00                   | 2.9333          | 88.10             | +81.75                       | 4      | 1 failed; 1 missing     |

    Images: Fashion-MNIST: 70,000 grey 28x28 images, 10 classes; 60,000 training images; 10,000 validation images, the official test split.

    Warning: 12 validation images are also trained on.

    The dataset has no holdout: `validation` is the official test split.

    Published values and ours:

    | configuration      | published ± sd (n) | ours ± sd (n)   | allowed distance | verdict | source                                          |
    |--------------------|--------------------|-----------------|------------------|---------|-------------------------------------------------|
    | dfa 2x500          | 5.50 ± 0.08 (10)   | 5.58 ± 0.50 (3) | 0.25             | PASS    | Nøkland 2016, arXiv:1609.01596, table 1 \| p. 6 |
    | backprop\_\* 2x500 | 1.25               | 6.33 ± 0.50 (3) | 0.25             | FAIL    | Nøkland 2016, arXiv:1609.01596, table 1 \| p. 6 |
    | drtp               | 9.00 ± 0.08 (10)   | -               | 0.25             | NOT RUN | Nøkland 2016, arXiv:1609.01596, table 1 \| p. 6 |

    drtp-2021/mnist: Frenkel et al. 2021. Read from \<slides>, p. 18.
    ");
}

#[test]
fn columns_of_what_was_not_asked_for_are_left_out() {
    let mut study = special();
    (study.ranked_by, study.test_metric) = (None, None);
    study.notes.clear();
    study.expectations.clear();
    for row in &mut study.rows {
        row.versus = None;
    }
    study.rows[0].stage = "first|stage".into();
    insta::assert_snapshot!(markdown(&study), @r"
    `error_rate/validation` of first\|stage, train, best epoch by loss/validation; mean ± sample standard deviation over seeds, smaller is better.

    | rank | configuration                                 | n   | error_rate/validation % | epochs | remark                  |
    |------|-----------------------------------------------|-----|-------------------------|--------|-------------------------|
    | 1    | first\|stage: dfa 2x500 lr0.001 uniform\<0.1> | 3   | 5.58 ± 0.38             | 4      | best dfa                |
    | 2    | train: backprop 2x500 lr0.001                 | 3   | 6.33 ± 0.26             | 4      | best backprop; baseline |
    | -    | train: dfa 2x500 lr0.1 a\|b & c_d             | 2/3 | 7.38 ± 0.53             | 3.3    | 1 diverged              |
    | -    | train: backprop 2x500 lr1e-10                 | 1/3 | 88.00                   | 4      | 1 failed; 1 missing     |

    Images: Fashion-MNIST: 70,000 grey 28x28 images, 10 classes; 60,000 training images; 10,000 validation images, the official test split.

    Warning: 12 validation images are also trained on.
    ");
}

#[test]
fn a_study_of_nothing_is_a_header() {
    let study = Study { rows: Vec::new(), ..special() };
    assert!(markdown(&study).contains("| rank | configuration |"));
}

#[test]
fn every_line_of_a_table_is_equally_wide() {
    let text = markdown(&special());
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    let (ranking, expectations) = lines.split_at(6);
    for table in [ranking, expectations] {
        let widths: Vec<usize> = table.iter().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}");
    }
}

#[test]
fn a_study_is_a_table_of_booktabs() {
    insta::assert_snapshot!(latex(&special()), @r"
    % Needs \usepackage{booktabs}; pdfLaTeX, XeLaTeX or LuaLaTeX, UTF-8.
    \begin{table}
    \centering
    \caption{Validation error rate (\%): mean $\pm$ standard deviation over $n$ seeds.}
    \label{tab:r-d-100--summary}
    \begin{tabular}{lllrrrrr}
    \toprule
    rule & feedback & learning rate & $n$ & validation error rate (\%) & validation loss & test error rate (\%) & difference to baseline \\
    \midrule
    DFA & uniform\textless{}0.1\textgreater{} & $0.001$ & 3 & $\mathbf{5.58 \pm 0.38}$ & $\mathbf{0.1861 \pm 0.0127}$ & $\mathbf{5.68 \pm 0.38}$ & $-0.75\ [-1.06, -0.44]^{*}$ \\
    BACKPROP (baseline) & -- & $0.001$ & 3 & $6.33 \pm 0.26$ & $0.2111 \pm 0.0087$ & $6.43 \pm 0.26$ & -- \\
    DFA & a\textbar{}b \& c\_d & $0.1$ & 2/3 & $7.38 \pm 0.53$ & $0.2458 \pm 0.0177$ & $7.47 \pm 0.53$ & $+1.19$ \\
    BACKPROP & -- & $1 \cdot 10^{-10}$ & 1/3 & $88.00$ & $2.9333$ & $88.10$ & $+81.75$ \\
    \bottomrule
    \end{tabular}

    \smallskip
    \parbox{\linewidth}{\footnotesize Best epoch by loss/validation of each trial. Ranked by validation loss (best epoch). Bold: the lowest of its column. Where $n$ is $k/m$, only $k$ of $m$ seeds gave a value. Difference to the baseline: mean over common seeds, with its 95\,\% confidence interval by Student's $t$; $^{*}$: $p < 0.05$ in a two-sided paired $t$ test after Holm's correction. The dataset has no holdout: \textasciigrave{}validation\textasciigrave{} is the official test split. Images: Fashion-MNIST: 70,000 grey 28x28 images, 10 classes; 60,000 training images; 10,000 validation images, the official test split. Warning: 12 validation images are also trained on. Settings: dataset: MNIST, 100 \% of the training images, 28$\times$28, ''raw''; early stopping: loss/validation \textless{} 1e-3 \textbar{}\textbar{} patience\_epochs \textgreater{} 5 \& \$HOME \#1 \{x\textasciicircum{}2\} \textasciitilde{} \textbackslash{}n \textasciigrave{}{[}{*}]\textasciigrave{}. Build: bpfree 0.1.0 (33a33f7af17f). Data of images: b9d4ed2788e8.}
    \end{table}
    ");
}

/// Compiles a document of this body; absent where the program is not there.
fn compile(program: &str, body: &str) -> Option<std::process::Output> {
    let folder = tempfile::tempdir().expect("a folder");
    let document = format!(
        "\\documentclass{{article}}\n\\usepackage{{booktabs}}\n\\begin{{document}}\n{body}\\end{{document}}\n"
    );
    std::fs::write(folder.path().join("table.tex"), document).expect("a file in it");
    let arguments: &[&str] = match program {
        "tectonic" => &["--only-cached"],
        _ => &["-interaction=nonstopmode", "-halt-on-error"],
    };
    Command::new(program).args(arguments).arg("table.tex").current_dir(folder.path()).output().ok()
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so; nothing else would show it")]
fn latex_compiles_it() {
    // An installation without booktabs, or without formats, tells nothing about our table.
    let works = |program: &&str| compile(program, "x\n").is_some_and(|output| output.status.success());
    let Some(program) = ["pdflatex", "lualatex", "tectonic"].into_iter().find(works) else {
        return eprintln!("skipped: there is no pdflatex, lualatex or tectonic with booktabs");
    };
    let pivots = latex_pivots(&two_datasets()).expect("two datasets");
    for table in [latex(&special()), latex(&two_datasets()), pivots] {
        let output = compile(program, &table).expect("it started before");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// Returns the ranked rows of a study twice, on an easy and on a hard dataset, where the values are doubled.
fn two_datasets() -> Study {
    let study = special();
    let mut rows: Vec<Row> = study.rows.iter().filter(|row| row.rank.is_some()).cloned().collect();
    let mut hard = rows.clone();
    rows.iter_mut().for_each(|row| row.dataset = "easy".into());
    for row in &mut hard {
        row.dataset = "hard_1".into();
        row.value = row.value.map(|value| statistics::Description { mean: 2.0 * value.mean, ..value });
    }
    rows.extend(hard);
    Study { rows, pivot: Some("hidden"), notes: Vec::new(), expectations: Vec::new(), ..study }
}

#[test]
fn each_dataset_has_its_table_and_rules_have_one_over_datasets() {
    let text = markdown(&two_datasets());
    insta::assert_snapshot!(text, @r"
    `error_rate/validation` of train, best epoch by loss/validation; mean ± sample standard deviation over seeds, smaller is better. Ranked by `loss/validation`, best epoch. Against the baseline: mean difference over common seeds [its 95 % confidence interval by Student's t], p of the paired t test after Holm's correction.

    Dataset easy:

    | rank | configuration                   | n | error_rate/validation % | loss/validation | error_rate/test % | against baseline             | epochs | remark                  |
    |------|---------------------------------|---|-------------------------|-----------------|-------------------|------------------------------|--------|-------------------------|
    | 1    | dfa 2x500 lr0.001 uniform\<0.1> | 3 | 5.58 ± 0.38             | 0.1861 ± 0.0127 | 5.68 ± 0.38       | -0.75 [-1.06, -0.44] p=0.009 | 4      | best dfa                |
    | 2    | backprop 2x500 lr0.001          | 3 | 6.33 ± 0.26             | 0.2111 ± 0.0087 | 6.43 ± 0.26       | -                            | 4      | best backprop; baseline |

    Dataset hard_1:

    | rank | configuration                   | n | error_rate/validation % | loss/validation | error_rate/test % | against baseline             | epochs | remark                  |
    |------|---------------------------------|---|-------------------------|-----------------|-------------------|------------------------------|--------|-------------------------|
    | 1    | dfa 2x500 lr0.001 uniform\<0.1> | 3 | 11.17 ± 0.38            | 0.1861 ± 0.0127 | 5.68 ± 0.38       | -0.75 [-1.06, -0.44] p=0.009 | 4      | best dfa                |
    | 2    | backprop 2x500 lr0.001          | 3 | 12.67 ± 0.26            | 0.2111 ± 0.0087 | 6.43 ± 0.26       | -                            | 4      | best backprop; baseline |

    The best configuration of each rule, by dataset:

    | rule     | easy            | hard_1           |
    |----------|-----------------|------------------|
    | DFA      | **5.58 ± 0.38** | **11.17 ± 0.38** |
    | BACKPROP | 6.33 ± 0.26     | 12.67 ± 0.26     |

    Images: Fashion-MNIST: 70,000 grey 28x28 images, 10 classes; 60,000 training images; 10,000 validation images, the official test split.

    Warning: 12 validation images are also trained on.
    ");
    let (tables, pivots) = (latex(&two_datasets()), latex_pivots(&two_datasets()).expect("two datasets"));
    assert_eq!(tables.matches("\\begin{table}").count(), 2);
    assert!(tables.contains("on easy:") && tables.contains("on hard\\_1:"), "{tables}");
    insta::assert_snapshot!(pivots, @r"
    % Needs \usepackage{booktabs}; pdfLaTeX, XeLaTeX or LuaLaTeX, UTF-8.
    \begin{table}
    \centering
    \caption{Validation error rate (\%) by dataset: mean $\pm$ standard deviation over seeds.}
    \label{tab:r-d-100--summary-dataset}
    \begin{tabular}{lrr}
    \toprule
    rule & easy & hard\_1 \\
    \midrule
    DFA & $\mathbf{5.58 \pm 0.38}$ & $\mathbf{11.17 \pm 0.38}$ \\
    BACKPROP & $6.33 \pm 0.26$ & $12.67 \pm 0.26$ \\
    \bottomrule
    \end{tabular}

    \smallskip
    \parbox{\linewidth}{\footnotesize The best configuration of each rule. Best epoch by loss/validation of each trial. Ranked by validation loss (best epoch). Bold: the lowest of its column. Images: Fashion-MNIST: 70,000 grey 28x28 images, 10 classes; 60,000 training images; 10,000 validation images, the official test split. Warning: 12 validation images are also trained on. Settings: dataset: MNIST, 100 \% of the training images, 28$\times$28, ''raw''; early stopping: loss/validation \textless{} 1e-3 \textbar{}\textbar{} patience\_epochs \textgreater{} 5 \& \$HOME \#1 \{x\textasciicircum{}2\} \textasciitilde{} \textbackslash{}n \textasciigrave{}{[}{*}]\textasciigrave{}. Build: bpfree 0.1.0 (33a33f7af17f). Data of images: b9d4ed2788e8.}
    \end{table}
    ");
    assert_eq!(latex_pivots(&special()), None);
    // The first rank counts, also where another configuration has a lower reported value.
    let mut study = two_datasets();
    let mut second = study.rows[0].clone();
    second.rank = Some(3);
    second.value = second.value.map(|value| statistics::Description { mean: 1.0, ..value });
    study.rows.insert(2, second);
    assert!(
        markdown(&study).contains("| DFA      | **5.58 ± 0.38** | **11.17 ± 0.38** |"),
        "{}",
        markdown(&study)
    );
}

fn trials(study: &Study) -> impl Iterator<Item = (&Row, &Trial)> {
    study.rows.iter().flat_map(|row| row.trials.iter().map(move |trial| (row, trial)))
}

/// Cells by the names of their columns, line by line.
fn read(text: &str) -> Vec<HashMap<String, String>> {
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|line| line.expect("a line of cells")).collect()
}

#[track_caller]
fn check_number(line: &HashMap<String, String>, column: &str, expected: Option<f64>) {
    let cell = &line[column];
    let number = (!cell.is_empty()).then(|| cell.parse::<f64>().expect("a number"));
    assert_eq!(number.map(f64::to_bits), expected.map(f64::to_bits), "{column}: {cell}");
}

#[track_caller]
fn check_configuration(line: &HashMap<String, String>, row: &Row) {
    assert_eq!(line["configuration"], row.configuration.slug);
    for (axis, value) in &row.configuration.axes {
        match value {
            Some(AxisValue::Number(number)) => check_number(line, axis, Some(*number)),
            Some(AxisValue::Text(text)) => assert_eq!(line[*axis], *text),
            None => assert_eq!(line[*axis], ""),
        }
    }
}

#[test]
fn the_columns_of_configurations_are_the_axes_among_what_was_measured() {
    let text = configurations_csv(&special());
    insta::assert_snapshot!(text.lines().next().expect("a header"), @"rank,dataset,stage,configuration,algorithm,hidden,feedback,learning_rate,seeds,n,diverged,failed,missing,dropped_after,metric,mean,sd,ci_low,ci_high,median,ranked_by,ranked_by_mean,ranked_by_sd,test_metric,test_mean,test_sd,pairs,difference,difference_low,difference_high,effect_size,p,p_corrected,wilcoxon_p,epochs,is_baseline,best_of");
}

#[test]
fn a_line_of_a_history_needs_no_other_file() {
    let text = history_csv(&special());
    let lines: Vec<&str> = text.lines().take(3).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    dataset,stage,configuration,algorithm,hidden,feedback,learning_rate,seed,epoch,step,metric,value
    images,train,dfa-2x500-lr0.001,dfa,500-500,uniform<0.1>,0.001,1,1,25,loss/train,0.55
    images,train,dfa-2x500-lr0.001,dfa,500-500,uniform<0.1>,0.001,1,2,50,loss/train,0.275
    ");
}

#[test]
fn every_number_of_a_configuration_reads_back() {
    let study = special();
    let lines = read(&configurations_csv(&study));
    assert_eq!(lines.len(), study.rows.len());
    for (line, row) in lines.iter().zip(&study.rows) {
        let value = row.value.expect("a value");
        check_number(line, "rank", row.rank.map(f64::from));
        check_number(line, "mean", Some(value.mean));
        check_number(line, "sd", value.deviation);
        check_number(line, "ci_low", value.interval.map(|interval| interval.low));
        check_number(line, "ci_high", value.interval.map(|interval| interval.high));
        check_number(line, "median", Some(value.median));
        check_number(line, "ranked_by_mean", row.ranked_by.map(|value| value.mean));
        check_number(line, "test_mean", row.test.map(|value| value.mean));
        let comparison = row.versus.map(|versus| versus.comparison);
        check_number(line, "difference", comparison.map(|comparison| comparison.difference));
        check_number(line, "p", comparison.and_then(|comparison| comparison.t_test));
        check_number(line, "p_corrected", row.versus.and_then(|versus| versus.corrected));
        check_number(line, "wilcoxon_p", comparison.and_then(|comparison| comparison.wilcoxon));
        check_configuration(line, row);
        assert_eq!(line["best_of"], row.best_of.clone().unwrap_or_default());
        assert_eq!(line["is_baseline"], row.is_baseline.to_string());
        assert_eq!(line["metric"], study.reported.metric);
    }
}

#[test]
fn every_trial_reads_back() {
    let study = special();
    let lines = read(&trials_csv(&study));
    assert_eq!(lines.len(), trials(&study).count());
    for (line, (row, trial)) in lines.iter().zip(trials(&study)) {
        check_configuration(line, row);
        assert_eq!(line["seed"], trial.seed.to_string());
        assert_eq!(line["step"], trial.epoch.map_or(String::new(), |epoch| (25 * epoch).to_string()));
        assert_eq!(line["key"], trial.key);
        check_number(line, "value", trial.value);
        check_number(line, "ranked_by", trial.ranked_by);
        check_number(line, "test", trial.test);
        check_number(line, "seconds", trial.seconds);
        let (outcome, reason) = match &trial.end {
            End::Missing => ("missing", ""),
            End::Failed(reason) => ("failed", reason.as_str()),
            End::Finished => ("finished", ""),
            End::Stopped => ("stopped", ""),
            End::Diverged(reason) => ("diverged", reason.as_str()),
        };
        assert_eq!((line["outcome"].as_str(), line["reason"].as_str()), (outcome, reason));
    }
}

#[test]
fn a_history_is_told_value_by_value() {
    let study = special();
    let lines = read(&history_csv(&study));
    let mut next = lines.iter();
    for (row, trial) in trials(&study) {
        for Series { metric, points } in &trial.series {
            for (epoch, value) in points {
                let line = next.next().expect("a line for each value");
                check_configuration(line, row);
                assert_eq!(line["seed"], trial.seed.to_string());
                assert_eq!(line["metric"], *metric);
                assert_eq!(line["epoch"], epoch.to_string());
                assert_eq!(line["step"], (25 * epoch).to_string());
                check_number(line, "value", Some(*value));
            }
        }
    }
    assert!(next.next().is_none());
}

#[test]
fn an_axis_with_a_text_is_a_column_of_texts() {
    let mut study = special();
    study.rows[0].configuration.axes[3].1 = Some(AxisValue::Text("from 0.1 to 0.001".into()));
    let lines = read(&configurations_csv(&study));
    assert_eq!(lines[0]["learning_rate"], "from 0.1 to 0.001");
    assert_eq!(lines[1]["learning_rate"], "0.001");
    assert_eq!(lines[1]["feedback"], "");
}

#[test]
fn a_study_of_nothing_has_headers() {
    let study = Study { rows: Vec::new(), ..special() };
    for text in [configurations_csv(&study), trials_csv(&study), history_csv(&study)] {
        assert_eq!(text.lines().count(), 1);
    }
}
