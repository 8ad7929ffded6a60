//! What the command line said of a run's data, kept in its checkpoint: `train --resume` need not be told again.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::arguments::TrainArguments;
use crate::data::TaskChoice;

/// The options that decide which rows a run learns from, as they were given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DataOptions {
    data: String,
    target: Option<String>,
    drop: Vec<String>,
    header: bool,
    no_header: bool,
    delimiter: Option<u8>,
    /// By its name on the command line.
    task: String,
    test_split: Option<f64>,
    val_split: Option<f64>,
}

impl DataOptions {
    /// Those of a run.
    pub(crate) fn of(arguments: &TrainArguments) -> Self {
        let reading = arguments.reading.clone();
        let task = arguments.task.to_possible_value();
        Self {
            data: arguments.data().to_owned(),
            target: reading.target,
            drop: reading.drop,
            header: reading.header,
            no_header: reading.no_header,
            delimiter: reading.delimiter,
            task: task.map_or_else(String::new, |task| task.get_name().to_owned()),
            test_split: arguments.test_split,
            val_split: arguments.val_split,
        }
    }

    /// Takes those of them that `arguments` do not give.
    pub(crate) fn complete(self, arguments: &mut TrainArguments) {
        let reading = &mut arguments.reading;
        arguments.data = arguments.data.take().or(Some(self.data));
        reading.target = reading.target.take().or(self.target);
        if reading.drop.is_empty() {
            reading.drop = self.drop;
        }
        if !(reading.header || reading.no_header) {
            (reading.header, reading.no_header) = (self.header, self.no_header);
        }
        reading.delimiter = reading.delimiter.or(self.delimiter);
        if arguments.task == TaskChoice::Auto {
            arguments.task = TaskChoice::from_str(&self.task, true).unwrap_or_default();
        }
        arguments.test_split = arguments.test_split.or(self.test_split);
        arguments.val_split = arguments.val_split.or(self.val_split);
    }
}
