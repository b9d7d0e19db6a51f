//! Each rule can fail: something else is seen than happens, and the rule says so.
#![allow(clippy::unwrap_used)]

use super::device::SECRET_MARK;
use super::network::Way;
use super::rules::{Fact, Seen, names};
use super::run::{Plan, Plant, play_with};
use crate::coap::{Message, code};

fn plant(rule: &str) -> Plant {
    match rule {
        "lifecycle-grammar" | "one-outcome" => Box::new(|fact, emit| {
            emit(fact);
            if matches!(fact.seen, Seen::Life(_) | Seen::Settled { .. }) {
                emit(fact);
            }
        }),
        "no-spin" => Box::new(|fact, emit| match fact.seen {
            Seen::Wait(Some(_)) => emit(&Fact { seen: Seen::Wait(Some(fact.now)), ..*fact }),
            _ => emit(fact),
        }),
        "acknowledged-is-stored-once" => Box::new(|fact, emit| match fact.seen {
            Seen::Kept { post, .. } => emit(&Fact { seen: Seen::Kept { post, samples: &[] }, ..*fact }),
            _ => emit(fact),
        }),
        "nothing-else-stored" => Box::new(|fact, emit| match fact.seen {
            Seen::Accepted { .. } => {}
            _ => emit(fact),
        }),
        "valid-datagrams" => Box::new(|fact, emit| match fact.seen {
            Seen::Sent { way, bytes } => {
                let mut other = bytes.to_vec();
                other[0] |= 0x0F;
                emit(&Fact { seen: Seen::Sent { way, bytes: &other }, ..*fact });
            }
            _ => emit(fact),
        }),
        "sent-again-as-the-standard-says" => Box::new(|fact, emit| {
            emit(fact);
            if let Seen::Sent { way: Way::Up, .. } = fact.seen {
                emit(fact);
            }
        }),
        "answers-belong-to-requests" => Box::new(|fact, emit| match fact.seen {
            Seen::Sent { way: Way::Down, bytes } => {
                let mut message = Message::parse(bytes).unwrap();
                message.token.push(1);
                message.token.truncate(8);
                let wrong = if message.code == code::EMPTY { bytes.to_vec() } else { message.bytes() };
                emit(&Fact { seen: Seen::Sent { way: Way::Down, bytes: &wrong }, ..*fact });
            }
            _ => emit(fact),
        }),
        "succeeded-was-called" => Box::new(|fact, emit| match fact.seen {
            Seen::Called { .. } => {}
            _ => emit(fact),
        }),
        "no-secret-told" => Box::new(|fact, emit| match fact.seen {
            Seen::Text(_) => emit(&Fact { seen: Seen::Text(&format!("refused {SECRET_MARK}0")), ..*fact }),
            _ => emit(fact),
        }),
        "drains" => Box::new(|fact, emit| match fact.seen {
            Seen::End { .. } => emit(&Fact { seen: Seen::End { left: Some("a post") }, ..*fact }),
            _ => emit(fact),
        }),
        other => panic!("nothing is planted for {other}"),
    }
}

#[test]
fn each_rule_fails_when_it_is_broken() {
    for rule in names() {
        let seen = (0..40).find_map(|seed| {
            play_with(seed, Plan::of(seed), Some(plant(rule)), Some(rule)).broken.map(|broken| (seed, broken))
        });
        let Some((seed, broken)) = seen else { panic!("nothing breaks {rule}") };
        assert_eq!(broken.rule, rule);
        println!("{rule}: seed {seed}: {}", broken.what);
    }
}
