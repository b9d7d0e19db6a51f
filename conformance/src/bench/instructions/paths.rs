//! The paths that are counted: what a device and the hub do most often.

use std::hint::black_box;
use std::task::{Context, Waker};

use enos_core::json::Members;
use enos_core::topic;
use mock_hub::bare::{BareHub, Connection};
use mock_hub::clock::Clock;

use crate::bench::load::devices;
use crate::bench::mqtt::{self, kind};
use crate::bench::pair::{Pair, Round};
use crate::bench::payload::{self, PRODUCT_KEY};
use crate::bench::{Failure, Outcome};

/// Posts or commands that an engine has open at once, and posts that a hub reads at once.
const OPEN: u32 = 100;
/// The longest walk that is asked for, so that what is prepared does not depend on the walk's length.
const MOST: u32 = 4_400;
/// Posts after which the hub's memory of a point is full, so that each one that comes pushes one out.
const FULL: u32 = 1_100;
/// At most four sign-ins in two minutes, or the hub warns (rule 5).
const APART_MS: u64 = 31_000;

/// A path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// The engine: a post of four points encoded, acknowledged, settled.
    EnginePost,
    /// The engine: a command read, given to its handler, answered.
    EngineCommand,
    /// The reply to a post read.
    JsonReply,
    /// A topic taken apart.
    TopicParse,
    /// The hub: a post read, its points checked and stored, the reply written.
    HubPost,
    /// The hub: a CONNECT read and its signature checked, the device online and offline again.
    HubSignIn,
}

impl Path {
    pub(super) const ALL: [Self; 6] = [
        Self::EnginePost,
        Self::EngineCommand,
        Self::JsonReply,
        Self::TopicParse,
        Self::HubPost,
        Self::HubSignIn,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::EnginePost => "engine_post",
            Self::EngineCommand => "engine_command",
            Self::JsonReply => "json_reply",
            Self::TopicParse => "topic_parse",
            Self::HubPost => "hub_post",
            Self::HubSignIn => "hub_sign_in",
        }
    }

    pub(super) fn named(name: &str) -> Outcome<Self> {
        let found = Self::ALL.into_iter().find(|path| path.name() == name);
        found.ok_or_else(|| format!("there is no path \"{name}\"").into())
    }

    /// Items of the shorter walk.
    pub(super) fn items(self) -> u32 {
        match self {
            Self::HubPost | Self::HubSignIn => 1_000,
            _ => 2_000,
        }
    }

    /// Does that many items, a multiple of a hundred; what comes before is the same for any number.
    pub(super) fn walk(self, items: u32) -> Outcome<()> {
        if items > MOST || !items.is_multiple_of(OPEN) {
            return Err(format!("a walk has hundreds of items, up to {MOST}").into());
        }
        match self {
            Self::EnginePost => engine(items, OPEN, 0),
            Self::EngineCommand => engine(items, 0, OPEN),
            Self::JsonReply => json_reply(items),
            Self::TopicParse => topic_parse(items),
            Self::HubPost => hub_post(items),
            Self::HubSignIn => hub_sign_in(items),
        }
    }
}

fn engine(items: u32, posts: u32, commands: u32) -> Outcome<()> {
    let mut kept = Pair::online()?;
    let rounds: Vec<Round> =
        (0..MOST / OPEN).map(|_| kept.record(posts, commands)).collect::<Outcome<_>>()?;
    let mut pair = Pair::online()?;
    let rounds = rounds.iter().take(usize::try_from(items / OPEN)?);
    rounds.into_iter().try_for_each(|round| pair.replay(posts, round))
}

fn json_reply(items: u32) -> Outcome<()> {
    let reply = payload::answer("10000000");
    for _ in 0..items {
        let mut members = Members::new(black_box(reply.as_bytes()))?;
        let mut code = None;
        while let Some((name, value)) = members.next()? {
            if name.eq_str("code") {
                code = value.as_i64();
            }
        }
        if black_box(code) != Some(200) {
            return Err("a reply was not read".into());
        }
    }
    Ok(())
}

fn topic_parse(items: u32) -> Outcome<()> {
    let reply = format!("{}_reply", payload::post_topic("d-00001"));
    let command = payload::command_topic(PRODUCT_KEY, "d-00001");
    let topics = [reply.as_str(), command.as_str()];
    for (_, topic) in (0..items).zip(topics.into_iter().cycle()) {
        if black_box(topic::parse(black_box(topic))).is_none() {
            return Err("a topic was not read".into());
        }
    }
    Ok(())
}

/// A hub with one device.
struct Hub {
    hub: BareHub,
    clock: Clock,
    connect: Vec<u8>,
}

impl Hub {
    fn new() -> Outcome<Self> {
        let clock = Clock::manual(payload::TIME_MS + 3_600_000);
        let hub = BareHub::new(clock.clone(), false);
        hub.cloud().load_seed(&devices::seed(1, 0))?;
        Ok(Self { hub, clock, connect: devices::connect(PRODUCT_KEY, &devices::key(0))? })
    }

    fn sign_in(&self) -> Outcome<Connection> {
        let mut connection = self.hub.connect(([192, 0, 2, 1], 50_000).into()).ok_or("no connection")?;
        connection.receive(&self.connect);
        let answer = exchange(&mut connection);
        if answer == 4 { Ok(connection) } else { Err("the hub did not sign the device in".into()) }
    }
}

/// Has the connection send what it has; says how many bytes.
fn exchange(connection: &mut Connection) -> usize {
    connection.take_news(&Context::from_waker(Waker::noop()));
    let count = black_box(connection.transmit()).len();
    connection.sent(count);
    count
}

fn hub_post(items: u32) -> Outcome<()> {
    let hub = Hub::new()?;
    let mut connection = hub.sign_in()?;
    let mut post = devices::Post::new(&devices::key(0), 0, payload::TIME_MS)?;
    let reads: Vec<Vec<u8>> = (0..(FULL + MOST) / OPEN)
        .map(|_| {
            let mut out = Vec::new();
            (0..OPEN).for_each(|_| post.put_next(&mut out));
            out
        })
        .collect();
    let mut expected = None;
    for read in reads.iter().take(usize::try_from((FULL + items) / OPEN)?) {
        connection.receive(read);
        let first = expected.get_or_insert_with(|| successes(&connection));
        let sent = exchange(&mut connection);
        // A reply that says anything else than 200 is longer.
        if *first != Some(sent) {
            return Err("a post was not answered with 200".into());
        }
    }
    Ok(())
}

/// How many bytes wait, if they are a hundred good replies.
fn successes(connection: &Connection) -> Option<usize> {
    let mut good = 0;
    let bytes = connection.transmit();
    let read: Result<usize, Failure> = mqtt::each_packet(bytes, |packet| {
        good += u32::from(packet.kind() == kind::PUBLISH && payload::is_success(packet.publish()?.payload));
        Ok(())
    });
    (good == OPEN && read.is_ok_and(|read| read == bytes.len())).then_some(bytes.len())
}

fn hub_sign_in(items: u32) -> Outcome<()> {
    let hub = Hub::new()?;
    let mut goodbye = Vec::new();
    mqtt::put_disconnect(&mut goodbye);
    for _ in 0..items {
        hub.clock.advance(APART_MS);
        let mut connection = hub.sign_in()?;
        connection.receive(&goodbye);
        exchange(&mut connection);
    }
    Ok(())
}
