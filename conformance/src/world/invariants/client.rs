//! Rules of one client: its life, its link, its patience and its memory.

use std::collections::VecDeque;

use enos_core::Limits;

use super::super::network::Way;
use super::super::packet;
use super::super::seen::{Fact, Life, Seen};
use super::{Each, Invariant};

/// `style.md` §8: each `Connecting` has one `Online` or `ConnectFailed`, each `Online` one `Offline`, `Closed` is last.
#[derive(Default)]
pub(super) struct LifecycleGrammar(Each<Stage>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Away,
    Connecting,
    Online,
    Closed,
}

impl Invariant for LifecycleGrammar {
    fn name(&self) -> &'static str {
        "lifecycle-grammar"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let stage = self.0.of(fact.client);
        let Seen::Life(life) = fact.seen else {
            if matches!(fact.seen, Seen::PowerUp { .. } | Seen::PowerCut) {
                *stage = Stage::Away;
            }
            return Ok(());
        };
        *stage = match (*stage, life) {
            (Stage::Away, Life::Connecting) => Stage::Connecting,
            (Stage::Connecting, Life::Online) => Stage::Online,
            (Stage::Connecting, Life::ConnectFailed { .. }) | (Stage::Online, Life::Offline { .. }) => {
                Stage::Away
            }
            (Stage::Away, Life::Closed) => Stage::Closed,
            (stage, life) => return Err(format!("{life:?} while {stage:?}")),
        };
        Ok(())
    }
}

/// `decisions.md` §5: no dial while a link or a dial is there, nothing sent without a link, one `HangUp` for each.
#[derive(Default)]
pub(super) struct LinkGrammar(Each<Link>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Link {
    #[default]
    None,
    Dialing,
    Up,
    HangingUp,
}

impl Invariant for LinkGrammar {
    fn name(&self) -> &'static str {
        "link-grammar"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let link = self.0.of(fact.client);
        *link = match (*link, &fact.seen) {
            (_, Seen::PowerUp { .. } | Seen::PowerCut) => Link::None,
            (Link::None, Seen::Dial) => Link::Dialing,
            (Link::Dialing, Seen::LinkUp) => Link::Up,
            (Link::Dialing | Link::Up, Seen::HangUp) => Link::HangingUp,
            (Link::Dialing | Link::Up | Link::HangingUp, Seen::LinkDown) => Link::None,
            (Link::Up, Seen::Transmit(1..)) => Link::Up,
            (_, Seen::Dial | Seen::LinkUp | Seen::HangUp | Seen::LinkDown | Seen::Transmit(_)) => {
                return Err(format!("{:?} while {link:?}", fact.seen));
            }
            (link, _) => link,
        };
        Ok(())
    }
}

/// `decisions.md` §5: at most 4 dials in any 120 s.
#[derive(Default)]
pub(super) struct ConnectBudget(Each<VecDeque<u64>>);

impl Invariant for ConnectBudget {
    fn name(&self) -> &'static str {
        "connect-budget"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let dials = self.0.of(fact.client);
        match fact.seen {
            // A client that starts again has forgotten its dials, as every device without a clock has.
            Seen::PowerUp { .. } => dials.clear(),
            Seen::Dial => {
                dials.push_back(fact.now);
                if dials.len() > 5 {
                    dials.pop_front();
                }
                if dials.len() == 5 && fact.now - dials[0] < 120_000 {
                    return Err(format!("5 dials in 120 s: {dials:?}"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// No `Wait` until a moment that has come, and an end to every drain.
#[derive(Default)]
pub(super) struct NoSpin;

impl Invariant for NoSpin {
    fn name(&self) -> &'static str {
        "no-spin"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        match fact.seen {
            Seen::Wait(Some(until)) if until <= fact.now => Err(format!("it waits until {until}")),
            Seen::Idle { rounds: 5_000.., .. } => Err("it is never done".to_owned()),
            _ => Ok(()),
        }
    }
}

/// Nothing in an engine grows beyond its [`Limits`].
#[derive(Default)]
pub(super) struct WithinLimits(Each<Option<Limits>>);

impl Invariant for WithinLimits {
    fn name(&self) -> &'static str {
        "memory-within-limits"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let limits = self.0.of(fact.client);
        if let Seen::PowerUp { limits: new, .. } = fact.seen {
            *limits = Some(*new);
        }
        let Some(limits) = limits else { return Ok(()) };
        let (what, is, most) = match fact.seen {
            Seen::Transmit(bytes) => ("bytes to transmit", bytes, limits.transmit),
            Seen::Idle { receive, .. } if receive > limits.receive => {
                ("bytes to receive", receive, limits.receive)
            }
            Seen::Idle { stats, .. } if stats.open_requests as usize > usize::from(limits.requests) => {
                ("requests", stats.open_requests as usize, limits.requests.into())
            }
            Seen::Idle { stats, .. } => ("bytes queued", stats.queued_bytes as usize, limits.outbox),
            _ => return Ok(()),
        };
        if is <= most { Ok(()) } else { Err(format!("{is} {what}, at most {most}")) }
    }
}

/// MQTT-3.1.2-23: a client that can send lets no keep alive pass in silence.
#[derive(Default)]
pub(super) struct KeepAlive(Each<Heard>);

#[derive(Default)]
struct Heard {
    keep_alive_ms: u64,
    online: bool,
    sent: u64,
}

impl Invariant for KeepAlive {
    fn name(&self) -> &'static str {
        "keep-alive"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let heard = self.0.of(fact.client);
        match fact.seen {
            Seen::PowerUp { keep_alive_ms, .. } => *heard = Heard { keep_alive_ms, ..Heard::default() },
            Seen::Life(life) => heard.online = life == Life::Online,
            Seen::LinkDown => heard.online = false,
            Seen::Sent(_) => heard.sent = fact.now,
            Seen::Idle { free: true, .. } if heard.online && fact.now > heard.sent + heard.keep_alive_ms => {
                return Err(format!("nothing sent since {}", heard.sent));
            }
            _ => {}
        }
        Ok(())
    }
}

/// `decisions.md` §5: the secret is stored before the hub hears so, and before anything is signed with it.
#[derive(Default)]
pub(super) struct ActivationOrder(Each<bool>);

impl Invariant for ActivationOrder {
    fn name(&self) -> &'static str {
        "activation-order"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let stored = self.0.of(fact.client);
        match fact.seen {
            Seen::PowerUp { secret, .. } => *stored = secret,
            Seen::Stored(done) => *stored |= done,
            Seen::StoreAsked { right: false } => return Err("another secret than the device's".to_owned()),
            Seen::Written { way: Way::Up, packet, .. } if !*stored => {
                let signs = packet::kind(packet) == packet::CONNECT
                    && packet.windows(12).any(|part| part == b"securemode=2");
                let confirms = packet::publish(packet)
                    .is_some_and(|publish| publish.topic.ends_with("/activate/info_reply"));
                if signs || confirms {
                    return Err("the secret is not stored".to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }
}
