//! What a host may ask for: each request is checked, and either taken whole or refused without a trace.

use super::connection::Stage;
use super::state::{State, keys_of};
use super::types::{Answer, CallId, CommandKind, DeviceIx, Request, RequestError, RequestId};
use crate::feature::{command, measure, tag};
use crate::json::Point;
use crate::session::outbox::NotTaken;
use crate::time::Now;

impl From<NotTaken> for RequestError {
    fn from(reason: NotTaken) -> Self {
        match reason {
            NotTaken::Full => Self::QueueFull,
            NotTaken::TooLarge => Self::TooLarge,
        }
    }
}

/// The number of requests that are over as soon as they are taken.
const NOTHING_FOLLOWS: RequestId = RequestId(0);

impl State<'_> {
    pub(super) fn request(&mut self, now: Now, request: Request<'_>) -> Result<RequestId, RequestError> {
        let mono = now.mono_ms;
        match request {
            Request::PostMeasurepoints { device, points, time_ms, timeout_ms } => {
                let deadline = mono + u64::from(timeout_ms);
                self.post(device, points, time_ms.or(now.wall_ms), deadline)
            }
            Request::Probe { timeout_ms } => self.probe(mono + u64::from(timeout_ms)),
            #[cfg(feature = "coap")]
            Request::Sleep { timeout_ms } if self.scheme.is_coap() => {
                self.sleep(mono + u64::from(timeout_ms))
            }
            Request::Sleep { .. } => Err(RequestError::Unsupported(
                "sleeping between posts is for CoAP. Use coap:// or coaps://, or close the client",
            )),
            Request::Answer { call, answer } => self.answer(call, &answer),
            Request::Connect { timeout_ms } => {
                self.connection.connect(mono, timeout_ms).map(|()| NOTHING_FOLLOWS)
            }
            Request::Close { timeout_ms } => {
                self.connection.close(mono, timeout_ms).map(|()| NOTHING_FOLLOWS)
            }
            Request::Handle { device, kind } => self.handle(device, kind),
            Request::Unhandle { device, kind } => {
                self.handlers.remove(&self.names, device, kind);
                Ok(NOTHING_FOLLOWS)
            }
        }
    }

    fn post(
        &mut self,
        device: DeviceIx,
        points: &[Point<'_>],
        time_ms: Option<u64>,
        deadline: u64,
    ) -> Result<RequestId, RequestError> {
        if self.connection.is_leaving() {
            return Err(RequestError::Closed);
        }
        self.devices.get(device).ok_or(RequestError::Device)?;
        measure::check(points)?;
        let most = self.most();
        let keys = keys_of(&self.names, &self.devices, device);
        let id = self
            .outbox
            .append_request(deadline, most, |id, room| measure::write(room, keys, id, points, time_ms))?;
        Ok(RequestId(id))
    }

    fn probe(&mut self, deadline: u64) -> Result<RequestId, RequestError> {
        if self.connection.is_leaving() {
            return Err(RequestError::Closed);
        }
        let most = self.most();
        let keys = keys_of(&self.names, &self.devices, DeviceIx::ROOT);
        let id = self.outbox.append_request(deadline, most, |id, room| tag::write_probe(room, keys, id))?;
        Ok(RequestId(id))
    }

    fn answer(&mut self, call: CallId, answer: &Answer<'_>) -> Result<RequestId, RequestError> {
        let slot = self.calls.get(call).ok_or(RequestError::Call)?;
        command::check(answer)?;
        if !matches!(self.connection.stage, Stage::Online) && !self.connection.is_renewing() {
            self.calls.close(call);
            self.stats.dropped_answers += 1;
            return Err(RequestError::Offline);
        }
        let most = self.most();
        let keys = keys_of(&self.names, &self.devices, DeviceIx(slot.device));
        let kind = slot.verb.kind(self.names.text(slot.service));
        self.outbox.append_answer(most, |room| command::write_answer(room, keys, kind, slot.id(), answer))?;
        self.calls.close(call);
        Ok(NOTHING_FOLLOWS)
    }

    fn handle(&mut self, device: DeviceIx, kind: CommandKind<'_>) -> Result<RequestId, RequestError> {
        if self.connection.is_leaving() {
            return Err(RequestError::Closed);
        }
        self.devices.get(device).ok_or(RequestError::Device)?;
        if !command::is_askable(kind) {
            return Err(RequestError::ServiceId);
        }
        if self.handlers.add(&mut self.names, device, kind) {
            Ok(NOTHING_FOLLOWS)
        } else {
            Err(RequestError::QueueFull)
        }
    }
}
