//! What must hold, each rule by its name. A rule judges facts; it knows neither engine nor hub nor network.

use std::collections::{BTreeMap, BTreeSet};

use super::network::Way;
use crate::coap::{Kind as Type, Message, code};

/// A post as the world gave it to an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Post {
    /// Its value; no two posts of a world have the same.
    pub(super) serial: u64,
    /// Its time; no two posts of a device have the same.
    pub(super) time: i64,
    /// When it must be settled, by the world's clock.
    pub(super) until: u64,
}

/// The life of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Connecting,
    Online,
    ConnectFailed,
    Offline,
    Closed,
}

/// What can be seen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seen<'a> {
    PowerUp,
    PowerCut,
    /// The engine waits, and until when.
    Wait(Option<u64>),
    Life(Life),
    Accepted {
        request: u32,
        post: Post,
    },
    Settled {
        request: u32,
    },
    /// What the store holds at the time of a post that was acknowledged.
    Kept {
        post: Post,
        samples: &'a [(i64, u64)],
    },
    /// All that the store holds of a device.
    Samples(&'a [(i64, u64)]),
    /// A datagram leaves its sender.
    Sent {
        way: Way,
        bytes: &'a [u8],
    },
    /// A handler is given a command, by the number in its arguments.
    Called {
        number: u64,
    },
    /// What an application is told of its command.
    Replied {
        number: u64,
        succeeded: bool,
    },
    /// A text that a person may read.
    Text(&'a str),
    /// The end of a world that had time to drain: what is left.
    End {
        left: Option<&'a str>,
    },
}

/// A fact: when, and of which device; `usize::MAX` for none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact<'a> {
    pub(super) now: u64,
    pub(super) device: usize,
    pub(super) seen: Seen<'a>,
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its name.
    pub rule: &'static str,
    /// What happened.
    pub what: String,
    /// Virtual milliseconds.
    pub at: u64,
}

type Verdict = Result<(), String>;

pub(super) trait Rule {
    fn name(&self) -> &'static str;
    fn see(&mut self, fact: &Fact<'_>) -> Verdict;
}

pub(super) fn all(secret: &'static str) -> Vec<Box<dyn Rule>> {
    vec![
        Box::new(Lifecycle::default()),
        Box::new(NoSpin),
        Box::new(OneOutcome::default()),
        Box::new(StoredOnce),
        Box::new(NothingElse::default()),
        Box::new(ValidDatagrams),
        Box::new(SentAgain::default()),
        Box::new(AnswersFit::default()),
        Box::new(CommandsRan::default()),
        Box::new(NoSecret(secret)),
        Box::new(Drains),
    ]
}

/// The names of all rules.
#[must_use]
pub fn names() -> Vec<&'static str> {
    all("").iter().map(|rule| rule.name()).collect()
}

/// `style.md` §8: each Connecting ends in Online or ConnectFailed, each Online in Offline; Closed is last.
#[derive(Default)]
struct Lifecycle(BTreeMap<usize, Option<Life>>);

impl Rule for Lifecycle {
    fn name(&self) -> &'static str {
        "lifecycle-grammar"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Verdict {
        let last = self.0.entry(fact.device).or_default();
        match fact.seen {
            Seen::PowerUp => *last = None,
            Seen::Life(life) => {
                let fits = match life {
                    Life::Connecting => !matches!(last, Some(Life::Connecting | Life::Online | Life::Closed)),
                    Life::Online | Life::ConnectFailed => *last == Some(Life::Connecting),
                    Life::Offline => *last == Some(Life::Online),
                    Life::Closed => !matches!(last, Some(Life::Connecting | Life::Online | Life::Closed)),
                };
                if !fits {
                    return Err(format!("{life:?} behind {last:?}"));
                }
                *last = Some(life);
            }
            _ => {}
        }
        Ok(())
    }
}

/// `decisions.md` §5: an engine that waits until now spins.
struct NoSpin;

impl Rule for NoSpin {
    fn name(&self) -> &'static str {
        "no-spin"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Verdict {
        match fact.seen {
            Seen::Wait(Some(until)) if until <= fact.now => Err(format!("it waits until {until}")),
            _ => Ok(()),
        }
    }
}

/// Each post that an engine took has one end, by its time.
#[derive(Default)]
struct OneOutcome(BTreeMap<(usize, u32), Post>);

/// A late driver hears of a time-out late.
const LATE_MS: u64 = 15_000;

