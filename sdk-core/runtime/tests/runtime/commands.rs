//! Commands: answered now, later, wrongly, or not at all; and the activation, which is one too.

use crate::hub::{Conn, Hub, PUBLISH, message_id, publish};
use crate::{SOON, builder, online, says};
use enos_runtime::{
    AnswerData, Client, ErrorKind, FileSecretStore, InvocationKind, Lifecycle, Limits, Login,
    MemorySecretStore, Point, Responder, Secret, SecretStore, Value,
};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

const SERVICE: &str = "/sys/pk/dk/thing/service/";

/// A hub that sends these commands once the client has posted, and tells the answers.
fn commanding(commands: &'static [(&'static str, &'static str)]) -> (Hub, mpsc::Receiver<serde_json::Value>) {
    let (tell, hear) = mpsc::channel();
    let hub = Hub::start(move |_, mut conn| {
        conn.accept().unwrap();
        let post = conn.expect(PUBLISH).unwrap();
        conn.answer(&post, 200);
        for (number, (id, params)) in commands.iter().enumerate() {
            send_command(&mut conn, number, id, params);
        }
        while let Some(packet) = conn.packet() {
            if packet.kind() == PUBLISH && packet.publish().0.contains("/service/") {
                let _ = tell.send(serde_json::from_str(packet.publish().2).unwrap());
            }
            conn.answer(&packet, 200);
        }
    });
    (hub, hear)
}

