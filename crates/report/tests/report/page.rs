//! The page as a whole: well-formed, self-contained, without sections that have nothing to show.
//!
//! `PAGES=FOLDER cargo test -p report` writes the pages into a folder, to look at them.

use std::{env, fs, path::Path};

use report::{AxisValue, Criterion, End, Row, Series, Study, page};
use roxmltree::{Document, Node};

use crate::studies::{Extent, made_up, random_search, typical};

const NASTY: &str = "<b onclick='x()'>\"R&D\"</b> \u{1b}[1m ]]> --> </script>";

fn small() -> Extent {
    Extent { rates: vec![1e-3, 1e-2], seeds: 2, epochs: 4, layers: 1, ..typical() }
}

fn one() -> Extent {
    Extent {
        algorithms: vec!["dfa".to_owned()],
        networks: vec!["2x128".to_owned()],
        rates: vec![1e-3],
        seeds: 1,
        epochs: 1,
        layers: 0,
    }
}

fn changed(extent: Extent, change: impl FnOnce(&mut Study)) -> Study {
    let mut study = made_up(&extent);
    change(&mut study);
    study
}

fn without_results(study: &mut Study) {
    for row in &mut study.rows {
        (row.value, row.ranked_by, row.test, row.versus) = (None, None, None, None);
        (row.rank, row.best_of, row.missing) = (None, None, row.seeds);
        for trial in &mut row.trials {
            (trial.end, trial.value, trial.seconds) = (End::Missing, None, None);
            trial.series.clear();
        }
    }
}

fn without_trackers(study: &mut Study) {
    let is_tracked = |series: &Series| series.metric.contains("layer") || series.metric.contains("network");
    let trials = study.rows.iter_mut().flat_map(|row| &mut row.trials);
    trials.for_each(|trial| {
        trial.series.retain(|series| !is_tracked(series) && !series.metric.starts_with("output"));
        trial.seconds = None;
    });
}

fn with_no_numbers(study: &mut Study) {
    let series = study.rows.iter_mut().flat_map(|row| &mut row.trials).flat_map(|trial| &mut trial.series);
    for (index, series) in series.enumerate() {
        let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, -f64::MAX, 0.0, -1.0];
        for (place, point) in series.points.iter_mut().enumerate() {
            point.1 = values[(index + place) % values.len()];
        }
    }
    for row in &mut study.rows {
        if let Some(value) = &mut row.value {
            (value.mean, value.deviation) = (f64::NAN, Some(f64::INFINITY));
        }
    }
}

fn with_nasty_names(study: &mut Study) {
    (study.pipeline, study.stage) = (NASTY.to_owned(), NASTY.to_owned());
    study.notes.push(NASTY.to_owned());
    study.reported.epoch = NASTY.to_owned();
    study.ranked_by = Some(Criterion { metric: format!("loss/{NASTY}"), epoch: NASTY.to_owned() });
    study.test_metric = Some(NASTY.to_owned());
    study.settings.iter_mut().for_each(|setting| {
        (setting.name, setting.value) = (NASTY.to_owned(), NASTY.to_owned());
    });
    study.expectations.iter_mut().for_each(|expectation| {
        (expectation.of, expectation.source) = (NASTY.to_owned(), NASTY.to_owned());
    });
    study.pictures.iter_mut().for_each(|picture| {
        (picture.caption, picture.algorithm) = (NASTY.to_owned(), NASTY.to_owned());
    });
    let provenance = &mut study.provenance;
    (provenance.command, provenance.text) = (NASTY.to_owned(), NASTY.to_owned());
    (provenance.builds, provenance.machines) = (vec![NASTY.to_owned()], vec![NASTY.to_owned()]);
    for (index, row) in study.rows.iter_mut().enumerate() {
        row.stage = format!("{NASTY}{}", index % 2);
        let name = format!("{NASTY}{}", index % 7);
        row.configuration.label = format!("{name} label");
        row.configuration.slug = NASTY.to_owned();
        row.best_of = row.best_of.as_ref().map(|_| name.clone());
        row.configuration.axes[0].1 = Some(AxisValue::Text(name.clone()));
        row.configuration.algorithm = name;
        for trial in &mut row.trials {
            trial.key = NASTY.to_owned();
            if let End::Failed(reason) | End::Diverged(reason) = &mut trial.end {
                *reason = NASTY.to_owned();
            }
            trial.series.push(Series {
                metric: format!("layer_1{NASTY}/bp_angle"),
                points: vec![(1, 0.5), (2, 0.6)],
            });
        }
    }
}

