//! Where a payload comes from: the command line, a file, or stdin.

use std::io::Read;
use std::path::PathBuf;
use std::str::FromStr;

use coord_core::{InvalidInput, Payload};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::failure::Failure;

/// The largest payload that is read, the limit of a value in Redis.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// A JSON object, `@` and the path of a file that holds one, or `-` for stdin.
#[derive(Debug, Clone)]
pub(crate) enum PayloadSource {
    Json(Payload),
    File(PathBuf),
    Stdin,
}

impl PayloadSource {
    /// The payload. Reads the whole file or all of stdin.
    pub(crate) fn read(self) -> Result<Payload, Failure> {
        let (name, mut source): (_, Box<dyn Read>) = match self {
            Self::Json(payload) => return Ok(payload),
            Self::Stdin => ("stdin".to_owned(), Box::new(std::io::stdin().lock())),
            Self::File(path) => {
                let name = path.display().to_string();
                let file = std::fs::File::open(path).map_err(|e| unreadable(&name, &e))?;
                (name, Box::new(file))
            }
        };
        let mut bytes = Vec::new();
        let read = source.by_ref().take(MAX_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| unreadable(&name, &error))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(invalid(format!("{name} has more than {MAX_BYTES} bytes")).into());
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| invalid(format!("{name} is not UTF-8: {}", error.utf8_error())))?;
        let payload = Payload::from_json(&text);
        Ok(payload.map_err(|error| invalid(format!("{name}: {}", error.problem())))?)
    }
}

impl FromStr for PayloadSource {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        match text.strip_prefix('@') {
            _ if text == "-" => Ok(Self::Stdin),
            Some("") => Err(invalid("`@` needs the path of a file".to_owned())),
            Some(path) => Ok(Self::File(path.into())),
            None => Payload::from_json(text).map(Self::Json),
        }
    }
}

/// An object is the payload; a string is what would stand on the command line, without stdin.
impl<'de> Deserialize<'de> for PayloadSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let source = match serde_json::from_str::<String>(raw.get()) {
            Ok(text) if text == "-" => Err(invalid("stdin carries the requests".to_owned())),
            Ok(text) => text.parse(),
            Err(_) => Payload::from_json(raw.get()).map(Self::Json),
        };
        source.map_err(serde::de::Error::custom)
    }
}

fn invalid(problem: String) -> InvalidInput {
    InvalidInput::new("payload", problem)
}

fn unreadable(name: &str, error: &std::io::Error) -> Failure {
    invalid(format!("{name} cannot be read: {error}")).into()
}
