//! What the registry keeps in Redis about those who are there, and what is left when they go.

use std::time::Duration;

use coord_core::capability::{AgentCapability, CapabilitySet, CapabilityType};
use coord_core::registry::{
    AgentRegistry, Beat, CapabilityFilter, Heartbeat, Incarnation, Registration, RegistryEventKind,
    RegistryPolicy,
};
use coord_redis::{KeyLayout, RedisAgentRegistry};

use coord_testkit::server::Frame;

use crate::both::{Server, on_both};
use crate::harness::{At, LAYOUTS, agent, config, counts, fresh_prefix, reset_counts};

/// Long enough for a few operations, short enough to wait for.
const TTL: Duration = Duration::from_millis(900);

on_both! { still:
    who_goes_leaves_only_a_gravestone,
    who_dies_leaves_only_a_gravestone,
    who_is_late_is_announced_once,
    who_comes_back_has_no_gravestone,
    few_are_not_spared,
    strangers_are_buried_too,
    who_can_do_something_is_in_the_index,
    what_strangers_can_do_is_found,
    who_is_written_anew_lives,
    who_was_spared_is_so_no_more,
    who_vanishes_after_many_is_spared_too,
    incarnations_rise_without_the_clock,
}

on_both! { still alone: a_beat_is_one_round_trip }

struct Scene<'a> {
    server: &'a Server,
    at: At,
    registry: RedisAgentRegistry,
    space: String,
}

impl<'a> Scene<'a> {
    async fn new(server: &'a Server, layout: KeyLayout, ttl: Duration) -> Self {
        let (at, prefix) = (server.at(), fresh_prefix());
        let config = config(&at.url, layout, &prefix);
        let policy = RegistryPolicy::new().with_ttl(ttl).with_interval(ttl / 3);
        let registry = RedisAgentRegistry::connect(config, policy).await.unwrap();
        let space = if layout == KeyLayout::Compact { prefix + ":{agents}" } else { prefix };
        Self { server, at, registry, space }
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.space)
    }

    fn number(&self, command: &str, name: &str, rest: &[&str]) -> i64 {
        let key = self.key(name);
        let mut args = vec![command, &key];
        args.extend(rest);
        self.at.number(&args)
    }

    /// Everything by which an agent is found, and how often it is in there.
    fn traces(&self) -> [i64; 8] {
        [
            self.number("SCARD", "agents:index", &[]),
            self.number("ZCARD", "registry:deadlines", &[]),
            self.number("ZCARD", "registry:suspects", &[]),
            self.number("ZCARD", "registry:spared", &[]),
            self.number("SCARD", "capabilities:index", &[]),
            self.number("ZCARD", "registry:names", &[]),
            self.number("HLEN", "registry:members", &[]),
            self.number("SCARD", "registry:known", &[]),
        ]
    }

    fn graves(&self) -> (i64, i64) {
        (self.number("HLEN", "registry:meta", &[]), self.number("ZCARD", "registry:graves", &[]))
    }
}

fn able(name: &str) -> Registration {
    let capability = AgentCapability::new("read", CapabilityType::Analysis, "1.0.0").unwrap();
    Registration::new(agent(name))
        .with_capabilities(CapabilitySet::new(agent(name), vec![capability]))
}

const HERE: [i64; 8] = [1, 1, 1, 0, 1, 2, 1, 1];
const NOTHING: [i64; 8] = [0; 8];

async fn who_goes_leaves_only_a_gravestone(server: &Server) {
    for layout in LAYOUTS {
        let scene = Scene::new(server, layout, TTL).await;
        scene.registry.register(&able("a")).await.unwrap();
        assert_eq!(scene.traces(), HERE, "{layout}");
        assert_eq!(scene.number("HEXISTS", "registry:log", &["epoch"]), 1, "{layout}");
        scene.registry.deregister(&agent("a"), None).await.unwrap();
        assert_eq!(scene.traces(), NOTHING, "{layout}");
        assert_eq!(scene.number("EXISTS", "agents:a:default", &[]), 0, "{layout}");
        assert_eq!(scene.number("EXISTS", "capabilities:a:default", &[]), 0, "{layout}");
        assert_eq!(scene.graves(), (1, 1), "{layout}");
        // Gravestones keep a day; whoever goes next clears them.
        scene.server.ages(&[scene.key("registry:graves")], Duration::from_secs(86_401)).await;
        scene.registry.register(&able("b")).await.unwrap();
        scene.registry.deregister(&agent("b"), None).await.unwrap();
        assert_eq!(scene.graves(), (1, 1), "{layout}: only that of the last one");
    }
}