fn every_kind() -> Vec<(&'static str, Study)> {
    let many_algorithms = || Extent {
        algorithms: (0..12).map(|index| format!("rule {index} {}", "long ".repeat(30))).collect(),
        layers: 12,
        ..small()
    };
    let many_rows = || Extent {
        rates: (1..=100).map(|rate| f64::from(rate) * 1e-4).collect(),
        seeds: 1,
        epochs: 1,
        layers: 0,
        ..typical()
    };
    vec![
        ("typical", made_up(&typical())),
        ("one row, one seed, one epoch", made_up(&one())),
        ("one row without results", changed(one(), without_results)),
        ("all missing", changed(small(), without_results)),
        ("no rows", changed(small(), |study| study.rows.clear())),
        ("no trials", changed(small(), |study| study.rows.iter_mut().for_each(|row| row.trials.clear()))),
        ("no trackers", changed(small(), without_trackers)),
        ("no numbers", changed(small(), with_no_numbers)),
        ("nasty names", changed(small(), with_nasty_names)),
        ("twelve algorithms and layers", made_up(&many_algorithms())),
        ("a thousand rows", made_up(&many_rows())),
        ("a random search of a thousand configurations", random_search(200, 1)),
        (
            "no axes",
            changed(small(), |study| study.rows.iter_mut().for_each(|row| row.configuration.axes.clear())),
        ),
    ]
}

/// The page without its first line, which is not XML.
fn body(page: &str) -> &str {
    page.strip_prefix("<!DOCTYPE html>\n").expect("a document type")
}

fn anchors(document: &Document<'_>) -> Vec<String> {
    let sections = document.descendants().filter(|node| node.has_tag_name("section"));
    sections.filter_map(|section| section.attribute("id")).map(str::to_owned).collect()
}

fn sections(study: &Study) -> Vec<String> {
    anchors(&Document::parse(body(&page(study))).expect("well-formed"))
}

/// Checks properties of the page of any study.
#[track_caller]
fn check(name: &str, study: &Study) {
    let page = page(study);
    if let Some(folder) = env::var_os("PAGES") {
        fs::write(Path::new(&folder).join(format!("{name}.html")), &page).expect("the folder is there");
    }
    let document = Document::parse(body(&page)).unwrap_or_else(|error| panic!("{name}: {error}"));
    for node in document.descendants().filter(Node::is_element) {
        check_attributes(name, node);
    }
    let ids: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    assert!(ids.iter().all(|id| ids.iter().filter(|other| *other == id).count() == 1), "{name}: {ids:?}");
    for link in document.descendants().filter_map(|node| node.attribute("href")) {
        let target = link.strip_prefix('#');
        assert!(target.is_none_or(|target| ids.contains(&target)), "{name}: {link} leads nowhere");
    }
}

#[track_caller]
fn check_attributes(name: &str, node: Node<'_, '_>) {
    for attribute in node.attributes() {
        let (key, value) = (attribute.name(), attribute.value());
        let asks = matches!(key, "src" | "href" | "srcset" | "action" | "poster" | "data" | "background");
        assert!(!asks || value.starts_with("data:") || value.starts_with('#'), "{name}: {key}={value}");
        assert!(!key.starts_with("on"), "{name}: {key}={value}");
        let is_place = matches!(key, "d" | "x" | "y" | "viewBox" | "style" | "width" | "height");
        assert!(!is_place || !(value.contains("NaN") || value.contains("inf")), "{name}: {key}={value}");
    }
    let tag = node.tag_name().name();
    assert!(tag != "b" && tag != "iframe" && tag != "object", "{name}: a name became markup");
    if tag == "img" {
        assert!(node.attribute("alt").is_some_and(|alt| !alt.is_empty()), "{name}: a picture without words");
    }
    if node.attribute("class") == Some("chart") {
        assert_eq!(node.attribute("role"), Some("img"), "{name}");
        assert!(
            node.attribute("aria-label").is_some_and(|label| label.len() > 20),
            "{name}: a chart without words"
        );
    }
    if tag == "figure" {
        assert!(node.descendants().any(|inner| inner.has_tag_name("figcaption")), "{name}: no caption");
    }
}

