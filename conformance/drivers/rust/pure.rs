//! Verbs that need no client: signatures, topics, values, tables.

use enos_core::json::{JsonWriter, check_value, write_value};
use enos_core::sign::{SignMethod, mqtt_client_id, mqtt_password, mqtt_username, sign};
use enos_core::topic::{self, Kind};
use enos_core::wire::{Full, Writer};
use enos_core::{ErrorKind, Hub};
use enos_runtime::Error;

use crate::lines::Said;
use crate::values;

/// Room for one text.
const ROOM: usize = 1024 * 1024;

/// Performs a verb of this module; `None` if it is none.
pub(crate) fn perform(verb: &str, words: &[&str]) -> Option<Said> {
    let said = match (verb, words) {
        ("sign", [method, secret, pairs @ ..]) => signature(method, secret, pairs),
        ("client_id", [client, mode, timestamp]) => client_id(client, mode, timestamp),
        ("username", [device_key, product_key]) => written(|w| mqtt_username(w, device_key, product_key)),
        ("password", [client, device_key, product_key, timestamp, secret]) => {
            let timestamp = timestamp.parse().ok();
            timestamp.map(|timestamp| {
                let digest = mqtt_password(client, device_key, product_key, timestamp, secret.as_bytes());
                String::from_utf8_lossy(&digest).into_owned()
            })
        }
        ("topic", [kind, argument, product_key, device_key]) => {
            return Some(build(kind, argument, product_key, device_key));
        }
        ("topic_parse", [text]) => return Some(parse(text)),
        ("json_value", words) => return Some(json(words)),
        ("error_kind", [number]) => return Some(kind(number)),
        ("hub_code", [code]) => {
            code.parse().ok().map(|code| ErrorKind::of_hub_code(code).number().to_string())
        }
        ("hub_url", [url]) => return Some(hub_url(url)),
        _ => return None,
    };
    Some(match said {
        Some(text) => Said::Ok(vec![text]),
        None => Said::misuse(format!("{verb} cannot take {words:?}")),
    })
}

fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Option<String> {
    let mut room = vec![0; ROOM];
    let mut writer = Writer::new(&mut room);
    write(&mut writer).ok()?;
    Some(String::from_utf8_lossy(writer.as_slice()).into_owned())
}

fn signature(method: &str, secret: &str, pairs: &[&str]) -> Option<String> {
    let method = match method {
        "real-hmac-sha1" => SignMethod::HmacSha1,
        name => SignMethod::plain(name)?,
    };
    let pairs: Option<Vec<_>> = pairs.chunks(2).map(|pair| Some((*pair.first()?, *pair.get(1)?))).collect();
    Some(sign(method, &pairs?, secret.as_bytes()).as_str().to_owned())
}

fn client_id(client: &str, mode: &str, timestamp: &str) -> Option<String> {
    let (mode, timestamp) = (mode.parse().ok()?, timestamp.parse().ok()?);
    written(|w| mqtt_client_id(w, client, mode, timestamp))
}

