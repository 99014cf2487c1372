//! What happens, told line by line.

use std::time::Instant;

use crate::cli::Format;
use crate::failure::Failure;
use crate::json;
use crate::output;

/// Writes down who did what, and when.
#[derive(Debug)]
pub(super) struct Story {
    start: Instant,
    format: Format,
}

impl Story {
    pub(super) fn begin(format: Format) -> Self {
        Self { start: Instant::now(), format }
    }

    /// One line: `event` for programs, `text` for people.
    pub(super) fn tell(&self, who: &str, event: &str, text: &str) -> Result<(), Failure> {
        let seconds = self.start.elapsed().as_secs_f64();
        let line = match self.format {
            Format::Human => format!("{seconds:6.2} s  {who:9}  {text}"),
            Format::Json => format!(
                r#"{{"seconds":{seconds:.3},"agent":{},"event":{},"text":{}}}"#,
                json::string(who),
                json::string(event),
                json::string(text)
            ),
        };
        output::write_text(&line).map_err(|error| Failure::io("telling the story", &error))
    }
}
