//! Which tests are asked about a script, on which kind of server.

/// The kinds of servers that run broken scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Fake,
    Real,
}

impl On {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Fake => "fake",
            Self::Real => "real",
        }
    }

    /// What tests on servers of this kind are not called.
    const fn other(self) -> &'static str {
        match self {
            Self::Fake => "real",
            Self::Real => "fake",
        }
    }

    /// The conformance suite on servers of this kind.
    const fn suite(self) -> &'static str {
        match self {
            Self::Fake => "fake::",
            Self::Real => "conformance::",
        }
    }
}

/// Which tests run: their names contain one of the first, none of the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tests {
    pub(super) named: Vec<String>,
    pub(super) skipped: Vec<&'static str>,
    /// The names are whole ones.
    pub(super) exact: bool,
}

impl Tests {
    /// The test of this name alone.
    pub(super) fn one(name: &str) -> Self {
        Self { named: vec![name.to_owned()], skipped: Vec::new(), exact: true }
    }

    /// All whose names contain one of these, but for what is not worth its time here: restricted
    /// users, other kinds of servers, many seconds of traffic or of silence.
    fn of<S: ToString>(on: On, named: &[S]) -> Self {
        let named = named.iter().map(ToString::to_string).collect();
        let mut skipped = vec!["acl::", "cluster::", "healthy_traffic", "ten_thousand"];
        skipped.extend(["mass_loss", "overrun", "survive_a_restart", "survive_a_pause"]);
        skipped.push(on.other());
        Self { named, skipped, exact: false }
    }

    fn without(mut self, skipped: &[&'static str]) -> Self {
        self.skipped.extend(skipped);
        self
    }
}

/// The test on a real server that checks the same as one on the fake.
pub(super) fn twin(name: &str) -> String {
    match name.strip_prefix("fake::") {
        Some(rest) => format!("conformance::{rest}"),
        None => name.replace("fake", "real").trim_end_matches("_on_the_real").to_owned(),
    }
}

/// The tests that most probably notice, and soon.
pub(super) fn narrow(script: &str, on: On) -> Option<Tests> {
    let (part, verb) = script.strip_suffix(".lua")?.split_once('/')?;
    let suite = on.suite();
    Some(match (part, verb.split('_').next()) {
        ("compact" | "tta", _) => Tests::of(on, &[format!("{suite}{part}::{verb}::")]),
        ("lib", Some(layout @ ("compact" | "tta"))) => {
            let suite = format!("{suite}{layout}::");
            Tests::of(on, &["handed_over::", "leftovers::", &suite])
        }
        ("registry", _) | ("lib", Some("registry")) => {
            let suite = format!("registry::{}_compact::", on.name());
            Tests::of(on, &["registry_keys::", &suite])
        }
        ("breaker", _) | ("lib", Some("breaker")) => {
            Tests::of(on, &["breaker::", "breaker_records::"])
        }
        _ => return None,
    })
}

/// All tests that a script belongs to.
pub(super) fn wide(script: &str, on: On) -> Tests {
    let suite = on.suite();
    let mail =
        [suite, "leftovers::", "publish::", "reconcile::", "wait::", "handed_over::", "between::"];
    match () {
        () if script.contains("registry") => {
            Tests::of(on, &["registry::", "registry_keys::", "registry_proofs::"])
        }
        () if script.contains("breaker") => {
            Tests::of(on, &["breaker::", "breaker_records::", "breaker_faults::"])
        }
        () if script.contains("subscri") || script.contains("publish") => {
            Tests::of(on, &["publish::", "subscribe::", "broadcast::"])
        }
        () if script.contains("compact/") || script.contains("lib/compact") => {
            Tests::of(on, &mail).without(&["tta"])
        }
        () if script.contains("tta") => Tests::of(on, &mail).without(&["compact"]),
        () if script.contains("time") => Tests::of(on, &[suite, "registry::", "breaker::"]),
        () => Tests::of(on, &mail),
    }
}
