//! Answers to commands that wait for room in the queue: those that were given without waiting, and those that nobody
//! gave. There is one at the most for each open call, so their number is bounded by `limits.calls`.

use super::{Core, Effects};
use crate::command::HANDLER_FAILED;
use crate::error::Error;
use crate::inner::Inner;
use crate::waiter::Completion;
use enos_core::Now;
use enos_core::engine::{Answer, AnswerData, CallId, Request, RequestError};
use std::sync::Arc;

/// An answer that was given without waiting, while there was no room for it.
pub(crate) struct LateAnswer {
    pub(crate) call: CallId,
    pub(crate) code: i32,
    /// The outputs as a JSON object; `None` for none.
    pub(crate) json: Option<String>,
    pub(crate) message: String,
    /// When it is given up, and the command is answered with 1102.
    pub(crate) deadline: u64,
    pub(crate) done: Completion<()>,
}

impl Core {
    /// Gives what waits to the engine, as far as there is room.
    pub(super) fn answer_late(&mut self, client: &Arc<Inner>, now: Now, effects: &mut Effects) {
        while let Some(late) = self.late.front() {
            let data = late.json.as_deref().map_or(AnswerData::Empty, AnswerData::Json);
            let answer = Answer { code: late.code, data, message: &late.message };
            let result = self.engine.request(now, Request::Answer { call: late.call, answer });
            if result == Err(RequestError::QueueFull) && now.mono_ms < late.deadline {
                break;
            }
            let Some(late) = self.late.pop_front() else { break };
            let told = match result {
                Ok(_) => {
                    self.answered();
                    Ok(())
                }
                Err(refused) => Err(self.refused_answer(client, late.call, refused, AnswerData::Empty)),
            };
            self.complete(late.done, told, effects);
        }
        self.answer_abandoned(now);
    }

    /// A call is over.
    pub(crate) fn answered(&mut self) {
        self.calls = self.calls.saturating_sub(1);
        self.answered_all |= self.calls == 0;
    }

    /// The engine does not take an answer: the hub is not left waiting if it still does, and the error says why.
    pub(crate) fn refused_answer(
        &mut self,
        client: &Inner,
        call: CallId,
        refused: RequestError,
        data: AnswerData<'_>,
    ) -> Error {
        if matches!(refused, RequestError::Offline | RequestError::Call | RequestError::Closed) {
            self.answered();
        } else {
            self.abandoned.push(call);
        }
        let error = Error::request(&client.act_name("answer to a command"), refused, |at| match data {
            AnswerData::Values(outputs) => outputs.get(at).map(|(id, _)| *id),
            _ => None,
        });
        log::warn!("{error}");
        error
    }

    fn answer_abandoned(&mut self, now: Now) {
        while let Some(call) = self.abandoned.last().copied() {
            let message = "the command's handler failed or gave no answer";
            let answer = Answer { code: HANDLER_FAILED, data: AnswerData::Empty, message };
            if self.engine.request(now, Request::Answer { call, answer }) == Err(RequestError::QueueFull) {
                return;
            }
            self.abandoned.pop();
            self.answered();
        }
    }
}