async fn who_dies_leaves_only_a_gravestone(server: &Server) {
    for layout in LAYOUTS {
        let scene = Scene::new(server, layout, TTL).await;
        scene.registry.register(&able("a")).await.unwrap();
        // Enough others that one death is no mass loss.
        let others: Vec<_> = (0..9).map(|n| able(&format!("other:{n}"))).collect();
        let mut beating = Vec::new();
        for other in &others {
            let incarnation = scene.registry.register(other).await.unwrap().incarnation;
            beating.push(Heartbeat { registration: other, incarnation });
        }
        for _ in 0..4 {
            scene.server.passes(TTL / 3).await;
            scene.registry.heartbeat(&beating).await.unwrap();
        }
        assert_eq!(scene.registry.list_registered().await.unwrap().len(), 9, "{layout}");
        assert_eq!(scene.traces(), [9, 9, 9, 0, 9, 18, 9, 9], "{layout}");
        assert_eq!(scene.number("ZCARD", "registry:graves", &[]), 1, "{layout}");
    }
}

/// Who is late is announced once, also while it drains, and looked at no more.
async fn who_is_late_is_announced_once(server: &Server) {
    for layout in LAYOUTS {
        let scene = Scene::new(server, layout, 2 * TTL).await;
        let mut late = able("a");
        let incarnation = scene.registry.register(&late).await.unwrap().incarnation;
        scene.registry.drain(&mut late, incarnation).await.unwrap();
        scene.registry.register(&able("b")).await.unwrap();
        // Two of three intervals make a suspect.
        scene.server.passes(2 * TTL * 5 / 6).await;
        let head = scene.registry.events(None, 0).await.unwrap().head;
        assert_eq!(scene.number("ZCARD", "registry:suspects", &[]), 0, "{layout}");
        scene.registry.list_registered().await.unwrap();
        let again = scene.registry.events(Some(&head), 10).await.unwrap().events;
        assert!(again.is_empty(), "{layout}: {again:?}");
    }
}

/// Who comes back has no gravestone, so that nobody forgets it with the old ones.
async fn who_comes_back_has_no_gravestone(server: &Server) {
    for layout in LAYOUTS {
        let scene = Scene::new(server, layout, TTL).await;
        let registration = able("a");
        scene.registry.register(&registration).await.unwrap();
        scene.registry.deregister(&agent("a"), None).await.unwrap();
        assert_eq!(scene.graves(), (1, 1), "{layout}");
        let incarnation = scene.registry.register(&registration).await.unwrap().incarnation;
        assert_eq!(scene.graves(), (1, 0), "{layout}");
        scene.server.passes(TTL + TTL / 10).await;
        assert!(scene.registry.list_registered().await.unwrap().is_empty());
        assert_eq!(scene.graves(), (1, 1), "{layout}");
        let beat = Heartbeat { registration: &registration, incarnation };
        assert_eq!(scene.registry.heartbeat(&[beat]).await.unwrap(), [Beat::Restored]);
        assert_eq!(scene.graves(), (1, 0), "{layout}");
    }
}

/// A beat keeps the capabilities by itself: nothing is sent again.
async fn a_beat_is_one_round_trip(server: &Server) {
    for layout in LAYOUTS {
        let scene = Scene::new(server, layout, TTL).await;
        let registration = able("a");
        let incarnation = scene.registry.register(&registration).await.unwrap().incarnation;
        let beat = Heartbeat { registration: &registration, incarnation };
        // Loads the script.
        scene.registry.heartbeat(&[beat]).await.unwrap();
        for _ in 0..3 {
            scene.server.passes(TTL / 2).await;
            let mut raw = scene.at.client();
            reset_counts(&mut raw);
            scene.registry.heartbeat(&[beat]).await.unwrap();
            let counts = counts(&mut raw);
            assert_eq!(counts.get("EVALSHA"), Some(&1), "{layout}: {counts:?}");
        }
        assert_eq!(scene.number("EXISTS", "capabilities:a:default", &[]), 1, "{layout}");
    }
}

