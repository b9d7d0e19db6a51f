//! Each rule can fail: something else is seen than happens, and the rule says so.
#![allow(clippy::unwrap_used)]

use super::device::SECRET_MARK;
use super::invariants::{Plant, names};
use super::network::Way;
use super::packet;
use super::run::{Plan, play_with};
use super::seen::{Ban, CommandState, Fact, Seen};

type Emit<'a> = &'a mut dyn FnMut(&Fact<'_>);

/// Sees what it saw, and this beside it.
fn and(fact: &Fact<'_>, emit: Emit<'_>, seen: Seen<'_>) {
    emit(fact);
    emit(&Fact { seen, ..*fact });
}

/// Sees this in its place.
fn instead(fact: &Fact<'_>, emit: Emit<'_>, seen: Seen<'_>) {
    emit(&Fact { seen, ..*fact });
}

fn up(packet: &[u8]) -> Option<packet::Publish<'_>> {
    packet::publish(packet)
}

/// What is seen wrongly, so that this rule breaks.
fn plant(rule: &str) -> Plant {
    match rule {
        "lifecycle-grammar" => Box::new(|fact, emit| match fact.seen {
            Seen::Life(_) => and(fact, emit, fact.seen),
            _ => emit(fact),
        }),
        "link-grammar" => Box::new(|fact, emit| match fact.seen {
            Seen::LinkUp => and(fact, emit, Seen::Dial),
            _ => emit(fact),
        }),
        "connect-budget" => Box::new(|fact, emit| match fact.seen {
            Seen::Dial => (0..5).for_each(|_| emit(fact)),
            _ => emit(fact),
        }),
        "no-spin" => Box::new(|fact, emit| match fact.seen {
            Seen::Wait(Some(_)) => instead(fact, emit, Seen::Wait(Some(fact.now))),
            _ => emit(fact),
        }),
        "memory-within-limits" => Box::new(|fact, emit| match fact.seen {
            Seen::Idle { rounds, stats, free, .. } => {
                instead(fact, emit, Seen::Idle { rounds, stats, receive: usize::MAX, free });
            }
            _ => emit(fact),
        }),
        "keep-alive" => Box::new(|fact, emit| match fact.seen {
            Seen::Sent(_) => {}
            _ => emit(fact),
        }),
        "activation-order" => Box::new(|fact, emit| match fact.seen {
            Seen::Stored(true) => instead(fact, emit, Seen::Stored(false)),
            _ => emit(fact),
        }),
        "one-outcome" => Box::new(|fact, emit| match fact.seen {
            Seen::Settled { .. } => and(fact, emit, fact.seen),
            _ => emit(fact),
        }),
        "acknowledged-is-stored-once" => Box::new(|fact, emit| match fact.seen {
            Seen::Kept { post, .. } => instead(fact, emit, Seen::Kept { post, samples: &[] }),
            _ => emit(fact),
        }),
        "nothing-else-stored" => Box::new(|fact, emit| match fact.seen {
            Seen::Accepted { .. } => {}
            _ => emit(fact),
        }),
        "latest-is-newest" => Box::new(|fact, emit| match fact.seen {
            Seen::Latest(Some((time, serial))) => {
                instead(fact, emit, Seen::Latest(Some((time - 1, serial))));
            }
            _ => emit(fact),
        }),
        "banned-is-silent" => {
            let mut banned = None;
            Box::new(move |fact, emit| match fact.seen {
                Seen::Ban(Ban::Disabled) => {
                    banned = Some((fact.device, 0));
                    emit(fact);
                }
                Seen::Samples(samples) if banned == Some((fact.device, 0)) => {
                    banned = Some((fact.device, 1));
                    instead(fact, emit, Seen::Samples(&[samples, &[(0, 0)]].concat()));
                }
                _ => emit(fact),
            })
        }
        "reply-belongs-to-request" => Box::new(|fact, emit| match fact.seen {
            Seen::Read { way: Way::Up, .. } => {}
            _ => emit(fact),
        }),
        "resent-unchanged" => Box::new(|fact, emit| match fact.seen {
            Seen::Written { way: Way::Up, packet, link } if up(packet).is_some_and(|up| up.is_post()) => {
                let mut other = packet.to_vec();
                *other.last_mut().unwrap() = b' ';
                and(fact, emit, Seen::Written { way: Way::Up, packet: &other, link });
            }
            _ => emit(fact),
        }),
        "resent-as-dup" => Box::new(|fact, emit| match fact.seen {
            Seen::Written { way: Way::Up, packet, link } if up(packet).is_some_and(|up| up.dup) => {
                let mut other = packet.to_vec();
                other[0] &= !8;
                instead(fact, emit, Seen::Written { way: Way::Up, packet: &other, link });
            }
            _ => emit(fact),
        }),
        "nothing-waits" => Box::new(|fact, emit| match fact.seen {
            Seen::Written { way: Way::Up, packet, .. } if up(packet).is_some_and(|up| up.is_post()) => {}
            _ => emit(fact),
        }),
        "command-one-end" => Box::new(|fact, emit| match fact.seen {
            Seen::CommandState(CommandState { id, state: 5.., ends_at }) => {
                and(fact, emit, Seen::CommandState(CommandState { id, state: 3, ends_at }));
            }
            _ => emit(fact),
        }),
        "answer-per-command" => Box::new(|fact, emit| match fact.seen {
            Seen::Written { way: Way::Up, packet, .. } if up(packet).is_some_and(|up| up.is_answer()) => {
                and(fact, emit, fact.seen);
            }
            _ => emit(fact),
        }),
        "online-agrees" => Box::new(|fact, emit| match fact.seen {
            Seen::Held { own, open, .. } => instead(fact, emit, Seen::Held { by: None, own, open }),
            _ => emit(fact),
        }),
        "valid-packets" => Box::new(|fact, emit| match fact.seen {
            Seen::Written { way, packet, link } => {
                let packet = &packet[..packet.len() - 1];
                instead(fact, emit, Seen::Written { way, packet, link });
            }
            _ => emit(fact),
        }),
        "connections-end" => Box::new(|fact, emit| match fact.seen {
            Seen::Connections { hub, links } => {
                instead(fact, emit, Seen::Connections { hub: hub + 1, links });
            }
            _ => emit(fact),
        }),
        "no-secret-told" => Box::new(|fact, emit| match fact.seen {
            Seen::Text(_) => {
                let text = format!("sign-in refused for {SECRET_MARK}device-0");
                instead(fact, emit, Seen::Text(&text));
            }
            _ => emit(fact),
        }),
        "drains" => Box::new(|fact, emit| match fact.seen {
            Seen::End { .. } => instead(fact, emit, Seen::End { left: Some("a post") }),
            _ => emit(fact),
        }),
        other => panic!("nothing is planted for {other}"),
    }
}

#[test]
fn each_rule_fails_when_it_is_broken() {
    let rules = names();
    assert!(rules.len() >= 12, "{rules:?}");
    for rule in rules {
        let seen = (0..200).find_map(|seed| {
            let played = play_with(seed, Plan::of(seed), Some(plant(rule)), Some(rule));
            played.broken.map(|broken| (seed, broken))
        });
        let Some((seed, broken)) = seen else { panic!("nothing breaks {rule}") };
        assert_eq!(broken.invariant, rule);
        println!("{rule}: seed {seed}: {}", broken.what);
    }
}
