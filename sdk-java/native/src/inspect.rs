//! What the SDK would put on the wire: `enos_runtime::inspect` for Java. Texts cross as one array, each with its length.

use crate::boundary::{Fault, run};
use crate::store::Reference;
use crate::wire::{Reader, Writer, with_value};
use enos_runtime::inspect;
use jni_sys::{JNIEnv, jbyteArray, jclass, jint, jlong};

/// Which function is asked, as `io.enos.sdk.Inspect` numbers them.
const SIGN: jint = 0;
const CLIENT_ID: jint = 1;
const USERNAME: jint = 2;
const PASSWORD: jint = 3;
const TOPIC: jint = 4;
const PARSE_TOPIC: jint = 5;
const HUB_URL: jint = 6;
const COAP_SIGN: jint = 7;
const COAP_PSK_IDENTITY: jint = 8;
const COAP_PSK_KEY: jint = 9;

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_inspect(
    env: *mut JNIEnv,
    _class: jclass,
    what: jint,
    words: jbyteArray,
) -> Reference {
    // SAFETY: the JVM calls this.
    unsafe {
        run(env, |env| {
            let bytes = env.bytes(words)?;
            let mut writer = Writer::default();
            answer(what, &mut Reader::new(&bytes), &mut writer)?;
            Ok(Reference(env.array(&writer.into_bytes())?))
        })
    }
}

fn answer(what: jint, words: &mut Reader<'_>, out: &mut Writer) -> Result<(), Fault> {
    match what {
        SIGN => {
            let (method, secret) = (words.text()?, words.text()?);
            let mut parameters = Vec::new();
            while !words.is_empty() {
                parameters.push((words.text()?, words.text()?));
            }
            out.text(&inspect::sign(method, secret, &parameters)?);
        }
        CLIENT_ID => {
            let (client, mode, time) = (words.text()?, words.u8()?, time(words)?);
            out.text(&inspect::mqtt_client_id(client, mode, time));
        }
        USERNAME => {
            let device_key = words.text()?;
            out.text(&inspect::mqtt_username(device_key, words.text()?));
        }
        PASSWORD => {
            let (client, device_key, product_key) = (words.text()?, words.text()?, words.text()?);
            let time = time(words)?;
            out.text(&inspect::mqtt_password(client, device_key, product_key, time, words.text()?));
        }
        TOPIC => {
            let (kind, argument, product_key) = (words.text()?, words.text()?, words.text()?);
            let topic = inspect::topic(kind, argument, product_key, words.text()?)?;
            [topic.topic, topic.reply, topic.method].iter().for_each(|text| out.text(text));
        }
        PARSE_TOPIC => {
            if let Some(parsed) = inspect::parse_topic(words.text()?) {
                out.text(parsed.product_key);
                out.text(parsed.device_key);
                out.text(&parsed.method);
                out.u8(u8::from(parsed.is_reply));
            }
        }
        HUB_URL => {
            let url = inspect::hub_url(words.text()?)?;
            out.text(url.scheme);
            out.text(url.host);
            out.i64(i64::from(url.port));
        }
        COAP_SIGN => {
            let (product_key, device_key, lifetime) = (words.text()?, words.text()?, lifetime(words)?);
            out.text(&inspect::coap_sign(product_key, device_key, lifetime, words.text()?));
        }
        COAP_PSK_IDENTITY => {
            let (product_key, device_key, mode) = (words.text()?, words.text()?, words.u8()?);
            out.text(&inspect::coap_psk_identity(product_key, device_key, mode, lifetime(words)?));
        }
        COAP_PSK_KEY => out.text(&inspect::coap_psk_key(words.text()?)),
        _ => return Err(Fault::internal("a question of no number")),
    }
    Ok(())
}

fn lifetime(words: &mut Reader<'_>) -> Result<u32, Fault> {
    u32::try_from(words.i64()?).map_err(|_| Fault::internal("a lifetime that is none"))
}

fn time(words: &mut Reader<'_>) -> Result<u64, Fault> {
    u64::try_from(words.i64()?).map_err(|_| Fault::internal("a time before 1970"))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_valueJson(
    env: *mut JNIEnv,
    _class: jclass,
    value: jbyteArray,
) -> Reference {
    // SAFETY: the JVM calls this.
    unsafe {
        run(env, |env| {
            let bytes = env.bytes(value)?;
            let json = with_value(&bytes, |value| Ok(inspect::value_json(&value)?))?;
            Ok(Reference(env.array(json.as_bytes())?))
        })
    }
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_enos_sdk_Native_kindOfHubCode(
    env: *mut JNIEnv,
    _class: jclass,
    code: jlong,
) -> jint {
    // SAFETY: the JVM calls this.
    unsafe { run(env, |_| Ok(jint::from(inspect::kind_of_hub_code(code).number()))) }
}
