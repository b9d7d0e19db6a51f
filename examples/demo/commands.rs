//! Commands go down through REST, and their results come up the same way.

use std::error::Error;
use std::thread;

use enos_runtime::{Client, Value};
use serde_json::json;

use crate::report::Report;
use crate::rest::Rest;
use crate::{INVERTER, TURBINE};

/// State 5 of a command: succeeded (`docs-model.md` §5).
const SUCCEEDED: u64 = 5;

/// Services that answer at once, later, with a code of their own, and not at all; a measurepoint that is set.
pub(crate) fn down_and_up(
    report: &mut Report,
    rest: &Rest,
    turbine: &Client,
    inverter: &Client,
) -> Result<(), Box<dyn Error>> {
    report.part("Commands go down, results come up");
    turbine.on_service("reboot", |call, reply| {
        if call.args()["delay"].as_i64() > Some(60) {
            reply.fail(2001, "delay too long")
        } else {
            reply.ok(&[("accepted", Value::Bool(true))])
        }
    })?;
    turbine.on_measurepoint_set(|_, reply| reply.ok(&[]))?;
    inverter.on_service("INV.Control", |call, reply| {
        // Answered later, from another thread: the handler has returned by then.
        let mode = call.args()["mode"].as_i64().unwrap_or(-1);
        thread::spawn(move || reply.ok(&[("result", Value::Int(mode))]));
    })?;

    let answer = rest.invoke(TURBINE, "reboot", json!({"delay": 5}))?;
    let id = answer["data"]["commandId"].as_str().unwrap_or_default().to_owned();
    let good = answer["code"] == 0 && answer["data"]["outputData"]["accepted"] == true;
    report.step("reboot turbine-1", good, &answer["data"]["outputData"]);
    let state = rest.command(TURBINE, &id)?;
    report.step("the command's state is \"succeeded\"", state["state"] == SUCCEEDED, &state["state"]);

    let answer = rest.invoke(TURBINE, "reboot", json!({"delay": 61}))?;
    let text = answer.to_string();
    report.step(
        "a reboot that the device declines",
        answer["code"] != 0 && text.contains("2001"),
        &answer["msg"],
    );

    let answer = rest.invoke(TURBINE, "selfTest", json!({}))?;
    let text = answer.to_string();
    report.step(
        "a service that nothing handles",
        answer["code"] != 0 && text.contains("1101"),
        &answer["msg"],
    );

    let answer = rest.set(TURBINE, "setpoint", json!(1500.0))?;
    report.step("set turbine-1's setpoint", answer["code"] == 0, &answer["msg"]);

    let answer = rest.invoke(INVERTER, "INV.Control", json!({"mode": 3}))?;
    let good = answer["code"] == 0 && answer["data"]["outputData"]["result"] == 3;
    report.step("control inverter-1, answered later", good, &answer["data"]["outputData"]);
    Ok(())
}