#[test]
fn every_page_is_well_formed_and_needs_nothing_beside_it() {
    for (name, study) in every_kind() {
        check(name, &study);
    }
}

#[test]
fn the_style_sheet_asks_for_nothing() {
    let page = page(&made_up(&one()));
    let document = Document::parse(body(&page)).expect("well-formed");
    let style = document.descendants().find(|node| node.has_tag_name("style")).expect("a style sheet");
    let text = style.text().expect("rules");
    assert!(!text.contains("url(") && !text.contains("@import") && !text.contains("://"));
}

#[test]
fn a_typical_page_has_every_section() {
    assert_eq!(
        sections(&made_up(&typical())),
        [
            "settings",
            "results",
            "expectations",
            "learning-curves",
            "axes",
            "parallel-coordinates",
            "learning-rates",
            "alignment",
            "best-so-far",
            "budget",
            "costs",
            "pictures",
            "gaps",
            "reproduction"
        ]
    );
}

#[test]
fn a_section_with_nothing_to_show_is_absent() {
    let missing = |study: &Study| {
        let all = sections(&made_up(&typical()));
        let there = sections(study);
        all.into_iter().filter(|section| !there.contains(section)).collect::<Vec<_>>()
    };
    let typical = typical;
    for (change, absent) in [
        (without_trackers as fn(&mut Study), &["alignment", "costs"][..]),
        (
            without_results,
            &[
                "learning-curves",
                "axes",
                "parallel-coordinates",
                "learning-rates",
                "alignment",
                "best-so-far",
                "costs",
            ],
        ),
        (
            |study| study.rows.clear(),
            &[
                "results",
                "learning-curves",
                "axes",
                "parallel-coordinates",
                "learning-rates",
                "alignment",
                "best-so-far",
                "budget",
                "costs",
                "gaps",
            ],
        ),
        (|study| study.expectations.clear(), &["expectations"]),
        (|study| study.pictures.clear(), &["pictures"]),
        (
            |study| {
                study.settings.clear();
                study.images.clear();
            },
            &["settings"],
        ),
        (
            |study| {
                study
                    .rows
                    .iter_mut()
                    .flat_map(|row| &mut row.trials)
                    .for_each(|trial| trial.end = End::Finished)
            },
            &["gaps"],
        ),
    ] {
        assert_eq!(missing(&changed(typical(), change)), absent);
    }
    let one_rate = Extent { rates: vec![1e-3], ..typical() };
    assert_eq!(
        missing(&made_up(&one_rate)),
        ["parallel-coordinates", "learning-rates", "best-so-far", "gaps"]
    );
    let one_axis = Extent { networks: vec!["2x128".to_owned()], ..one_rate };
    assert_eq!(
        missing(&made_up(&one_axis)),
        ["axes", "parallel-coordinates", "learning-rates", "best-so-far", "gaps"]
    );
}

#[test]
fn a_long_table_is_folded_and_whole() {
    let extent = Extent { rates: (1..=20).map(|rate| f64::from(rate) * 1e-4).collect(), ..small() };
    let page = page(&made_up(&extent));
    let document = Document::parse(body(&page)).expect("well-formed");
    let table =
        document.descendants().find(|node| node.attribute("class") == Some("sortable")).expect("a table");
    let rows = |node: Node<'_, '_>| {
        let bodies = node.descendants().filter(|inner| inner.has_tag_name("tbody"));
        bodies.flat_map(|body| body.children()).filter(|child| child.has_tag_name("tr")).count()
    };
    let folded = table.descendants().find(|node| node.has_tag_name("details")).expect("a fold");
    assert_eq!((rows(table), rows(folded)), (200, 150));
}

#[test]
fn every_row_has_a_cell_for_every_header() {
    for (name, study) in every_kind() {
        let page = page(&study);
        let document = Document::parse(body(&page)).expect("well-formed");
        for table in document.descendants().filter(|node| node.has_tag_name("table")) {
            let widths: Vec<usize> = table
                .descendants()
                .filter(|node| node.has_tag_name("tr"))
                .map(|row| row.children().filter(Node::is_element).count())
                .collect();
            assert!(widths.iter().all(|width| *width == widths[0]), "{name}: {widths:?}");
        }
    }
}

