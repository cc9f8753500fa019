//! The CSV text of a history: a row per epoch, a column per metric, an empty cell where nothing was measured.
//!
//! ```text
//! epoch,loss/train,error_rate/train
//! 1,2.302585,0.9
//! 2,NaN,
//! ```
//!
//! Every value is the shortest text that reads back as the same f64, or `NaN`, `inf`, `-inf`. The sign and payload of
//! a NaN are not kept.

use std::{collections::BTreeSet, str::FromStr};

use csv::StringRecord;

use crate::{Epoch, Error, History};
use settings::Metric;

impl History {
    /// Returns the table as text; the columns are in the order of [`Metric`].
    pub fn to_csv(&self) -> String {
        let columns: BTreeSet<&Metric> =
            self.epochs().iter().flat_map(|epoch| &epoch.values).map(|(m, _)| m).collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        let header = ["epoch".to_owned()].into_iter().chain(columns.iter().map(ToString::to_string));
        writer.write_record(header).expect("memory takes every record");
        for epoch in self.epochs() {
            let cells = columns.iter().map(|metric| epoch.value(metric).map_or_else(String::new, cell));
            let row = [epoch.epoch.to_string()].into_iter().chain(cells);
            writer.write_record(row).expect("every row has a cell per column");
        }
        let bytes = writer.into_inner().expect("memory takes every record");
        String::from_utf8(bytes).expect("only text was written")
    }

    /// Reads the text that [`History::to_csv`] wrote.
    ///
    /// # Errors
    /// If the text is cut within a line, or has an unknown column, a cell that is not a number, or epochs out of order.
    pub fn from_csv(text: &str) -> Result<Self, Error> {
        if !text.ends_with('\n') {
            return Err(Error::CsvTruncated);
        }
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let metrics = columns(reader.headers()?)?;
        let mut history = Self::default();
        for record in reader.records() {
            history.push(row(&record?, &metrics)?)?;
        }
        Ok(history)
    }
}

/// Returns the debug form of an f64: its shortest exact text, with an exponent where the plain form has many digits.
fn cell(value: f64) -> String {
    format!("{value:?}")
}

fn columns(header: &StringRecord) -> Result<Vec<Metric>, Error> {
    match header.get(0) {
        Some("epoch") => header.iter().skip(1).map(|name| Ok(name.parse()?)).collect(),
        first => Err(Error::CsvFirstColumn { got: first.unwrap_or_default().to_owned() }),
    }
}

fn row(record: &StringRecord, metrics: &[Metric]) -> Result<Epoch, Error> {
    let line = record.position().map_or(0, csv::Position::line);
    let epoch = number(&record[0], line, "epoch", "a whole number from 1")?;
    let cells = metrics.iter().zip(record.iter().skip(1)).filter(|(_, text)| !text.is_empty());
    let values = cells.map(|(metric, text)| {
        let value = number(text, line, &metric.to_string(), "a number, NaN, inf, -inf or nothing")?;
        Ok((metric.clone(), value))
    });
    Ok(Epoch { epoch, values: values.collect::<Result<_, Error>>()? })
}

fn number<T: FromStr>(text: &str, line: u64, column: &str, allowed: &'static str) -> Result<T, Error> {
    text.parse().map_err(|_| Error::CsvCell {
        line,
        column: column.to_owned(),
        got: text.to_owned(),
        allowed,
    })
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_map, num::f64::ANY, prelude::*};

    use super::*;
    use settings::{Place, Quantity, Split};

    fn metric() -> impl Strategy<Value = Metric> {
        let layer = (0_u32..20).prop_map(|layer| {
            let quantity = Quantity::named("bp_cosine");
            Metric::At { place: Place::Layer(layer), quantity }
        });
        prop_oneof![prop::sample::select(Metric::KNOWN.to_vec()), layer]
    }

    fn any_history() -> impl Strategy<Value = History> {
        btree_map(1..u32::MAX, btree_map(metric(), ANY, 0..8), 0..12).prop_map(|epochs| {
            let mut history = History::default();
            for (epoch, values) in epochs {
                history.push(Epoch { epoch, values: values.into_iter().collect() }).expect("in order");
            }
            history
        })
    }

    /// Returns the bits of every value, the same bits for all NaNs.
    fn bits(history: &History) -> Vec<(u32, Metric, u64)> {
        let bits = |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
        let epochs = history.epochs().iter();
        epochs.flat_map(|e| e.values.iter().map(|(m, v)| (e.epoch, m.clone(), bits(*v)))).collect()
    }

    proptest! {
        #[test]
        fn every_history_reads_back_bit_for_bit(history in any_history()) {
            let text = history.to_csv();
            let read = History::from_csv(&text)?;
            prop_assert_eq!(bits(&read), bits(&history));
            prop_assert_eq!(read.epochs().len(), history.epochs().len());
            prop_assert_eq!(read.to_csv(), text);
        }
    }

    #[test]
    fn the_table_is_wide_with_empty_cells() {
        let mut history = History::default();
        let first = vec![(Metric::ErrorRate(Split::Train), 0.9), (Metric::Loss(Split::Train), 0.1 + 0.2)];
        history.push(Epoch { epoch: 1, values: first }).expect("in order");
        let second = vec![(Metric::Loss(Split::Train), f64::NAN)];
        history.push(Epoch { epoch: 2, values: second }).expect("in order");
        let third =
            vec![(Metric::Loss(Split::Train), -0.0), (Metric::ErrorRate(Split::Train), f64::INFINITY)];
        history.push(Epoch { epoch: 3, values: third }).expect("in order");
        assert_eq!(
            history.to_csv(),
            "epoch,loss/train,error_rate/train\n1,0.30000000000000004,0.9\n2,NaN,\n3,-0.0,inf\n"
        );
    }

    #[test]
    fn an_empty_history_is_a_header() {
        assert_eq!(History::default().to_csv(), "epoch\n");
        assert_eq!(History::from_csv("epoch\n").expect("valid"), History::default());
    }

    #[track_caller]
    fn check_refused(text: &str, message: &str) {
        assert_eq!(History::from_csv(text).expect_err("damaged").to_string(), message);
    }

    #[test]
    fn damage_is_refused_with_its_place() {
        let cut = "history: the last line does not end in a line break, so it may be cut short";
        check_refused("", cut);
        check_refused("epoch,loss/train\n1,0.12", cut);
        check_refused("\n", "history: the first column is ``, allowed: `epoch`");
        check_refused("loss/train\n", "history: the first column is `loss/train`, allowed: `epoch`");
        check_refused("epoch,los/train\n", "unknown metric `los/train`");
        check_refused("epoch,loss/train\n1\n", "history: not a CSV table");
        check_refused(
            "epoch,loss/train\n1,0.5\n2,O.4\n",
            "history line 3, column `loss/train`: got `O.4`, allowed: a number, NaN, inf, -inf or nothing",
        );
        check_refused(
            "epoch\n1.5\n",
            "history line 2, column `epoch`: got `1.5`, allowed: a whole number from 1",
        );
        check_refused("epoch\n2\n2\n", "history: epoch 2 cannot follow epoch 2, allowed: 3 or later");
    }

    #[test]
    fn a_cut_text_is_refused_or_a_prefix_of_whole_epochs() {
        let text = "epoch,loss/train\n1,0.125\n2,0.25\n";
        let whole = History::from_csv(text).expect("valid");
        for length in 0..text.len() {
            if let Ok(history) = History::from_csv(&text[..length]) {
                assert_eq!(history.epochs(), &whole.epochs()[..history.epochs().len()]);
            }
        }
    }
}