fn send_command(conn: &mut Conn, number: usize, id: &str, params: &str) {
    let method = id.replace('/', ".");
    let payload =
        format!(r#"{{"id":"{number}","version":"1.0","method":"thing.service.{method}","params":{params}}}"#);
    conn.send(&publish(&format!("{SERVICE}{id}"), &payload));
}

fn start(client: &Client) {
    client.connect(SOON).unwrap();
    client.post_measurepoints(&[Point::new("n", 1)]).unwrap();
}

#[test]
fn services_set_and_get() {
    let (hub, hear) = commanding(&[
        ("reboot", r#"{"delay":5}"#),
        ("measurepoint/set", r#"{"temp":21.5}"#),
        ("measurepoint/get", r#"["temp"]"#),
        ("unknown", "{}"),
    ]);
    let client = builder(&hub.tcp_url()).build().unwrap();
    client
        .on_service("reboot", |call, reply| {
            assert_eq!(call.kind(), InvocationKind::Service);
            assert_eq!(call.identifier(), "reboot");
            assert_eq!(call.device().device_key(), "dk");
            assert_eq!(call.args(), json!({"delay": 5}));
            reply.ok(&[("accepted", Value::Bool(true))])
        })
        .unwrap();
    client.on_measurepoint_set(|call, reply| reply.json(200, &call.params().replace("21.5", "22"))).unwrap();
    client.on_measurepoint_get(|_, reply| reply.fail(2001, "asleep")).unwrap();
    start(&client);
    let mut answers: Vec<_> = (0..4).map(|_| hear.recv_timeout(SOON).unwrap()).collect();
    answers.sort_by_key(|answer| answer["id"].as_str().unwrap().to_owned());
    assert_eq!((&answers[0]["code"], &answers[0]["data"]), (&json!(200), &json!({"accepted": true})));
    assert_eq!((&answers[1]["code"], &answers[1]["data"]), (&json!(200), &json!({"temp": 22})));
    assert_eq!((&answers[2]["code"], &answers[2]["message"]), (&json!(2001), &json!("asleep")));
    assert_eq!(answers[3]["code"], 1101);
    client.close(SOON).unwrap();
}

#[test]
fn panics_and_forgotten_answers_are_1102() {
    let (hub, hear) = commanding(&[("panics", "{}"), ("forgets", "{}"), ("works", "{}")]);
    let client = builder(&hub.tcp_url()).build().unwrap();
    client.on_service("panics", |_, _| panic!("on purpose")).unwrap();
    client.on_service("forgets", |_, reply| drop(reply)).unwrap();
    client.on_service("works", |_, reply| reply.ok(&[])).unwrap();
    start(&client);
    let answers: Vec<_> = (0..3).map(|_| hear.recv_timeout(SOON).unwrap()).collect();
    let mut codes: Vec<_> = answers.iter().map(|answer| answer["code"].as_i64().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [200, 1102, 1102]);
    for failed in answers.iter().filter(|answer| answer["code"] == 1102) {
        assert!(failed["message"].as_str().unwrap().contains("handler failed"), "{failed}");
    }
    client.close(SOON).unwrap();
}

#[test]
fn an_answer_may_come_later_from_any_thread() {
    let (hub, hear) = commanding(&[("later", "{}")]);
    let client = builder(&hub.tcp_url()).build().unwrap();
    let (tell, held) = mpsc::channel::<Responder>();
    client.on_service("later", move |_, reply| tell.send(reply).unwrap()).unwrap();
    start(&client);
    let reply = held.recv_timeout(SOON).unwrap();
    assert!(hear.try_recv().is_err());
    std::thread::spawn(move || reply.ok(&[]).unwrap()).join().unwrap();
    assert_eq!(hear.recv_timeout(SOON).unwrap()["code"], 200);
}

#[test]
fn wrong_answers_are_refused_and_the_hub_is_not_left_waiting() {
    let (hub, hear) = commanding(&[("nan", "{}")]);
    let client = builder(&hub.tcp_url()).build().unwrap();
    let (tell, told) = mpsc::channel();
    client
        .on_service("nan", move |_, reply| tell.send(reply.ok(&[("x", f64::NAN.into())])).unwrap())
        .unwrap();
    start(&client);
    let error = told.recv_timeout(SOON).unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidArgument);
    says(&error, &["\"x\""]);
    assert_eq!(hear.recv_timeout(SOON).unwrap()["code"], 1102);
}

#[test]
fn an_answer_without_a_connection_is_told() {
    let hub = Hub::start(|number, mut conn| {
        if number > 0 {
            return;
        }
        conn.accept().unwrap();
        let post = conn.expect(PUBLISH).unwrap();
        conn.answer(&post, 200);
        send_command(&mut conn, 1, "later", "{}");
        drop(conn.packet());
    });
    let client = builder(&hub.tcp_url()).build().unwrap();
    let (tell, held) = mpsc::channel::<Responder>();
    let (gone, offline) = mpsc::channel();
    client.on_service("later", move |_, reply| tell.send(reply).unwrap()).unwrap();
    client
        .on_lifecycle(move |event| {
            if matches!(event, Lifecycle::Offline { .. }) {
                gone.send(()).unwrap();
            }
        })
        .unwrap();
    start(&client);
    let reply = held.recv_timeout(SOON).unwrap();
    hub.cut();
    offline.recv_timeout(SOON).unwrap();
    let error = reply.ok(&[]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::LinkLost);
    says(&error, &["answer", "no connection"]);
}

#[test]
fn handlers_can_be_replaced_and_taken_away() {
    let (tell, hear) = mpsc::channel();
    let hub = Hub::start(move |_, mut conn| {
        conn.accept().unwrap();
        // One command after each post.
        let mut number = 0;
        while let Some(packet) = conn.packet() {
            let post = packet.kind() == PUBLISH && !packet.publish().0.ends_with("_reply");
            if packet.kind() == PUBLISH && !post {
                let answer: serde_json::Value = serde_json::from_str(packet.publish().2).unwrap();
                tell.send(answer["code"].as_i64().unwrap()).unwrap();
            }
            conn.answer(&packet, 200);
            if post {
                number += 1;
                send_command(&mut conn, number, "s", "{}");
            }
        }
    });
    let client = online(&hub.tcp_url());
    let post = || client.post_measurepoints(&[Point::new("n", 1)]).unwrap();
    let first = client.on_service("s", |_, reply| reply.fail(2001, "")).unwrap();
    post();
    assert_eq!(hear.recv_timeout(SOON).unwrap(), 2001);
    let second = client.on_service("s", |_, reply| reply.fail(2002, "")).unwrap();
    // The first has been replaced: closing it takes nothing away.
    first.close();
    post();
    assert_eq!(hear.recv_timeout(SOON).unwrap(), 2002);
    second.close();
    post();
    assert_eq!(hear.recv_timeout(SOON).unwrap(), 1101);
    assert!(client.on_service("a/b", |_, _| ()).is_err());
}

#[test]
fn a_full_table_of_handlers_names_the_limit() {
    let limits = Limits { handlers: 2, ..Limits::DEFAULT };
    let client = builder("tcp://127.0.0.1:9").limits(limits).build().unwrap();
    let register = |id| client.on_service(id, |_, reply| reply.ok(&[]));
    register("a").unwrap();
    register("b").unwrap().close();
    register("b").unwrap();
    let error = register("c").unwrap_err();
    assert_eq!(error.kind, ErrorKind::QueueFull);
    says(&error, &["registering a handler of pk/dk", "limits.handlers"]);
}

#[test]
fn many_commands_are_all_answered() {
    const COMMANDS: usize = 2_000;
    const OPEN: usize = 100;
    let (tell, hear) = mpsc::channel();
    let hub = Hub::start(move |_, mut conn| {
        conn.accept().unwrap();
        let post = conn.expect(PUBLISH).unwrap();
        conn.answer(&post, 200);
        let (mut sent, mut answered) = (0, 0);
        while answered < COMMANDS {
            while sent < COMMANDS && sent - answered < OPEN {
                send_command(&mut conn, sent, "s", "{}");
                sent += 1;
            }
            let packet = conn.packet().unwrap();
            answered += usize::from(packet.kind() == PUBLISH);
            conn.answer(&packet, 200);
        }
        tell.send(()).unwrap();
        conn.serve_on();
    });
    let client = builder(&hub.tcp_url()).build().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    client
        .on_service("s", move |_, reply| {
            counter.fetch_add(1, Ordering::SeqCst);
            reply.ok(&[])
        })
        .unwrap();
    start(&client);
    hear.recv_timeout(SOON).unwrap();
    assert_eq!(count.load(Ordering::SeqCst), COMMANDS);
}

/// A hub that sends one command, and answers nothing but the first post until it is told to.
fn withholding() -> (Hub, mpsc::Sender<()>, mpsc::Receiver<serde_json::Value>) {
    let ((tell, hear), (free, release)) = (mpsc::channel(), mpsc::channel());
    let release = std::sync::Mutex::new(release);
    let hub = Hub::start(move |_, mut conn| {
        conn.accept().unwrap();
        let post = conn.expect(PUBLISH).unwrap();
        conn.answer(&post, 200);
        send_command(&mut conn, 1, "s", "{}");
        let Ok(()) = release.lock().unwrap().recv() else { return };
        while let Some(packet) = conn.packet() {
            if packet.kind() == PUBLISH && packet.publish().0.contains("/service/") {
                let _ = tell.send(serde_json::from_str(packet.publish().2).unwrap());
            }
            conn.answer(&packet, 200);
        }
    });
    (hub, free, hear)
}

/// A client whose queue is full, and the responder of a command that came before it was.
fn full(hub: &Hub) -> (Client, Responder) {
    let limits = Limits { outbox: 4096, ..Limits::DEFAULT };
    let client = builder(&hub.tcp_url()).limits(limits).build().unwrap();
    let (tell, held) = mpsc::channel::<Responder>();
    client.on_service("s", move |_, reply| tell.send(reply).unwrap()).unwrap();
    start(&client);
    let reply = held.recv_timeout(SOON).unwrap();
    // The small ones last, so that nothing fits any more.
    for text in ["x".repeat(500), String::new()] {
        while client
            .submit_measurepoints(&[Point::new("n", Value::Str(&text))], Default::default(), |_| ())
            .is_ok()
        {}
    }
    (client, reply)
}

#[test]
fn an_answer_that_finds_no_room_waits_without_holding_anybody_up() {
    let (hub, free, hear) = withholding();
    let (client, reply) = full(&hub);
    let (tell, told) = mpsc::channel();
    let long = "ü".repeat(200);
    let values = [("text", Value::Str(&long)), ("n", Value::Float(2.0))];
    reply.submit_answer(2001, AnswerData::Values(&values), "later", move |r| tell.send(r).unwrap()).unwrap();
    assert!(told.try_recv().is_err());
    free.send(()).unwrap();
    told.recv_timeout(SOON).unwrap().unwrap();
    let answer = hear.recv_timeout(SOON).unwrap();
    assert_eq!((&answer["code"], &answer["message"]), (&json!(2001), &json!("later")));
    assert_eq!(answer["data"], json!({"text": long, "n": 2.0}));
    client.close(SOON).unwrap();
}

#[test]
fn an_answer_that_waits_for_room_ends_with_its_client_or_its_link() {
    let (hub, _free, _hear) = withholding();
    let (client, reply) = full(&hub);
    let (tell, told) = mpsc::channel();
    let long = "x".repeat(300);
    reply.submit_answer(2001, AnswerData::Empty, &long, move |r| tell.send(r).unwrap()).unwrap();
    client.close(Duration::ZERO).unwrap();
    // What the close ends makes room, so it may still have found its place.
    if let Err(error) = told.recv_timeout(SOON).unwrap() {
        assert!(matches!(error.kind, ErrorKind::Closed | ErrorKind::LinkLost), "{error:?}");
    }

    let (hub, _free, _hear) = withholding();
    let (_client, reply) = full(&hub);
    let (tell, told) = mpsc::channel();
    reply.submit_answer(2001, AnswerData::Empty, &long, move |r| tell.send(r).unwrap()).unwrap();
    assert!(told.try_recv().is_err());
    hub.cut();
    let error = told.recv_timeout(SOON).unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::LinkLost, "{error:?}");
}

#[test]
fn an_answer_without_waiting_is_told_once_or_refused_at_once() {
    let (hub, hear) = commanding(&[("s", "{}"), ("s", "{}")]);
    let client = builder(&hub.tcp_url()).build().unwrap();
    let (tell, told) = mpsc::channel();
    client
        .on_service("s", move |_, reply| {
            let done = tell.clone();
            let wrong =
                reply.submit_answer(200, AnswerData::Json("{"), "", move |_| done.send(None).unwrap());
            tell.send(Some(wrong.unwrap_err().kind)).unwrap();
        })
        .unwrap();
    start(&client);
    assert_eq!(told.recv_timeout(SOON).unwrap(), Some(ErrorKind::InvalidArgument));
    assert_eq!(hear.recv_timeout(SOON).unwrap()["code"], 1102);
    assert_eq!(told.recv_timeout(SOON).unwrap(), Some(ErrorKind::InvalidArgument));
    client.close(SOON).unwrap();

    let (hub, hear) = commanding(&[("s", "{}")]);
    let client = builder(&hub.tcp_url()).build().unwrap();
    let (tell, told) = mpsc::channel();
    client
        .on_service("s", move |_, reply| {
            let tell = tell.clone();
            reply.submit_answer(200, AnswerData::Json("{\"a\":1}"), "", move |r| tell.send(r).unwrap())
        })
        .unwrap();
    start(&client);
    told.recv_timeout(SOON).unwrap().unwrap();
    assert_eq!(hear.recv_timeout(SOON).unwrap()["data"], json!({"a": 1}));
    client.close(SOON).unwrap();
    assert!(told.try_recv().is_err());
}

// --- activation ---

/// A hub that activates the device, as often as it asks; then it serves.
fn activating() -> Hub {
    Hub::start(|_, mut conn| {
        let connect = conn.accept().unwrap();
        if connect.client_id().contains("securemode=2") {
            return conn.serve_on();
        }
        let payload = r#"{"id":"7","version":"1.0","method":"thing.activate.info","params":{"assetId":"a","productKey":"pk","deviceKey":"dk","deviceSecret":"canary-device-secret"}}"#;
        conn.send(&publish("/ext/session/pk/dk/thing/activate/info", payload));
        while let Some(packet) = conn.packet() {
            if packet.kind() == PUBLISH {
                assert_eq!(message_id(packet.publish().2), "7");
            }
            conn.answer(&packet, 200);
        }
    })
}

fn activated_by(hub: &Hub, store: impl SecretStore + 'static) -> Client {
    let login = Login::dynamic_activation("pk", "dk", "canary-product-secret", store);
    builder(&hub.tcp_url()).login(login).build().unwrap()
}

#[test]
fn activation_keeps_the_secret_in_memory_or_file() {
    let hub = activating();
    let memory = Arc::new(MemorySecretStore::new());
    let client = activated_by(&hub, memory.clone());
    let (tell, hear) = mpsc::channel();
    client.on_lifecycle(move |event| tell.send(event.clone()).unwrap()).unwrap();
    client.connect(SOON).unwrap();
    client.post_measurepoints(&[Point::new("n", 1)]).unwrap();
    assert_eq!(memory.load("pk", "dk").unwrap().unwrap().expose(), "canary-device-secret");
    assert_eq!(hear.recv_timeout(SOON).unwrap(), Lifecycle::Connecting);
    assert_eq!(hear.recv_timeout(SOON).unwrap(), Lifecycle::Activated);
    assert_eq!(hear.recv_timeout(SOON).unwrap(), Lifecycle::Online);
    assert_eq!(hub.accepted(), 2);
    client.close(SOON).unwrap();

    let folder = std::env::temp_dir().join(format!("enos-activation-{}", std::process::id()));
    let client = activated_by(&hub, FileSecretStore::new(&folder));
    client.connect(SOON).unwrap();
    client.close(SOON).unwrap();
    assert_eq!(hub.accepted(), 4);
    // A later start signs in with the stored secret at once.
    let client = activated_by(&hub, FileSecretStore::new(&folder));
    client.connect(SOON).unwrap();
    client.close(SOON).unwrap();
    assert_eq!(hub.accepted(), 5);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn activation_within_a_callback() {
    let hub = activating();
    let client = activated_by(&hub, MemorySecretStore::new());
    let (tell, hear) = mpsc::channel();
    let other = activated_by(&hub, MemorySecretStore::new());
    let again = client.clone();
    other.submit_connect(SOON, move |_| tell.send(again.connect(SOON)).unwrap()).unwrap();
    hear.recv_timeout(SOON).unwrap().unwrap();
}

/// A store that cannot write; it counts how often it was asked to.
struct Failing {
    tries: AtomicUsize,
    panics: bool,
}

impl SecretStore for Failing {
    fn load(&self, _: &str, _: &str) -> std::io::Result<Option<Secret>> {
        Ok(None)
    }

    fn store(&self, _: &str, _: &str, _: &Secret) -> std::io::Result<()> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        assert!(!self.panics, "on purpose");
        Err(std::io::Error::other("disk full"))
    }
}

#[test]
fn a_store_that_cannot_write() {
    for panics in [false, true] {
        let hub = activating();
        let store = Arc::new(Failing { tries: AtomicUsize::new(0), panics });
        let client = activated_by(&hub, store.clone());
        let error = client.connect(Duration::from_millis(300)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::StorageFailed);
        says(&error, &["stored", "permissions"]);
        assert_eq!(store.tries.load(Ordering::SeqCst), 1);
        assert_eq!(hub.accepted(), 1, "the hub is not told before the secret is stored");
    }
}

#[test]
fn a_store_that_cannot_read() {
    let folder = std::env::temp_dir().join(format!("enos-unreadable-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("pk/dk.secret")).unwrap();
    let login = Login::dynamic_activation("pk", "dk", "canary-product-secret", FileSecretStore::new(&folder));
    let error = builder("tcp://127.0.0.1:9").login(login).build().unwrap_err();
    assert_eq!(error.kind, ErrorKind::StorageFailed);
    says(&error, &["pk/dk", "dk.secret", "Check path and permissions"]);
    std::fs::remove_dir_all(&folder).unwrap();
}
