//! The engine against a hub in the same thread: no socket, no clock, so that only the engine's own work counts.

use enos_core::engine::{
    Answer, AnswerData, CommandKind, DeviceIx, Engine, Event, Input, Memory, Outcome as Settled, Output,
    Request,
};
use enos_core::json::{Point, Value};
use enos_core::{Config, Hub, Limits, Login, Now, Scheme};

use super::mqtt::{self, kind};
use super::{Outcome, payload};

/// The four points of [`payload::POINTS`], as the SDK takes them.
pub const POINTS: [Point<'static>; 4] = [
    Point { id: "temp", value: Value::Float(21.5), quality: None },
    Point { id: "speed", value: Value::Int(1234), quality: None },
    Point { id: "power", value: Value::Float(1530.25), quality: None },
    Point { id: "state", value: Value::Str("running"), quality: None },
];

const DEVICE: &str = "t-1";

/// Is told when the engine begins and ends to work.
pub trait Probe {
    /// What follows is the engine's.
    fn begin(&mut self) -> Outcome<()>;
    /// What follows is not.
    fn end(&mut self) -> Outcome<()>;
}

/// A round of the hub's side, kept: played again, nothing but the engine works.
///
/// The same requests at the same moment always lead to the same bytes.
pub struct Round {
    /// What the hub sends first: commands.
    first: Vec<u8>,
    /// How many bytes the engine sends then.
    up: usize,
    /// What the hub answers.
    then: Vec<u8>,
}

/// An engine that is online, and its hub.
pub struct Pair {
    engine: Engine<'static>,
    now: Now,
    /// From the engine to the hub.
    up: Vec<u8>,
    /// From the hub to the engine.
    down: Vec<u8>,
    topic: String,
    settled: u32,
    answered: u32,
    commanded: u32,
}

impl Pair {
    /// Signs an engine with heap memory in.
    pub fn online() -> Outcome<Self> {
        let hub = Hub { scheme: Scheme::Tcp, host: "hub.test", port: 11883 };
        let login = Login::DeviceSecret {
            product_key: payload::PRODUCT_KEY,
            device_key: DEVICE,
            device_secret: "jJAC3QvmCKxx",
        };
        let engine = Engine::new(Config::new(hub, login), [7; 32], Memory::heap(&Limits::DEFAULT))?;
        let now = Now { mono_ms: 1_000, wall_ms: Some(payload::TIME_MS) };
        let mut pair = Self {
            engine,
            now,
            up: Vec::new(),
            down: Vec::new(),
            topic: String::new(),
            settled: 0,
            answered: 0,
            commanded: 0,
        };
        pair.engine.request(pair.now, Request::Connect { timeout_ms: None })?;
        pair.engine.request(
            pair.now,
            Request::Handle { device: DeviceIx::ROOT, kind: CommandKind::Service(payload::SERVICE) },
        )?;
        for _ in 0..4 {
            pair.drain()?;
            pair.reply()?;
            pair.feed()?;
        }
        if pair.engine.stats().bytes_received == 0 {
            return Err("the engine did not sign in".into());
        }
        Ok(pair)
    }

    /// Posts that many times at once and settles all of them.
    pub fn posts(&mut self, open: u32, probe: &mut impl Probe) -> Outcome<()> {
        let before = self.settled;
        probe.begin()?;
        self.post(open)?;
        self.drain()?;
        probe.end()?;
        self.reply()?;
        probe.begin()?;
        self.feed()?;
        probe.end()?;
        if self.settled - before == open { Ok(()) } else { Err("a post was not settled".into()) }
    }

    /// Is given that many commands at once and answers each as it comes.
    pub fn commands(&mut self, open: u32, probe: &mut impl Probe) -> Outcome<()> {
        let before = self.answered;
        let topic = payload::command_topic(payload::PRODUCT_KEY, DEVICE);
        for _ in 0..open {
            mqtt::put_publish(&mut self.down, &topic, None, payload::command(self.commanded).as_bytes())?;
            self.commanded += 1;
        }
        probe.begin()?;
        self.feed()?;
        probe.end()?;
        self.reply()?;
        probe.begin()?;
        self.feed()?;
        probe.end()?;
        if self.answered - before == open { Ok(()) } else { Err("a command was not answered".into()) }
    }

