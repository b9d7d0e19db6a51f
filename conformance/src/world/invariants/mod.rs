//! What must hold in every world, after each step: each rule by name, each on its own.

mod client;
mod commands;
mod hub;
mod posts;

use super::seen::{Fact, Seen};
use super::trace::Trace;

/// A rule over everything that can be seen.
pub(super) trait Invariant {
    fn name(&self) -> &'static str;
    /// The error says how the rule was broken.
    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String>;
}

/// Every rule, new.
fn all(secrets: &[String]) -> Vec<Box<dyn Invariant>> {
    vec![
        Box::<client::LifecycleGrammar>::default(),
        Box::<client::LinkGrammar>::default(),
        Box::<client::ConnectBudget>::default(),
        Box::<client::NoSpin>::default(),
        Box::<client::WithinLimits>::default(),
        Box::<client::KeepAlive>::default(),
        Box::<client::ActivationOrder>::default(),
        Box::<posts::OneOutcome>::default(),
        Box::<posts::AcknowledgedIsStored>::default(),
        Box::<posts::NothingElseStored>::default(),
        Box::<posts::LatestIsNewest>::default(),
        Box::<posts::BannedIsSilent>::default(),
        Box::<posts::ReplyBelongs>::default(),
        Box::<posts::ResentUnchanged>::default(),
        Box::<posts::ResentAsDup>::default(),
        Box::<posts::NothingWaits>::default(),
        Box::<commands::OneEnd>::default(),
        Box::<commands::AnswerPerCommand>::default(),
        Box::<hub::OnlineAgrees>::default(),
        Box::<hub::ValidPackets>::default(),
        Box::<hub::ConnectionsEnd>::default(),
        Box::new(hub::NoSecretTold::new(secrets)),
        Box::<hub::Drains>::default(),
    ]
}

/// The names of all rules.
#[must_use]
pub fn names() -> Vec<&'static str> {
    all(&[]).iter().map(|rule| rule.name()).collect()
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The rule's name.
    pub invariant: &'static str,
    /// How it was broken, and when.
    pub what: String,
}

/// Changes what is seen, so that a rule can be shown to fail: gets each fact and says what is seen in its place.
pub(super) type Plant = Box<dyn FnMut(&Fact<'_>, &mut dyn FnMut(&Fact<'_>))>;

/// Watches a world.
pub(super) struct Watch {
    rules: Vec<Box<dyn Invariant>>,
    pub(super) trace: Trace,
    pub(super) broken: Option<Broken>,
    pub(super) plant: Option<Plant>,
    pub(super) facts: u64,
}

impl Watch {
    /// `only` this rule, or all.
    pub(super) fn new(secrets: &[String], traced: bool, only: Option<&str>) -> Self {
        let mut rules = all(secrets);
        rules.retain(|rule| only.is_none_or(|only| rule.name() == only));
        Self { rules, trace: Trace::new(traced), broken: None, plant: None, facts: 0 }
    }

    pub(super) fn see(&mut self, now: u64, client: usize, device: usize, seen: Seen<'_>) {
        let fact = Fact { now, client, device, seen };
        match self.plant.take() {
            None => self.judge(&fact),
            Some(mut plant) => {
                plant(&fact, &mut |fact| self.judge(fact));
                self.plant = Some(plant);
            }
        }
    }

    fn judge(&mut self, fact: &Fact<'_>) {
        self.facts += 1;
        self.trace.fact(fact);
        if self.broken.is_some() {
            return;
        }
        for rule in &mut self.rules {
            if let Err(what) = rule.see(fact) {
                let (now, client) = (fact.now, fact.client as isize);
                let what = format!("{what} (at {now} ms, client {client}: {:?})", fact.seen);
                self.broken = Some(Broken { invariant: rule.name(), what });
                return;
            }
        }
    }
}

/// One value for each client or device, made when it is first asked for.
#[derive(Debug)]
struct Each<T>(Vec<T>);

impl<T> Default for Each<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Default> Each<T> {
    fn of(&mut self, index: usize) -> &mut T {
        // Facts about nobody have a place of their own behind all others.
        let index = if index == usize::MAX { 0 } else { index + 1 };
        if self.0.len() <= index {
            self.0.resize_with(index + 1, T::default);
        }
        &mut self.0[index]
    }
}
