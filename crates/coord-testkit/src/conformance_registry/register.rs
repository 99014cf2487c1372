//! Facts about registering.

use coord_core::registry::{
    Activity, AgentState, AgentStatus, Registration, RegistryError, StatefulAgent,
    register_stateful,
};
use coord_core::{AgentId, InvalidInput, Payload};

use super::RegistryBackend;
use super::stage::{CALM, Stage, agent};

/// A listing shows all that was registered.
pub async fn shows_everything(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let metrics = Payload::from_json(r#"{"uptime_s": 0.5, "requests": 3}"#).unwrap();
    let status = AgentStatus::default().with_activity(Activity::Busy).with_metrics(metrics);
    let state = Payload::from_json(r#"{"flag": 41, "x": NaN}"#).unwrap();
    let registration = Registration::new(agent("writer:é 1"))
        .with_name("the writer")
        .with_status(status)
        .with_state(state);
    let registered = stage.registry.register(&registration).await.unwrap();
    assert_eq!((registered.stored_state, registered.took_over), (None, None));
    let shown = stage.only().await;
    assert_eq!(shown.agent_id, registration.agent_id);
    assert_eq!((shown.state, shown.alive), (AgentState::Alive, true));
    assert_eq!(shown.incarnation, Some(registered.incarnation));
    let record = shown.record.clone().unwrap();
    assert_eq!((record.name.as_str(), &record.status), ("the writer", &registration.status));
    assert_eq!(record.state, registration.state);
    assert_eq!(record.incarnation, Some(registered.incarnation));
    assert_eq!(record.beat(), shown.last_heartbeat);
    let one = stage.registry.agent(&registration.agent_id).await.unwrap().unwrap();
    assert_eq!((one.state, one.record), (shown.state, shown.record));
    assert!(stage.registry.agent(&agent("nobody")).await.unwrap().is_none());
}

/// Every registration has a higher number, also after all data was lost.
pub async fn numbers_grow(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let mut last = stage.register("a").await.1;
    for round in 0..5 {
        if round == 3 {
            backend.lose_everything().await;
            backend.advance(std::time::Duration::from_millis(10)).await;
        }
        let next = stage.register("a").await.1;
        assert!(next > last, "{next} after {last}");
        last = next;
    }
}

/// A second registration takes over, and says from whom.
pub async fn takes_over(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let (registration, first) = stage.register("a").await;
    let second = stage.registry.register(&registration).await.unwrap();
    assert_eq!(second.took_over, Some(first));
    assert_eq!(stage.only().await.incarnation, Some(second.incarnation));
}

/// A registration without a state keeps what is stored, and hands it out.
pub async fn keeps_the_state(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let state = Payload::from_json(r#"{"flag": 41}"#).unwrap();
    let registration = Registration::new(agent("a"));
    stage.registry.register(&registration.clone().with_state(state.clone())).await.unwrap();
    let again = stage.registry.register(&registration).await.unwrap();
    assert_eq!(again.stored_state, Some(state.clone()));
    assert_eq!(stage.only().await.record.unwrap().state, Some(state.clone()));
    assert_eq!(stage.registry.stored_state(&agent("a")).await.unwrap(), Some(state));
    assert_eq!(stage.registry.stored_state(&agent("b")).await.unwrap(), None);
}

struct Counter(u64);

impl StatefulAgent for Counter {
    fn export_state(&self) -> Payload {
        Payload::from_json(&format!("{{\"count\": {}}}", self.0)).expect("JSON")
    }

    fn import_state(&mut self, state: &Payload) -> Result<(), InvalidInput> {
        let digits = state.as_json().trim_start_matches("{\"count\": ").trim_end_matches('}');
        let count = digits.parse();
        self.0 = count.map_err(|_| InvalidInput::new("state", "it is not what was exported"))?;
        Ok(())
    }
}

/// A restarted agent gets its state back before its registration is stored.
pub async fn restores_state_first(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let mut registration = Registration::new(agent("a"));
    let registry = &*stage.registry;
    register_stateful(registry, &mut registration, &mut Counter(7)).await.unwrap();
    let mut restarted = Counter(0);
    let mut registration = Registration::new(agent("a"));
    register_stateful(registry, &mut registration, &mut restarted).await.unwrap();
    assert_eq!(restarted.0, 7);
    let stored = stage.registry.stored_state(&agent("a")).await.unwrap().unwrap();
    assert_eq!(stored.as_json(), r#"{"count": 7}"#);
}

/// What is invalid is refused, with nothing written.
pub async fn refuses_bad_input(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let odd = Registration::new(AgentId::foreign("a:b", None));
    let long = Registration::new(agent("a")).with_name("x".repeat(1_000));
    let of_another = super::stage::able("a", "x", coord_core::capability::CapabilityType::Storage);
    let of_another = Registration { agent_id: agent("b"), ..of_another };
    for (registration, field) in [(odd, "agent type"), (long, "name"), (of_another, "capabilities")]
    {
        match stage.registry.register(&registration).await {
            Err(RegistryError::Invalid(error)) => assert_eq!(error.field(), field),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(stage.names().await, [""; 0]);
}

/// No instance and `default` are one agent.
pub async fn default_instance_is_one_agent(backend: &dyn RegistryBackend) {
    let stage = Stage::new(backend, CALM).await;
    let (_, first) = stage.register("a").await;
    let second = stage.registry.register(&Registration::new(agent("a:default"))).await.unwrap();
    assert_eq!(second.took_over, Some(first));
    assert_eq!(stage.list().await.len(), 1);
}