    /// Posts and commands of one round, all open at once; keeps the hub's side of it.
    pub fn record(&mut self, posts: u32, commands: u32) -> Outcome<Round> {
        let before = (self.settled, self.answered);
        self.post(posts)?;
        let topic = payload::command_topic(payload::PRODUCT_KEY, DEVICE);
        for _ in 0..commands {
            mqtt::put_publish(&mut self.down, &topic, None, payload::command(self.commanded).as_bytes())?;
            self.commanded += 1;
        }
        let first = self.down.clone();
        self.drain()?;
        self.feed()?;
        let up = self.up.len();
        self.reply()?;
        let then = self.down.clone();
        self.feed()?;
        if (self.settled - before.0, self.answered - before.1) == (posts, commands) {
            Ok(Round { first, up, then })
        } else {
            Err("a post was not settled or a command was not answered".into())
        }
    }

    /// The same round again, of an engine that has lived through the same rounds before it.
    pub fn replay(&mut self, posts: u32, round: &Round) -> Outcome<()> {
        let before = self.settled;
        self.post(posts)?;
        self.down.extend_from_slice(&round.first);
        self.drain()?;
        self.feed()?;
        if self.up.len() != round.up {
            return Err("the engine sent something else than when the round was kept".into());
        }
        self.up.clear();
        self.down.extend_from_slice(&round.then);
        self.feed()?;
        if self.settled - before == posts { Ok(()) } else { Err("a post was not settled".into()) }
    }

    fn post(&mut self, open: u32) -> Outcome<()> {
        let post = Request::PostMeasurepoints {
            device: DeviceIx::ROOT,
            points: &POINTS,
            time_ms: Some(payload::TIME_MS),
            timeout_ms: 10_000,
        };
        for _ in 0..open {
            self.engine.request(self.now, post)?;
        }
        Ok(())
    }

    /// The engine's loop; a command is answered at once.
    fn drain(&mut self) -> Outcome<()> {
        loop {
            match self.engine.poll_output(self.now) {
                Output::Dial(_) => self.engine.handle_input(self.now, Input::LinkUp),
                Output::Transmit(bytes) => {
                    self.up.extend_from_slice(bytes);
                    let sent = bytes.len();
                    self.engine.handle_input(self.now, Input::Sent(sent));
                }
                Output::Event(Event::Settled { outcome: Settled::Acknowledged { .. }, .. }) => {
                    self.settled += 1
                }
                Output::Event(Event::Command(command)) => {
                    let call = command.call;
                    let answer = Answer { code: 200, data: AnswerData::Empty, message: "" };
                    self.engine.request(self.now, Request::Answer { call, answer })?;
                }
                Output::Event(Event::Connecting | Event::Online) => {}
                Output::Wait(_) => return Ok(()),
                other => return Err(format!("not expected of an engine that is online: {other:?}").into()),
            }
        }
    }