#[test]
fn the_heat_map_holds_the_lowest_mean_of_each_cell() {
    let study = made_up(&typical());
    let page = page(&study);
    let document = Document::parse(body(&page)).expect("well-formed");
    let map =
        document.descendants().find(|node| node.attribute("class") == Some("narrow heat")).expect("a map");
    let best: Vec<Node<'_, '_>> =
        map.descendants().filter(|node| node.attribute("class") == Some("best")).collect();
    let complete = study.rows.iter().filter(|row| row.rank.is_some());
    let lowest = complete.filter_map(|row| row.value).map(|value| value.mean).fold(f64::INFINITY, f64::min);
    assert_eq!(best.len(), 1);
    assert_eq!(best[0].text(), Some(format!("{lowest:.2}").as_str()));
    // Four rates by five rules, of which three have no complete configuration at the largest rate.
    let shaded = map.descendants().filter(|node| node.attribute("style").is_some()).count();
    assert_eq!(shaded, 4 * 5 - 3);
}

#[test]
fn learning_rates_have_a_marker_for_each_rule_and_rate() {
    let page = page(&made_up(&typical()));
    let document = Document::parse(body(&page)).expect("well-formed");
    let section = document.descendants().find(|node| node.attribute("id") == Some("learning-rates"));
    let chart =
        section.expect("a section").descendants().find(|node| node.attribute("class") == Some("chart"));
    let chart = chart.expect("a chart");
    assert_eq!(chart.descendants().filter(|node| node.has_tag_name("use")).count(), 4 * 5 - 3);
}

/// Returns the texts of the cells of the table below the heading.
fn table_below(page: &str, heading: &str) -> Vec<Vec<String>> {
    let document = Document::parse(body(page)).expect("well-formed");
    let heading = document.descendants().find(|node| node.text() == Some(heading)).expect("a heading");
    let table = heading.next_siblings().find(|node| node.attribute("class") == Some("plain"));
    let rows = table.expect("a table").descendants().filter(|node| node.has_tag_name("tr"));
    rows.map(|row| row.children().filter_map(|cell| cell.text()).map(str::to_owned).collect()).collect()
}

#[test]
fn the_importance_of_axes_is_that_of_each_rule_s_complete_grid() {
    // Two networks by three rates; the rate counts twenty times as much as the network.
    let additive = |study: &mut Study| {
        for row in &mut study.rows {
            let Some(AxisValue::Number(rate)) = row.configuration.axes[4].1 else { panic!("a rate") };
            let is_wide = row.configuration.axes[1].1 == Some(AxisValue::Text("2x500".into()));
            let mean = 10.0 - rate.log10() * 2.0 + f64::from(u8::from(is_wide));
            (row.rank, row.value) = (Some(1), statistics::describe(&[mean, mean]));
        }
        study.ranked_by = None;
    };
    let extent = Extent {
        algorithms: vec!["backprop".into(), "dfa".into()],
        rates: vec![1e-4, 1e-3, 1e-2],
        ..small()
    };
    let study = changed(extent, additive);
    let shares = |study: &Study| table_below(&page(study), "Importance of each axis");
    let rate_variance = 4.0 * 2.0 / 3.0;
    let network = format!("{:.0}\u{a0}%", 100.0 * 0.25 / (0.25 + rate_variance));
    let rate = format!("{:.0}\u{a0}%", 100.0 * rate_variance / (0.25 + rate_variance));
    let line = |rule: &str, count: &str| {
        vec![rule.to_owned(), count.into(), network.clone(), rate.clone(), "0\u{a0}%".into()]
    };
    let head =
        ["rule", "configurations", "hidden", "learning rate", "interactions"].map(str::to_owned).to_vec();
    assert_eq!(shares(&study), [head.clone(), line("BACKPROP", "6"), line("DFA", "6")]);

    // A rate with a diverged configuration is left out; a missing combination is no grid.
    let mut study = study;
    let at = |study: &Study, rule: &str, rate: f64| {
        let is_meant = |row: &Row| {
            row.configuration.algorithm == rule
                && row.configuration.axes[4].1 == Some(AxisValue::Number(rate))
        };
        study.rows.iter().position(is_meant).expect("a row")
    };
    let diverged = at(&study, "dfa", 1e-2);
    (study.rows[diverged].rank, study.rows[diverged].value) = (None, None);
    let absent = at(&study, "backprop", 1e-3);
    study.rows.remove(absent);
    let rows = shares(&study);
    assert_eq!((rows.len(), rows[1][0].as_str(), rows[1][1].as_str()), (2, "DFA", "4"));
    let text = page(&study);
    assert!(
        text.contains("DFA without learning rate 0.01.")
            && text.contains("No importance of axes for BACKPROP"),
        "{text}"
    );
}

