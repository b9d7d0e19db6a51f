//! Rules of posts: from the request to the hub's store and back.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::network::{LinkId, Way};
use super::super::packet;
use super::super::seen::{Ban, Fact, How, Life, Post, Seen};
use super::{Each, Invariant};

/// Each accepted post is settled once, in time; nothing else is.
#[derive(Default)]
pub(super) struct OneOutcome(Each<BTreeMap<u32, u64>>);

impl Invariant for OneOutcome {
    fn name(&self) -> &'static str {
        "one-outcome"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let open = self.0.of(fact.client);
        match fact.seen {
            Seen::PowerCut => open.clear(),
            Seen::Accepted { request, post } => {
                let before = open.insert(request, post.until);
                return before.map_or(Ok(()), |_| Err(format!("request {request} is open already")));
            }
            Seen::Settled { request, .. } => {
                let what = || format!("request {request} was settled before, or never accepted");
                return open.remove(&request).map(|_| ()).ok_or_else(what);
            }
            Seen::Idle { stats, .. } => {
                if let Some((request, until)) = open.iter().find(|(_, until)| **until < fact.now) {
                    return Err(format!("request {request} outlives its time, {until}"));
                }
                if stats.open_requests as usize != open.len() {
                    return Err(format!("{} requests are open, it says {}", open.len(), stats.open_requests));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What was acknowledged lies in the hub's store, exactly once, from then on.
#[derive(Default)]
pub(super) struct AcknowledgedIsStored {
    /// By device.
    acknowledged: Each<BTreeMap<i64, u64>>,
}

impl Invariant for AcknowledgedIsStored {
    fn name(&self) -> &'static str {
        "acknowledged-is-stored-once"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let acknowledged = self.acknowledged.of(fact.device);
        match fact.seen {
            Seen::Ban(Ban::Deleted) => acknowledged.clear(),
            Seen::Kept { post, samples } => {
                if samples != [(post.time, post.serial)] {
                    return Err(format!("acknowledged, but the store has {samples:?}"));
                }
                acknowledged.insert(post.time, post.serial);
            }
            Seen::Samples(samples) => {
                let stored: BTreeMap<i64, u64> = samples.iter().copied().collect();
                let lost = acknowledged.iter().find(|(time, serial)| stored.get(*time) != Some(*serial));
                if let Some((time, serial)) = lost {
                    return Err(format!("post {serial} of {time} was acknowledged and is no longer stored"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The store holds nothing that no client of the device posted, and nothing twice.
#[derive(Default)]
pub(super) struct NothingElseStored(Each<BTreeMap<i64, u64>>);

impl Invariant for NothingElseStored {
    fn name(&self) -> &'static str {
        "nothing-else-stored"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let posted = self.0.of(fact.device);
        match fact.seen {
            Seen::Accepted { post: Post { time, serial, .. }, .. } => {
                posted.insert(time, serial);
            }
            Seen::Samples(samples) => {
                let mut times = BTreeSet::new();
                for (time, serial) in samples {
                    if posted.get(time) != Some(serial) {
                        return Err(format!("nobody posted {serial} of {time}"));
                    }
                    if !times.insert(time) {
                        return Err(format!("two samples of {time}"));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The latest value is the newest sample.
#[derive(Default)]
pub(super) struct LatestIsNewest(Each<Option<(i64, u64)>>);

impl Invariant for LatestIsNewest {
    fn name(&self) -> &'static str {
        "latest-is-newest"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let newest = self.0.of(fact.device);
        match fact.seen {
            Seen::Samples(samples) => *newest = samples.iter().copied().max(),
            Seen::Latest(latest) if latest != *newest => {
                return Err(format!("the newest sample is {newest:?}"));
            }
            _ => {}
        }
        Ok(())
    }
}

/// A disabled or deleted device is not connected, and nothing of it is stored.
#[derive(Default)]
pub(super) struct BannedIsSilent(Each<Option<(Ban, Option<usize>)>>);

impl Invariant for BannedIsSilent {
    fn name(&self) -> &'static str {
        "banned-is-silent"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let ban = self.0.of(fact.device);
        match fact.seen {
            Seen::Ban(new) => *ban = Some((new, None)),
            Seen::Status { held: true, banned: true, .. } => {
                return Err("it is banned and still connected".to_owned());
            }
            // The first look tells what was there when the ban began.
            Seen::Samples(samples) => match ban {
                Some((Ban::Disabled, Some(before))) if samples.len() != *before => {
                    return Err(format!("{before} samples when it was disabled, {} now", samples.len()));
                }
                Some((Ban::Created, None)) if !samples.is_empty() => {
                    return Err("a new device has samples of a deleted one".to_owned());
                }
                Some((_, before)) => *before = Some(samples.len()),
                None => {}
            },
            _ => {}
        }
        Ok(())
    }
}

/// A reply of the hub belongs to a message that it read, and a client acknowledges only what it read a reply to.
#[derive(Default)]
pub(super) struct ReplyBelongs {
    /// By device: ids of the posts that the hub read.
    asked: Each<BTreeSet<String>>,
    /// By client: ids of the replies that it read.
    heard: Each<BTreeSet<String>>,
}

impl Invariant for ReplyBelongs {
    fn name(&self) -> &'static str {
        "reply-belongs-to-request"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        match fact.seen {
            Seen::Read { way: Way::Up, packet, .. } => {
                let publish = packet::publish(packet).filter(packet::Publish::is_post);
                if let Some(id) = publish.and_then(|publish| publish.message_id()) {
                    self.asked.of(fact.device).insert(id.to_owned());
                }
            }
            Seen::Written { way: Way::Down, packet, .. } => {
                let publish = packet::publish(packet).filter(packet::Publish::is_reply);
                let id = publish.and_then(|publish| publish.message_id());
                if let Some(id) = id.filter(|id| !self.asked.of(fact.device).contains(*id)) {
                    return Err(format!("nobody asked with the id {id}"));
                }
            }
            Seen::Read { way: Way::Down, packet, .. } => {
                let publish = packet::publish(packet).filter(packet::Publish::is_reply);
                if let Some(id) = publish.and_then(|publish| publish.message_id()) {
                    self.heard.of(fact.client).insert(id.to_owned());
                }
            }
            Seen::Settled { request, how: How::Acknowledged }
                if !self.heard.of(fact.client).contains(&request.to_string()) =>
            {
                return Err(format!("no reply to {request} was read"));
            }
            _ => {}
        }
        Ok(())
    }
}

/// A post that is sent again is the same, byte for byte.
#[derive(Default)]
pub(super) struct ResentUnchanged(Each<HashMap<String, Vec<u8>>>);

impl Invariant for ResentUnchanged {
    fn name(&self) -> &'static str {
        "resent-unchanged"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let sent = self.0.of(fact.client);
        match fact.seen {
            Seen::PowerUp { .. } => sent.clear(),
            // The number may be used again.
            Seen::Settled { request, .. } => {
                sent.remove(&request.to_string());
            }
            Seen::Written { way: Way::Up, packet, .. } => {
                let Some(post) = packet::publish(packet).filter(packet::Publish::is_post) else {
                    return Ok(());
                };
                let Some(id) = post.message_id() else { return Err("a post without an id".to_owned()) };
                let first = sent.entry(id.to_owned()).or_insert_with(|| post.payload.to_vec());
                if *first != post.payload {
                    return Err(format!("post {id} was another before"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// MQTT-3.3.1-1: what is sent again in a session that goes on says so, on either side.
#[derive(Default)]
pub(super) struct ResentAsDup {
    client: Each<Sent>,
    /// By device.
    hub: Each<HubSent>,
}

#[derive(Default)]
struct HubSent {
    /// Payloads that were sent and not acknowledged, by packet identifier, and on which link.
    open: HashMap<u16, (Vec<u8>, LinkId)>,
    session_present: bool,
}

impl HubSent {
    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        match fact.seen {
            Seen::HubDown => self.open.clear(),
            Seen::Written { way: Way::Down, packet, .. } if packet::kind(packet) == packet::CONNACK => {
                self.session_present = packet.get(2) == Some(&1);
                if !self.session_present {
                    self.open.clear();
                }
            }
            Seen::Written { way: Way::Down, packet, link } => {
                let Some(sent) = packet::publish(packet).filter(|sent| sent.id != 0) else { return Ok(()) };
                let before = self.open.insert(sent.id, (sent.payload.to_vec(), link));
                let again = before.is_some_and(|(payload, on)| payload == sent.payload && on != link);
                if again && self.session_present && !sent.dup {
                    return Err(format!("the hub sends #{} again without DUP", sent.id));
                }
            }
            Seen::Read { way: Way::Up, packet, .. } if packet::kind(packet) == packet::PUBACK => {
                if let Some(id) = packet::lone_id(packet) {
                    self.open.remove(&id);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[derive(Default)]
struct Sent {
    /// Open posts that were sent whole and not acknowledged, and on which link.
    posts: HashMap<String, (u16, LinkId)>,
    session_present: bool,
}

impl Invariant for ResentAsDup {
    fn name(&self) -> &'static str {
        "resent-as-dup"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        self.hub.of(fact.device).see(fact)?;
        let sent = self.client.of(fact.client);
        match fact.seen {
            Seen::PowerUp { .. } => *sent = Sent::default(),
            Seen::Settled { request, .. } => {
                sent.posts.remove(&request.to_string());
            }
            Seen::Read { way: Way::Down, packet, .. } => match packet::kind(packet) {
                packet::CONNACK => sent.session_present = packet.get(2) == Some(&1),
                packet::PUBACK => {
                    let id = packet::lone_id(packet);
                    sent.posts.retain(|_, (held, _)| Some(*held) != id);
                }
                _ => {}
            },
            Seen::Written { way: Way::Up, packet, link } => {
                let Some(post) = packet::publish(packet).filter(packet::Publish::is_post) else {
                    return Ok(());
                };
                let id = post.message_id().unwrap_or_default().to_owned();
                let before = sent.posts.insert(id.clone(), (post.id, link));
                let again = before.is_some_and(|(_, before)| before != link);
                if again && sent.session_present && !post.dup {
                    return Err(format!("post {id} is sent again without DUP"));
                }
                if post.dup && before.is_none() && !sent.session_present {
                    return Err(format!("post {id} has DUP in a new session"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// `decisions.md` §5: what is not settled goes out on the session that is up, and again after a lost link. A client that
/// can send and waits for no acknowledgement leaves nothing behind.
#[derive(Default)]
pub(super) struct NothingWaits(Each<Sending>);

#[derive(Default)]
struct Sending {
    online: bool,
    /// Open posts.
    open: BTreeSet<u32>,
    /// Posts written on this link.
    written: BTreeSet<u32>,
    /// Packets written on this link that wait for PUBACK: posts by their packet identifier.
    in_flight: BTreeSet<u16>,
}

impl Invariant for NothingWaits {
    fn name(&self) -> &'static str {
        "nothing-waits"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let sending = self.0.of(fact.client);
        match fact.seen {
            Seen::PowerUp { .. } | Seen::PowerCut => *sending = Sending::default(),
            Seen::LinkDown | Seen::LinkUp => {
                (sending.online, sending.written, sending.in_flight) = Default::default();
            }
            Seen::HangUp => sending.online = false,
            Seen::Life(life) => sending.online = life == Life::Online,
            Seen::Accepted { request, .. } => {
                sending.open.insert(request);
            }
            Seen::Settled { request, .. } => {
                sending.open.remove(&request);
            }
            Seen::Written { way: Way::Up, packet, .. } => {
                if let Some(post) = packet::publish(packet).filter(packet::Publish::is_post) {
                    sending.in_flight.insert(post.id);
                    sending.written.extend(post.message_id().and_then(|id| id.parse::<u32>().ok()));
                }
            }
            Seen::Read { way: Way::Down, packet, .. } if packet::kind(packet) == packet::PUBACK => {
                if let Some(id) = packet::lone_id(packet) {
                    sending.in_flight.remove(&id);
                }
            }
            Seen::Idle { free: true, .. } if sending.online && sending.in_flight.is_empty() => {
                if let Some(request) = sending.open.difference(&sending.written).next() {
                    return Err(format!("request {request} is not sent, though nothing is in its way"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
