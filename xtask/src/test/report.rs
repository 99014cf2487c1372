//! Reads what `cargo test -- --show-output` prints, line by line.

/// What a test prints, at the start of a line, about something it could not run.
const MARK: &str = "ignored: ";

/// The counts of a run, and what its tests said they did not run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) ignored: usize,
    /// Test programs that came to their end, doc tests included.
    pub(crate) programs: usize,
    /// Every `ignored: ...` line, with the test that printed it where that is known.
    pub(crate) aloud: Vec<String>,
    section: Section,
    test: Option<String>,
}

/// Where in a test program's output a line stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Section {
    #[default]
    Running,
    /// The captured output of passing tests: read, not shown.
    Successes,
    Failures,
}

impl Report {
    /// Takes one line; true where it is for the reader's eyes too.
    pub(crate) fn read(&mut self, line: &str) -> bool {
        let line = line.trim_end();
        match line {
            "successes:" => self.enter(Section::Successes),
            "failures:" => self.enter(Section::Failures),
            _ => {}
        }
        if let Some(rest) = line.strip_prefix("test result: ") {
            self.enter(Section::Running);
            self.count(rest);
        }
        if let Some(test) =
            line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----"))
        {
            self.test = Some(test.to_owned());
        }
        if let Some(said) = line.strip_prefix(MARK) {
            self.aloud.push(match &self.test {
                Some(test) if !said.contains(test.as_str()) => format!("{MARK}{said} [{test}]"),
                _ => format!("{MARK}{said}"),
            });
        }
        self.section != Section::Successes
    }

    /// True where a test did not run because there was no server.
    pub(crate) fn lacks_server(&self) -> bool {
        self.aloud
            .iter()
            .any(|line| line.contains("redis-server") || line.contains("valkey-server"))
    }

    fn enter(&mut self, section: Section) {
        self.section = section;
        self.test = None;
    }

    /// Reads `ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.1s`.
    fn count(&mut self, rest: &str) {
        self.programs += 1;
        let counts = rest.split_once(". ").map_or(rest, |(_, counts)| counts);
        for part in counts.split(';') {
            let Some((number, noun)) = part.trim().split_once(' ') else {
                continue;
            };
            let number: usize = number.parse().unwrap_or(0);
            match noun {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}