/// The names that `vectors.json` gives to kinds, where they are not the method.
fn kind_named<'a>(name: &str, argument: &'a str) -> Option<Kind<'a>> {
    Some(match name {
        "event.post" => Kind::EventPost(argument),
        "service.invoke" => Kind::Service(argument),
        "rrpc" => Kind::Rrpc(argument),
        "measurepoint.post" => Kind::MeasurepointPost,
        "measurepoint.post.batch" => Kind::MeasurepointPostBatch,
        "measurepoint.resume" => Kind::MeasurepointResume,
        "measurepoint.resume.batch" => Kind::MeasurepointResumeBatch,
        "attribute.query" => Kind::AttributeQuery,
        "attribute.update" => Kind::AttributeUpdate,
        "attribute.delete" => Kind::AttributeDelete,
        "tag.query" => Kind::TagQuery,
        "tag.update" => Kind::TagUpdate,
        "tag.delete" => Kind::TagDelete,
        "tsl.get" => Kind::TslGet,
        "device.register" => Kind::DeviceRegister,
        "topo.add" => Kind::TopoAdd,
        "topo.delete" => Kind::TopoDelete,
        "topo.get" => Kind::TopoGet,
        "ota.inform" => Kind::OtaInform,
        "ota.progress" => Kind::OtaProgress,
        "ota.getversion" => Kind::OtaGetVersion,
        "ota.upgrade" => Kind::OtaUpgrade,
        "log.post" => Kind::LogPost,
        "network.status" => Kind::NetworkStatus,
        "connection.state" => Kind::ConnectionState,
        "model.up_raw" => Kind::ModelUpRaw,
        "model.down_raw" => Kind::ModelDownRaw,
        "combine.login" => Kind::CombineLogin,
        "combine.login.batch" => Kind::CombineLoginBatch,
        "combine.logout" => Kind::CombineLogout,
        "combine.enable" => Kind::CombineEnable,
        "combine.disable" => Kind::CombineDisable,
        "combine.delete" => Kind::CombineDelete,
        "integration.measurepoint" => Kind::IntegrationMeasurepoint,
        "integration.event" => Kind::IntegrationEvent,
        "integration.attribute" => Kind::IntegrationAttribute,
        "integration.up_raw" => Kind::IntegrationUpRaw,
        "measurepoint.set" => Kind::MeasurepointSet,
        "measurepoint.get" => Kind::MeasurepointGet,
        "thing.enable" => Kind::ThingEnable,
        "thing.disable" => Kind::ThingDisable,
        "thing.delete" => Kind::ThingDelete,
        "activate.info" => Kind::ActivateInfo,
        "traffic.control" => Kind::TrafficControl,
        _ => return None,
    })
}

fn build(name: &str, argument: &str, product_key: &str, device_key: &str) -> Said {
    let Some(kind) = kind_named(name, argument) else {
        return Said::misuse(format!("no kind of message is called {name}"));
    };
    let topic = written(|w| topic::write(w, product_key, device_key, kind));
    let reply = written(|w| topic::write_reply(w, product_key, device_key, kind));
    let method = written(|w| topic::write_method(w, kind));
    match (topic, reply, method) {
        (Some(topic), Some(reply), Some(method)) => Said::Ok(vec![topic, reply, method]),
        _ => Said::misuse("a topic longer than a driver's room"),
    }
}

fn parse(text: &str) -> Said {
    Said::Ok(match topic::parse(text) {
        None => vec!["none".to_owned()],
        Some(parsed) => {
            let method = written(|w| topic::write_method(w, parsed.kind)).unwrap_or_default();
            let way = if parsed.reply { "reply" } else { "request" };
            vec![parsed.product_key.to_owned(), parsed.device_key.to_owned(), method, way.to_owned()]
        }
    })
}

fn json(mut words: &[&str]) -> Said {
    let Some(value) = values::value(&mut words).filter(|_| words.is_empty()) else {
        return Said::misuse("no value in prefix notation");
    };
    if let Err(error) = check_value(&value) {
        return Said::Err(Error::new(ErrorKind::InvalidArgument, error.to_string()));
    }
    let mut room = vec![0; ROOM];
    let mut writer = JsonWriter::new(&mut room);
    match write_value(&mut writer, &value) {
        Ok(()) => Said::Ok(vec![String::from_utf8_lossy(writer.as_slice()).into_owned()]),
        Err(_) => Said::misuse("a value larger than a driver's room"),
    }
}

fn kind(number: &str) -> Said {
    match number.parse().ok().and_then(ErrorKind::from_number) {
        Some(kind) => Said::Ok(vec![
            format!("{kind:?}"),
            kind.c_name().to_owned(),
            kind.retryable().to_string(),
            kind.hint().to_owned(),
        ]),
        None => Said::Ok(vec!["none".to_owned()]),
    }
}

fn hub_url(url: &str) -> Said {
    match Hub::parse(url) {
        Ok(hub) => Said::Ok(vec![hub.scheme.name().to_owned(), hub.host.to_owned(), hub.port.to_string()]),
        Err(error) => Said::Err(error.into()),
    }
}
