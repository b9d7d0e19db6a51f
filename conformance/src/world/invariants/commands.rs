//! Rules of commands: one end each, one answer each.

use std::collections::{BTreeMap, HashMap};

use super::super::network::Way;
use super::super::packet;
use super::super::seen::{Ban, CommandState, Fact, Seen};
use super::{Each, Invariant};

const CREATED: u64 = 1;
const SENT: u64 = 4;
const SUCCEEDED: u64 = 5;

/// A command ends in exactly one state, in time, and stays there (`docs-model.md` §5).
#[derive(Default)]
pub(super) struct OneEnd(Each<BTreeMap<u64, u64>>);

fn is_end(state: u64) -> bool {
    !matches!(state, CREATED | SENT)
}

impl Invariant for OneEnd {
    fn name(&self) -> &'static str {
        "command-one-end"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let states = self.0.of(fact.device);
        match fact.seen {
            Seen::Ban(Ban::Deleted) => states.clear(),
            Seen::CommandState(CommandState { id, state, ends_at }) => {
                if !(1..=7).contains(&state) {
                    return Err(format!("command {id} is in no state"));
                }
                let before = states.insert(id, state).unwrap_or(CREATED);
                let goes_on = state == before || before == CREATED || (before == SENT && state > SENT);
                if !goes_on {
                    return Err(format!("command {id} went from state {before} to {state}"));
                }
                if !is_end(state) && fact.now > ends_at {
                    return Err(format!("command {id} outlives its time, {ends_at}"));
                }
            }
            Seen::CommandReply { id, succeeded } => {
                let state = states.entry(id).or_insert(if succeeded { SUCCEEDED } else { 0 });
                // Not looked at since it ended, or ended as the reply says.
                let fits = match *state {
                    CREATED | SENT | 0 => true,
                    SUCCEEDED => succeeded,
                    _ => !succeeded,
                };
                if !fits {
                    return Err(format!("the reply contradicts state {state} of command {id}"));
                }
                if *state == 0 {
                    states.remove(&id);
                } else if succeeded {
                    states.insert(id, SUCCEEDED);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A device answers commands that it read, each at most as often as it came.
#[derive(Default)]
pub(super) struct AnswerPerCommand(Each<HashMap<String, (usize, usize)>>);

impl Invariant for AnswerPerCommand {
    fn name(&self) -> &'static str {
        "answer-per-command"
    }

    fn see(&mut self, fact: &Fact<'_>) -> Result<(), String> {
        let commands = self.0.of(fact.client);
        match fact.seen {
            Seen::PowerUp { .. } => commands.clear(),
            Seen::Read { way: Way::Down, packet, .. } => {
                let command = packet::publish(packet).filter(packet::Publish::is_command);
                if let Some(id) = command.and_then(|command| command.message_id()) {
                    commands.entry(id.to_owned()).or_default().0 += 1;
                }
            }
            Seen::Written { way: Way::Up, packet, .. } => {
                let Some(answer) = packet::publish(packet).filter(packet::Publish::is_answer) else {
                    return Ok(());
                };
                let id = answer.message_id().unwrap_or_default();
                let Some((came, answered)) = commands.get_mut(id) else {
                    return Err(format!("an answer to {id}, which never came"));
                };
                *answered += 1;
                if *answered > *came {
                    return Err(format!("{id} came {came} times and was answered {answered} times"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
