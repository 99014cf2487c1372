//! Keyspace events, waiting clients and WATCH.

use std::collections::BTreeMap;

use coord_testkit::server::{Frame, RawClient};

use super::{Pair, split};

#[test]
fn the_same_events_in_the_same_order() {
    let Some(mut pair) = Pair::start("events", false) else { return };
    let mut listeners = [pair.fake_port, pair.real_port].map(|port| {
        let mut client = RawClient::connect(port).unwrap();
        // Everything, with misses and new keys.
        client.checked(&["CONFIG", "SET", "notify-keyspace-events", "KEAmn"]).unwrap();
        client.checked(&["PSUBSCRIBE", "__key*"]).unwrap();
        client
    });
    let mut faults = Vec::new();
    for line in include_str!("events.txt").lines() {
        pair.both(super::Mode::Shape, &split(line));
        let [fake, real] = listeners.each_mut().map(heard);
        if fake != real {
            faults.push(format!("{line}\n  fake {fake:?}\n  real {real:?}"));
        }
    }
    assert!(faults.is_empty(), "{} lines differ\n{}", faults.len(), faults.join("\n"));
}

/// Channels and texts of what came since the last time.
fn heard(listener: &mut RawClient) -> Vec<(String, String)> {
    let mut heard = Vec::new();
    listener.send(&["PING", "end"]).unwrap();
    loop {
        let Frame::Array(items) = listener.read().unwrap() else { panic!("an array") };
        let text = |frame: &Frame| match frame {
            Frame::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("a text, not {other:?}"),
        };
        match items.as_slice() {
            [_, _, channel, message] => heard.push((text(channel), text(message))),
            [_pong, _end] => return heard,
            other => panic!("a message or a pong, not {other:?}"),
        }
    }
}

#[test]
fn waiting_and_watching_go_as_in_redis() {
    for resp3 in [false, true] {
        let Some(pair) = Pair::start("scenarios", resp3) else { return };
        let mut seen = 0;
        for scenario in include_str!("scenarios.txt").split("\n\n") {
            let run = |port| Scenario::new(port, resp3).run(scenario);
            let (fake, real) = (run(pair.fake_port), run(pair.real_port));
            assert_eq!(fake, real, "left: fake, right: real (RESP3: {resp3})\n{scenario}");
            seen += real.len();
        }
        assert!(seen > 100, "the scenarios are complete");
    }
}

/// Clients of one server that play a scenario.
struct Scenario {
    port: u16,
    resp3: bool,
    clients: BTreeMap<char, RawClient>,
    control: RawClient,
}

impl Scenario {
    fn new(port: u16, resp3: bool) -> Self {
        let mut control = RawClient::connect(port).unwrap();
        control.checked(&["FLUSHALL"]).unwrap();
        Self { port, resp3, clients: BTreeMap::new(), control }
    }

    /// Plays the lines; returns each line that has an answer with it.
    fn run(&mut self, scenario: &str) -> Vec<(String, Frame)> {
        let mut answers = Vec::new();
        for line in scenario.lines().filter(|line| !line.starts_with('#')) {
            let (who, rest) = line.split_at(1);
            if who == "=" {
                self.wait_for_blocked(rest);
                continue;
            }
            let client = self.client(who.chars().next().unwrap());
            let (mark, command) = rest.split_at(1);
            let frame = match mark {
                ":" => client.call(&split(command)).unwrap(),
                "<" => client.read().unwrap_or_else(|error| panic!("{scenario}\n{line} {error}")),
                ">" => {
                    client.send(&split(command)).unwrap();
                    continue;
                }
                other => panic!("unknown mark {other}"),
            };
            answers.push((line.to_owned(), frame));
        }
        answers
    }

    fn client(&mut self, name: char) -> &mut RawClient {
        self.clients.entry(name).or_insert_with(|| {
            let mut client = RawClient::connect(self.port).unwrap();
            if self.resp3 {
                client.checked(&["HELLO", "3"]).unwrap();
            }
            client
        })
    }

    /// Asks until the server has this many waiting clients.
    fn wait_for_blocked(&mut self, count: &str) {
        let wanted = format!("blocked_clients:{count}\r\n");
        for _ in 0..100_000 {
            let Frame::Bulk(info) = self.control.call(&["INFO", "clients"]).unwrap() else {
                panic!("INFO answers with a text");
            };
            if String::from_utf8_lossy(&info).contains(&wanted) {
                return;
            }
        }
        panic!("never {count} waiting clients");
    }
}