#[test]
fn the_best_so_far_is_drawn_for_every_rule_and_not_for_winners_of_a_search() {
    let study = made_up(&typical());
    let section = |study: &Study| {
        let page = page(study);
        let part = page
            .split("<section id=\"best-so-far\">")
            .nth(1)
            .and_then(|rest| rest.split("</section>").next());
        part.map(str::to_owned)
    };
    let drawn = section(&study).expect("a section");
    assert_eq!(
        (drawn.matches("class=\"line\"").count(), drawn.matches("class=\"band\"").count()),
        (5 + 5, 5)
    );
    // Two of the eight configurations of drtp diverge; those with a missing or a failed seed are no tries.
    assert!(drawn.contains("8 configurations, 2 diverged"), "{drawn}");
    assert!(drawn.contains("6 configurations") && drawn.contains("are left out"), "{drawn}");
    assert_eq!(section(&changed(typical(), |study| study.search = study.rows.clone())), None);
}

/// Ten times as many lines and cells would not be.
#[test]
fn a_page_of_ten_thousand_configurations_is_made_and_draws_a_thousand() {
    let study = random_search(2000, 1);
    let page = page(&study);
    let document = Document::parse(body(&page)).expect("well-formed");
    let drawing = document
        .descendants()
        .find(|node| node.attribute("class") == Some("chart coordinates"))
        .expect("parallel coordinates");
    let lines = drawing.children().filter(|node| node.attribute("data-group").is_some());
    assert_eq!(lines.count(), 1000);
    // A table of fewer cells than configurations.
    let map = document.descendants().find(|node| node.attribute("class") == Some("narrow heat"));
    let cells = map.into_iter().flat_map(|map| map.descendants()).filter(|node| node.has_tag_name("td"));
    assert!((4..=20).contains(&cells.count()), "networks, activations and rules have few values");
    assert!(page.len() < 1000 * study.rows.len(), "{} bytes", page.len());
}

#[test]
fn parallel_coordinates_have_a_line_for_each_ranked_configuration_and_a_place_on_every_axis() {
    let study = random_search(20, 2);
    let text = page(&study);
    let document = Document::parse(body(&text)).expect("well-formed");
    let drawing = document
        .descendants()
        .find(|node| node.attribute("class") == Some("chart coordinates"))
        .expect("parallel coordinates");
    let lines: Vec<Node<'_, '_>> =
        drawing.children().filter(|node| node.attribute("data-group").is_some()).collect();
    let ranked = study.rows.iter().filter(|row| row.rank.is_some());
    assert_eq!(lines.len(), ranked.count());
    // Network, activation, feedback-free: rate, dropout and the result.
    let places = |line: &Node<'_, '_>| {
        let path = line.descendants().find_map(|node| node.attribute("d")).expect("a line");
        path.matches(['M', 'L']).count()
    };
    assert!(lines.iter().all(|line| places(line) == 5), "{text}");
    // The best of each rule are on top.
    let is_best = |line: &Node<'_, '_>| line.attribute("class").is_some_and(|class| class.contains("best"));
    let best: Vec<bool> = lines.iter().map(is_best).collect();
    assert_eq!(best.iter().rev().take_while(|best| **best).count(), 5);
    assert_eq!(best.iter().filter(|best| **best).count(), 5);
    assert!(text.contains("Logarithmic: learning rate."), "{text}");
}

#[test]
fn a_choice_of_groups_is_there_where_there_are_several() {
    assert!(page(&made_up(&typical())).contains("<option value=\"dfa\">"));
    assert!(!page(&made_up(&one())).contains("<select"));
}