/// Two of five are no mass loss.
async fn few_are_not_spared(server: &Server) {
    for layout in LAYOUTS {
        let scene = Scene::new(server, layout, TTL).await;
        let all: Vec<_> = (0..5).map(|n| able(&format!("a:{n}"))).collect();
        let mut beats = Vec::new();
        for one in &all {
            let incarnation = scene.registry.register(one).await.unwrap().incarnation;
            beats.push(Heartbeat { registration: one, incarnation });
        }
        for _ in 0..4 {
            scene.server.passes(TTL / 3).await;
            scene.registry.heartbeat(&beats[..3]).await.unwrap();
        }
        assert_eq!(scene.registry.list_registered().await.unwrap().len(), 3, "{layout}");
        assert_eq!(scene.number("ZCARD", "registry:spared", &[]), 0, "{layout}");
    }
}

/// An agent of another program, known by the index alone, whose record has expired.
async fn strangers_are_buried_too(server: &Server) {
    for layout in LAYOUTS {
        let scene = Scene::new(server, layout, TTL).await;
        let head = scene.registry.events(None, 0).await.unwrap().head;
        let stranger = scene.key("agents:stranger:default");
        assert_eq!(scene.number("SADD", "agents:index", &[&stranger]), 1);
        assert!(scene.registry.list_registered().await.unwrap().is_empty());
        assert_eq!(scene.number("SCARD", "agents:index", &[]), 0, "{layout}");
        let events = scene.registry.events(Some(&head), 10).await.unwrap().events;
        let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [RegistryEventKind::Expired], "{layout}");
        assert_eq!(scene.number("SADD", "agents:index", &[&stranger]), 1);
        assert!(!scene.registry.deregister(&agent("stranger"), None).await.unwrap());
        assert_eq!(scene.number("SCARD", "agents:index", &[]), 0, "{layout}: by its goodbye");
    }
}

/// Who is taken out of the index by another program is in it again with its capabilities.
async fn who_can_do_something_is_in_the_index(server: &Server) {
    for layout in LAYOUTS {
        let scene = Scene::new(server, layout, TTL).await;
        let registration = able("a");
        scene.registry.register(&registration).await.unwrap();
        assert_eq!(scene.number("DEL", "agents:index", &[]), 1);
        let set = registration.capabilities.as_ref().unwrap();
        scene.registry.register_capabilities(set).await.unwrap();
        assert_eq!(scene.traces(), HERE, "{layout}");
    }
}

/// Capabilities that another program stored, in the original's keys and nowhere else.
async fn what_strangers_can_do_is_found(server: &Server) {
    for layout in LAYOUTS {
        let scene = Scene::new(server, layout, TTL).await;
        scene.registry.register(&able("a")).await.unwrap();
        let keys = ["a", "b"].map(|name| scene.key(&format!("capabilities:{name}:default")));
        let Frame::Bulk(ours) = scene.at.command(&["GET", &keys[0]]) else { panic!("no set") };
        let theirs = String::from_utf8(ours).unwrap().replace("\"a\"", "\"b\"");
        scene.at.command(&["SET", &keys[1], &theirs]);
        assert_eq!(scene.number("SADD", "capabilities:index", &[&keys[1]]), 1);
        let readers = CapabilityFilter::Name("read".to_owned());
        let found = scene.registry.capability_sets(&readers).await.unwrap();
        assert_eq!(found.len(), 2, "{layout}: {found:?}");
    }
}

/// Whose record another program wrote anew is spared no more, and lives.
async fn who_is_written_anew_lives(server: &Server) {
    for layout in LAYOUTS {
        let scene = Scene::new(server, layout, TTL).await;
        for number in 0..10 {
            scene.registry.register(&able(&format!("a:{number}"))).await.unwrap();
        }
        scene.server.passes(TTL + TTL / 10).await;
        scene.registry.list_registered().await.unwrap();
        assert_eq!(scene.number("ZCARD", "registry:spared", &[]), 10, "{layout}");
        scene.at.command(&["SET", &scene.key("agents:a:0"), "{}"]);
        scene.server.passes(TTL + TTL / 10).await;
        // Whoever reads events names the overdue, too.
        scene.registry.events(None, 10).await.unwrap();
        assert_eq!(scene.number("ZCARD", "registry:spared", &[]), 0, "{layout}");
        assert_eq!(scene.number("SCARD", "agents:index", &[]), 1, "{layout}");
    }
}

