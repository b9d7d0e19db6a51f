//! The live page, looked at and clicked through in a browser, with real traffic under it.
#![allow(clippy::unwrap_used, reason = "a failure is to panic")]

mod browser;
mod support;

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Instant;

use browser::Browser;
use mock_hub::Hub;
use support::*;

/// Where pictures are left for people.
fn picture(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(format!("page-{name}.png"))
}

/// The texts of all elements of a selector.
fn texts(browser: &mut Browser, selector: &str) -> Vec<String> {
    let script = format!(
        "[...document.querySelectorAll({})].map(e => e.innerText)",
        serde_json::Value::from(selector)
    );
    let found = browser.value(&script);
    found.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn told(browser: &mut Browser) -> String {
    browser.value("document.body.innerText").as_str().unwrap().to_owned()
}

#[test]
fn a_page_shows_devices_traffic_and_what_to_mend() {
    let Some(mut browser) = Browser::start() else { return };
    let hub = hub();
    let url = format!("http://{}/", hub.http());
    browser.look(1360, 1000, false);
    // Before anything happened.
    browser.open(&url);
    let empty = told(&mut browser);
    assert!(empty.contains("Nothing to mend") && empty.contains("1–4 of 4"), "{empty}");

    // Lines come by themselves.
    let mut first = signed_in(&hub, &device("pk1", "d1"));
    first.send(&publish(POST, 7, &post("12", 21.5)));
    browser.until("document.querySelector('#traffic .what')?.innerText.includes('temp = 21.5')");
    browser.until("document.querySelector('.status.online')");
    let mut second = signed_in(&hub, &device("pk1", "d2"));
    let other = "/sys/pk1/d2/thing/measurepoint/post";
    second.send(&publish(other, 8, &post("13", 19.0)));
    // A warning and a refusal, each with its fix.
    first.send(&publish(POST, 9, br#"{"id":"14","params":{"measurepoints":{"temp":1}}}"#));
    first.send(&publish(POST, 10, br#"{"id":"15","version":"1.0","method":"thing.measurepoint.post","params":{"measurepoints":{"nope":1}}}"#));
    browser.until("document.querySelectorAll('#notices li').length === 2");
    let mut stranger = client(&hub);
    stranger.send(&connect(&login("pk1", "d2", 2, "wrong"), true, 60));
    browser.until("document.querySelectorAll('#notices li').length === 3");
    browser.until("document.querySelector('#notice-count').textContent === '3'");
    let notices = texts(&mut browser, "#notices summary");
    assert!(notices[0].contains("CONNECT refused with 4, code 742"), "{notices:#?}");
    assert!(notices[1].contains("refused with 1204: point \"nope\""), "{notices:#?}");
    assert!(notices[2].contains("rule 6: a request carries version"), "{notices:#?}");

    // Details of the warning.
    assert_eq!(texts(&mut browser, "#notices li:last-child .fix"), [""], "closed at first");
    browser.click("#notices li:last-child summary");
    browser.until("document.querySelector('#notices li:last-child details').open");
    let fix = texts(&mut browser, "#notices li:last-child .fix");
    assert_eq!(fix, ["Fix: send all three, version as \"1.0\" rule 6 of --strict"]);
    // Details of a post: topic, points, payload.
    browser.click("#traffic li.quiet:last-child summary, #traffic li.quiet summary");
    browser.until("document.querySelector('#traffic details[open]')");
    browser.picture(&picture("light"));
    browser.look(1360, 1000, true);
    browser.picture(&picture("dark"));
    browser.look(1360, 1000, false);

    // One device alone, by a click.
    browser.click("#device-2");
    browser.until("document.querySelector('.filter')?.innerText.includes('pk1/d2')");
    browser.until("document.querySelector('tr.chosen')?.innerText.includes('d2')");
    assert_eq!(browser.value("location.search"), "?device=pk1%2Fd2");
    browser.until("document.querySelectorAll('#traffic .of').length >= 3");
    let of = texts(&mut browser, "#traffic .of");
    assert!(of.iter().all(|device| device == "pk1/d2"), "{of:?}");
    // And live: its lines come, the other's do not.
    first.send(&publish(POST, 11, &post("16", 22.0)));
    second.send(&publish(other, 12, &post("17", 23.0)));
    browser.until("document.querySelector('#traffic .what').innerText.includes('temp = 23')");
    assert!(!texts(&mut browser, "#traffic").concat().contains("temp = 22"));
    // Packets, when asked for.
    browser.click("a.switch");
    browser.until("document.querySelector('a.switch').innerText === 'Hide packets'");
    // Packets are recorded only from the moment on that somebody listens: the first may come too early.
    let deadline = Instant::now() + PATIENCE;
    while !texts(&mut browser, "#traffic").concat().contains("PINGREQ") {
        second.send(&[0xC0, 0]);
        assert!(Instant::now() < deadline, "no PINGREQ is shown");
    }
    // Back to all.
    browser.click(".filter a");
    browser.until("!document.querySelector('.filter') && !document.querySelector('tr.chosen')");
    browser.until("document.querySelector('#traffic').innerText.includes('temp = 22')");

    // The pause holds lines back.
    browser.click("#pause");
    browser.until("document.querySelector('#pause').getAttribute('aria-pressed') === 'true'");
    let before = texts(&mut browser, "#traffic li").len();
    let mut third = client(&hub);
    third.send(&connect(&login("pk1", "d1", 2, "wrong"), true, 60));
    browser.until("document.querySelectorAll('#notices li').length === 4");
    assert_eq!(texts(&mut browser, "#traffic li").len(), before);

    // On a narrow screen nothing is wider than the screen.
    browser.look(390, 840, false);
    browser.open(&url);
    assert_eq!(browser.value("document.documentElement.scrollWidth"), 390);
    browser.picture(&picture("narrow"));
    assert!(browser.trouble.is_empty(), "{:#?}", browser.trouble);
}

#[test]
fn a_thousand_devices_are_paged_and_found() {
    let Some(mut browser) = Browser::start() else { return };
    let mut devices = String::new();
    for index in 0..1_000 {
        let comma = if index > 0 { "," } else { "" };
        write!(devices, r#"{comma}{{"productKey": "pk1", "deviceKey": "meter-{index:04}"}}"#).unwrap();
    }
    let seed = SEED.replace(r#"  "devices": ["#, &format!(r#"  "devices": [{devices},"#));
    let hub = Hub::builder().ephemeral().seed_json(seed).start().unwrap();
    browser.look(1360, 1000, false);
    browser.open(&format!("http://{}/", hub.http()));
    browser.until("document.querySelector('#devices caption').innerText === '1–50 of 1,004'");
    assert_eq!(texts(&mut browser, "#devices tbody tr").len(), 50);
    browser.click("#next");
    browser.until("document.querySelector('#devices caption').innerText === '51–100 of 1,004'");
    browser.picture(&picture("thousand"));
    // The list is refreshed without going back to the first page.
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    client.ping();
    browser.value("document.querySelector('#devices').dataset.old = '1'");
    browser.until("!document.querySelector('#devices').dataset.old");
    assert_eq!(texts(&mut browser, "#devices caption"), ["51–100 of 1,004"]);
    browser.write("#q", "meter-0777");
    browser.until("document.querySelector('#devices caption')?.innerText === '1–1 of 1'");
    assert!(texts(&mut browser, "#devices tbody tr")[0].contains("meter-0777"));
    browser.write("#q", "-nobody");
    browser.until(
        "document.querySelector('#devices').innerText.includes('No device holds “meter-0777-nobody”')",
    );
    assert!(browser.trouble.is_empty(), "{:#?}", browser.trouble);
}

#[test]
fn names_that_are_scripts_do_nothing() {
    let Some(mut browser) = Browser::start() else { return };
    let hub = hub();
    let evil = "<script>window.hit=1</script><img src=x onerror=window.hit=2>";
    let create =
        serde_json::json!({"productKey": "pk1", "deviceKey": "evil", "deviceName": {"defaultValue": evil}});
    let path = "/connect-service/v2.1/devices?action=create";
    let (_, reply) = http(&mut tcp(hub.http()), "POST", path, &create.to_string());
    assert!(reply.contains("\"code\":0"), "{reply}");
    browser.look(1360, 1000, false);
    browser.open(&format!("http://{}/", hub.http()));
    browser.until("document.querySelector('#devices').innerText.includes('onerror')");
    let mut client = signed_in(&hub, &device("pk1", "d1"));
    let payload = format!(r#"{{"id":"{evil}","params":{{"measurepoints":{{"{evil}":"{evil}"}}}}}}"#);
    client.send(&publish(POST, 7, payload.as_bytes()));
    let mut login = device("pk1", "d1");
    login.client_id = format!("{evil}|securemode=9|");
    let mut stranger = support::client(&hub);
    stranger.send(&connect(&login, true, 60));
    browser.until("document.querySelector('#notices').innerText.includes('window.hit=1')");
    browser.until("document.querySelectorAll('#notices li').length >= 2");
    browser.value("document.querySelectorAll('details').forEach(one => { one.open = true; })");
    browser.until("document.querySelector('#notices pre').innerText.includes('window.hit=2')");
    // As a search text too, in the address and in the field.
    let query = "?q=%22%3E%3Cscript%3Ewindow.hit%3D3%3C/script%3E";
    browser.open(&format!("http://{}/{query}", hub.http()));
    browser.until("document.querySelector('#devices').innerText.includes('window.hit=3')");
    assert_eq!(browser.value("typeof window.hit"), "undefined");
    assert_eq!(browser.value("document.querySelectorAll('img, main script, #devices script').length"), 0);
    assert!(browser.trouble.is_empty(), "{:#?}", browser.trouble);
}
