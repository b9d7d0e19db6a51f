//! The engine over CoAP, step by step, against a scripted hub.

#![allow(clippy::unwrap_used)]

mod coap_sim;
mod sim;

use coap_sim::{Pair, config, device};
use sim::Told;

#[test]
fn signs_in_in_clear_and_posts() {
    let mut pair = Pair::heap(config(false, device()));
    pair.connect();
    assert_eq!(pair.take(), [Told::Connecting, Told::Online]);
    let id = pair.post();
    pair.settle();
    assert_eq!(pair.take(), [Told::Acknowledged(id, String::new())]);
    assert_eq!(pair.hub.came.len(), 1);
    assert_eq!(pair.sent.len(), 2);
}