impl Rule for OneOutcome {
    fn name(&self) -> &'static str {
        "one-outcome"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Verdict {
        match fact.seen {
            Seen::PowerUp | Seen::PowerCut => self.0.retain(|(device, _), _| *device != fact.device),
            Seen::Accepted { request, post } => {
                self.0.insert((fact.device, request), post);
            }
            Seen::Settled { request } if self.0.remove(&(fact.device, request)).is_none() => {
                return Err(format!("request {request} settles, and is not open"));
            }
            Seen::Wait(_) => {
                let late = self
                    .0
                    .iter()
                    .find(|((device, _), post)| *device == fact.device && post.until + LATE_MS < fact.now);
                if let Some(((_, request), post)) = late {
                    return Err(format!("request {request} was to settle by {}", post.until));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Acknowledged means stored, exactly once and as it was.
struct StoredOnce;

impl Rule for StoredOnce {
    fn name(&self) -> &'static str {
        "acknowledged-is-stored-once"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Verdict {
        match fact.seen {
            Seen::Kept { post, samples } if samples != [(post.time, post.serial)] => {
                Err(format!("{post:?} was acknowledged, stored is {samples:?}"))
            }
            _ => Ok(()),
        }
    }
}

/// What is stored was posted, by that device, once for each time.
#[derive(Default)]
struct NothingElse(BTreeSet<(usize, i64, u64)>);

impl Rule for NothingElse {
    fn name(&self) -> &'static str {
        "nothing-else-stored"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Verdict {
        match fact.seen {
            Seen::Accepted { post, .. } => {
                self.0.insert((fact.device, post.time, post.serial));
            }
            Seen::Samples(samples) => {
                let strange =
                    samples.iter().find(|(time, value)| !self.0.contains(&(fact.device, *time, *value)));
                if let Some(sample) = strange {
                    return Err(format!("{sample:?} is stored, and nobody posted it"));
                }
                let mut times: Vec<i64> = samples.iter().map(|(time, _)| *time).collect();
                times.dedup();
                if times.len() != samples.len() {
                    return Err("a time is stored twice".to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Every datagram is CoAP to a third codec, and at most 1 KB; devices ask, the hub answers.
struct ValidDatagrams;

impl Rule for ValidDatagrams {
    fn name(&self) -> &'static str {
        "valid-datagrams"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Verdict {
        let Seen::Sent { way, bytes } = fact.seen else { return Ok(()) };
        if bytes.len() > 1_024 {
            return Err(format!("{way:?}: {} bytes", bytes.len()));
        }
        let message = Message::parse(bytes).map_err(|bad| format!("{way:?}: {bad:?}: {bytes:02x?}"))?;
        let right = match way {
            Way::Up => message.code == code::EMPTY || (message.is_request() && message.kind == Type::Con),
            Way::Down => message.code == code::EMPTY || message.is_response(),
        };
        if right { Ok(()) } else { Err(format!("{way:?}: {message:?}")) }
    }
}

/// RFC 7252 §4.2, §4.4, §4.8: what goes again is the same, at most four times more, with ever longer pauses; its Message
/// ID means nothing else for EXCHANGE_LIFETIME.
#[derive(Default)]
struct SentAgain(BTreeMap<(usize, u16), Transmissions>);

struct Transmissions {
    bytes: Vec<u8>,
    first: u64,
    last: u64,
    count: u32,
    pause: u64,
}

const EXCHANGE_LIFETIME_MS: u64 = 247_000;

impl Rule for SentAgain {
    fn name(&self) -> &'static str {
        "sent-again-as-the-standard-says"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Verdict {
        match fact.seen {
            // Its memory of Message IDs went with the power.
            Seen::PowerUp => self.0.retain(|(device, _), _| *device != fact.device),
            Seen::Sent { way: Way::Up, bytes } => {
                let Ok(message) = Message::parse(bytes) else { return Ok(()) };
                if message.kind != Type::Con {
                    return Ok(());
                }
                let key = (fact.device, message.id);
                let known = self.0.get_mut(&key).filter(|sent| fact.now < sent.first + EXCHANGE_LIFETIME_MS);
                let Some(sent) = known else {
                    let (first, last) = (fact.now, fact.now);
                    let new = Transmissions { bytes: bytes.to_vec(), first, last, count: 1, pause: 0 };
                    self.0.insert(key, new);
                    return Ok(());
                };
                if sent.bytes != bytes {
                    return Err(format!("Message ID {} means two things", message.id));
                }
                let pause = fact.now - sent.last;
                sent.count += 1;
                if sent.count > 5 {
                    return Err(format!("{message:?} goes a {}th time", sent.count));
                }
                // A driver that woke up late made one pause longer, never shorter.
                if pause < 2_000.max(if sent.count == 2 { 0 } else { sent.pause.min(3_000) }) {
                    return Err(format!("{message:?} goes again after {pause} ms"));
                }
                (sent.last, sent.pause) = (fact.now, pause);
            }
            _ => {}
        }
        Ok(())
    }
}

/// RFC 7252 §5.3: what the hub answers has Message ID and token of a request that it could have got.
#[derive(Default)]
struct AnswersFit(BTreeSet<(u16, Vec<u8>)>);

impl Rule for AnswersFit {
    fn name(&self) -> &'static str {
        "answers-belong-to-requests"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Verdict {
        let Seen::Sent { way, bytes } = fact.seen else { return Ok(()) };
        let Ok(message) = Message::parse(bytes) else { return Ok(()) };
        match way {
            Way::Up => {
                self.0.insert((message.id, message.token));
            }
            Way::Down if message.kind == Type::Ack && message.is_response() => {
                let token = message.token.clone();
                if !self.0.contains(&(message.id, token)) {
                    return Err(format!("{message:?} answers nothing"));
                }
            }
            Way::Down => {}
        }
        Ok(())
    }
}

/// A command that succeeded was given to a handler, of its device.
#[derive(Default)]
struct CommandsRan(BTreeSet<u64>);

impl Rule for CommandsRan {
    fn name(&self) -> &'static str {
        "succeeded-was-called"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Verdict {
        match fact.seen {
            Seen::Called { number } => {
                self.0.insert(number);
                Ok(())
            }
            Seen::Replied { number, succeeded: true } if !self.0.contains(&number) => {
                Err(format!("command {number} succeeded, and no handler had it"))
            }
            _ => Ok(()),
        }
    }
}

/// No text that a person reads holds a secret.
struct NoSecret(&'static str);

impl Rule for NoSecret {
    fn name(&self) -> &'static str {
        "no-secret-told"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Verdict {
        match fact.seen {
            Seen::Text(text) if text.contains(self.0) => Err("a text holds a secret".to_owned()),
            _ => Ok(()),
        }
    }
}

/// Once the faults have stopped, everything ends well.
struct Drains;

impl Rule for Drains {
    fn name(&self) -> &'static str {
        "drains"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Verdict {
        match fact.seen {
            Seen::End { left: Some(left) } => Err(format!("left: {left}")),
            _ => Ok(()),
        }
    }
}