/// Of whoever was spared and then died or came back, nothing says so any more.
async fn who_was_spared_is_so_no_more(server: &Server) {
    for layout in LAYOUTS {
        let scene = Scene::new(server, layout, TTL).await;
        let all: Vec<_> = (0..10).map(|n| able(&format!("a:{n}"))).collect();
        let mut beats = Vec::new();
        for one in &all {
            let incarnation = scene.registry.register(one).await.unwrap().incarnation;
            beats.push(Heartbeat { registration: one, incarnation });
        }
        scene.server.passes(TTL + TTL / 10).await;
        scene.registry.list_registered().await.unwrap();
        assert_eq!(scene.number("ZCARD", "registry:spared", &[]), 10, "{layout}");
        let now = server.now().as_micros().to_string();
        let overdue = scene.number("ZCOUNT", "registry:deadlines", &["-inf", &now]);
        assert_eq!(overdue, 0, "{layout}: each has one more time to live");
        scene.registry.heartbeat(&beats[..5]).await.unwrap();
        assert_eq!(scene.number("ZCARD", "registry:spared", &[]), 5, "{layout}");
        scene.registry.register(&all[5]).await.unwrap();
        assert_eq!(scene.number("ZCARD", "registry:spared", &[]), 4, "{layout}");
        scene.registry.deregister(&all[6].agent_id, None).await.unwrap();
        assert_eq!(scene.number("ZCARD", "registry:spared", &[]), 3, "{layout}");
    }
}

/// A mass loss is remembered: who vanishes in its wake is spared, although it is alone.
async fn who_vanishes_after_many_is_spared_too(server: &Server) {
    for layout in LAYOUTS {
        let scene = Scene::new(server, layout, TTL).await;
        for number in 0..6 {
            scene.registry.register(&able(&format!("lost:{number}"))).await.unwrap();
        }
        let living: Vec<_> = (0..3).map(|number| able(&format!("here:{number}"))).collect();
        let mut beats = Vec::new();
        for one in &living {
            let incarnation = scene.registry.register(one).await.unwrap().incarnation;
            beats.push(Heartbeat { registration: one, incarnation });
        }
        let spared = async || {
            scene.registry.list_registered().await.unwrap();
            scene.number("ZCARD", "registry:spared", &[])
        };
        for third in 1..=4 {
            scene.server.passes(TTL / 3 + Duration::from_millis(1)).await;
            scene.registry.heartbeat(&beats).await.unwrap();
            match third {
                1 => drop(scene.registry.register(&able("late")).await.unwrap()),
                3 => assert_eq!(spared().await, 6, "{layout}"),
                4 => assert_eq!(spared().await, 7, "{layout}"),
                _ => {}
            }
        }
    }
}

/// Of registrations in one moment, or with a clock that stepped back, the later one is the higher.
async fn incarnations_rise_without_the_clock(server: &Server) {
    for layout in LAYOUTS {
        let scene = Scene::new(server, layout, TTL).await;
        let tomorrow = (server.now() + Duration::from_secs(86_400)).as_millis().to_string();
        scene.at.command(&["HSET", &scene.key("registry:log"), "incarnation", &tomorrow]);
        for later in 1..=3 {
            let incarnation = scene.registry.register(&able("a")).await.unwrap().incarnation;
            let wanted = tomorrow.parse::<u64>().unwrap() + later;
            assert_eq!(incarnation.number(), wanted, "{layout}");
        }
        // Everything is lost but what the agent itself knows.
        let lost = ["agents:a:default", "registry:log", "registry:events"].map(|it| scene.key(it));
        scene.at.command(&["DEL", &lost[0], &lost[1], &lost[2]]);
        let incarnation = Incarnation::new(tomorrow.parse::<u64>().unwrap() + 3);
        let beat = Heartbeat { registration: &able("a"), incarnation };
        assert_eq!(scene.registry.heartbeat(&[beat]).await.unwrap(), [Beat::Restored]);
        let next = scene.registry.register(&able("b")).await.unwrap().incarnation;
        assert_eq!(next.number(), incarnation.number() + 1, "{layout}");
    }
}