    /// The hub reads what was sent and writes what is due.
    fn reply(&mut self) -> Outcome<()> {
        let Self { up, down, topic, answered, .. } = self;
        mqtt::each_packet(up, |packet| {
            match packet.kind() {
                kind::CONNECT => down.extend_from_slice(&[kind::CONNACK << 4, 2, 0, 0]),
                kind::SUBSCRIBE => {
                    let filters = packet.filters()?;
                    mqtt::put_header(down, 0x90, 2 + filters)?;
                    down.extend_from_slice(&packet.identifier()?.to_be_bytes());
                    down.extend(std::iter::repeat_n(1, filters));
                }
                kind::PUBLISH => {
                    let publish = packet.publish()?;
                    if let Some(identifier) = publish.identifier {
                        mqtt::put_puback(down, identifier);
                    }
                    if publish.topic.ends_with("_reply") {
                        *answered += 1;
                    } else {
                        let id = payload::id_of(publish.payload).ok_or("a post without an id")?;
                        topic.clear();
                        topic.push_str(publish.topic);
                        topic.push_str("_reply");
                        mqtt::put_publish(down, topic, None, payload::answer(id).as_bytes())?;
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        up.clear();
        Ok(())
    }

    /// The engine reads what the hub wrote.
    fn feed(&mut self) -> Outcome<()> {
        let mut fed = 0;
        while fed < self.down.len() {
            let room = self.engine.receive_buffer();
            let more = room.len().min(self.down.len() - fed);
            if more == 0 {
                return Err("the engine reads nothing although all was sent".into());
            }
            room[..more].copy_from_slice(&self.down[fed..fed + more]);
            fed += more;
            self.engine.handle_input(self.now, Input::Received(more));
            self.drain()?;
        }
        self.down.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Count(u32);

    impl Probe for Count {
        fn begin(&mut self) -> Outcome<()> {
            self.0 += 1;
            Ok(())
        }
        fn end(&mut self) -> Outcome<()> {
            Ok(())
        }
    }

    #[test]
    fn posts_settle_and_commands_are_answered() {
        let mut pair = Pair::online().unwrap();
        let mut count = Count(0);
        for open in [1, 100, 7] {
            pair.posts(open, &mut count).unwrap();
            pair.commands(open, &mut count).unwrap();
        }
        assert_eq!((pair.settled, pair.answered, count.0), (108, 108, 12));
        assert_eq!(pair.engine.stats().open_requests, 0);
    }

    #[test]
    fn a_round_that_was_kept_is_played_again() {
        let mut kept = Pair::online().unwrap();
        let rounds: Vec<Round> =
            [(100, 0), (0, 100), (7, 3)].iter().map(|&(p, c)| kept.record(p, c).unwrap()).collect();
        let mut pair = Pair::online().unwrap();
        for (round, posts) in rounds.iter().zip([100, 0, 7]) {
            pair.replay(posts, round).unwrap();
        }
        assert_eq!((pair.settled, pair.answered), (107, 0));
        assert_eq!(pair.engine.stats().open_requests, 0);
        // Out of turn: other ids, so nothing settles.
        assert!(pair.replay(100, &rounds[0]).is_err());
    }

    #[test]
    fn answers_go_out_with_qos_1_like_those_of_the_peers() {
        let mut pair = Pair::online().unwrap();
        let topic = payload::command_topic(payload::PRODUCT_KEY, DEVICE);
        mqtt::put_publish(&mut pair.down, &topic, None, payload::command(5).as_bytes()).unwrap();
        pair.feed().unwrap();
        let packet = mqtt::Packet::first_of(&pair.up).unwrap().unwrap();
        let publish = packet.publish().unwrap();
        assert_eq!(publish.topic, format!("{topic}_reply"));
        assert!(publish.identifier.is_some());
        assert_eq!(payload::id_of(publish.payload), Some("5"));
    }

    #[test]
    fn the_post_is_the_one_that_peers_paste() {
        let mut pair = Pair::online().unwrap();
        pair.posts(1, &mut Count(0)).unwrap();
        let request = Request::PostMeasurepoints {
            device: DeviceIx::ROOT,
            points: &POINTS,
            time_ms: Some(payload::TIME_MS),
            timeout_ms: 1_000,
        };
        let id = pair.engine.request(pair.now, request).unwrap();
        pair.drain().unwrap();
        let packet = mqtt::Packet::first_of(&pair.up).unwrap().unwrap();
        let publish = packet.publish().unwrap();
        assert_eq!(publish.topic, payload::post_topic(DEVICE));
        let sent: serde_json::Value = serde_json::from_slice(publish.payload).unwrap();
        let pasted: serde_json::Value = serde_json::from_str(&payload::post(id.0)).unwrap();
        assert_eq!(sent, pasted);
    }
}
