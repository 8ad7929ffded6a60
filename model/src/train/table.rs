//! The history as a table of numbers, a row an epoch: what a checkpoint keeps of it. Text in the header, whose length is bounded,
//! would keep a very long run from being read again.

use super::Record;

/// The epoch, its rate and loss, whether it was validated, the loss and the score of that, and the batches left out.
pub(super) const COLUMNS: usize = 7;

/// Counts up to here are whole numbers in `f64` too.
pub(super) const MOST: u64 = 1 << 53;

/// The rows, one after the other.
pub(super) fn to_table(history: &[Record]) -> Vec<f64> {
    history.iter().flat_map(to_row).collect()
}

fn to_row(record: &Record) -> [f64; COLUMNS] {
    let validated = record.validation_loss.is_some();
    let (loss, score) = (record.validation_loss.unwrap_or(0.0), record.validation_score.unwrap_or(0.0));
    let row = [
        record.epoch as f64,
        record.rate,
        record.loss,
        f64::from(u8::from(validated)),
        loss,
        score,
        record.skipped as f64,
    ];
    // One NaN stands for all: which one comes out of a computation depends on the CPU.
    row.map(|x| if x.is_nan() { f64::NAN } else { x })
}

/// The history that [`to_table`] wrote; nothing where a row makes no sense.
pub(super) fn from_table(table: &[f64]) -> Option<Vec<Record>> {
    table.chunks_exact(COLUMNS).map(from_row).collect()
}

fn from_row(row: &[f64]) -> Option<Record> {
    let &[epoch, rate, loss, validated, validation_loss, validation_score, skipped] = row else { return None };
    let (validation_loss, validation_score) = match count(validated)? {
        0 => (None, None),
        1 => (Some(validation_loss), Some(validation_score)),
        _ => return None,
    };
    Some(Record { epoch: count(epoch)?, rate, loss, validation_loss, validation_score, skipped: count(skipped)? })
}

fn count(x: f64) -> Option<u64> {
    ((0.0..=MOST as f64).contains(&x) && x.fract() == 0.0).then_some(x as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_epoch_comes_back() {
        let plain =
            Record { epoch: 0, rate: 0.1, loss: 1.0 / 3.0, validation_loss: None, validation_score: None, skipped: 0 };
        let bad = Record { epoch: MOST, rate: f64::MIN_POSITIVE, loss: f64::INFINITY, skipped: 7, ..plain };
        let validated = Record { validation_loss: Some(0.0), validation_score: Some(-1e300), ..plain };
        let history = [plain, bad, validated];
        assert_eq!(from_table(&to_table(&history)), Some(history.to_vec()));
        // An epoch without a good batch has no loss, and a net that came apart no score.
        let nan =
            Record { loss: -f64::NAN, validation_loss: Some(f64::NAN), validation_score: Some(f64::NAN), ..plain };
        let table = to_table(&[nan]);
        let back = from_table(&table).expect("a table");
        assert!(back[0].loss.is_nan() && back[0].validation_loss.is_some_and(f64::is_nan), "{back:?}");
        assert!(to_table(&back).iter().zip(&table).all(|(a, b)| a.to_bits() == b.to_bits()));
    }

    #[test]
    fn rows_that_make_no_sense() {
        let row = [3.0, 0.1, 0.5, 1.0, 0.25, 0.75, 0.0];
        assert!(from_table(&row).is_some());
        for (column, x) in [(0, -1.0), (0, 0.5), (0, f64::NAN), (0, 1e300), (3, 2.0), (6, f64::INFINITY)] {
            let mut row = row;
            row[column] = x;
            assert_eq!(from_table(&row), None, "{x} in column {column}");
        }
    }
}
