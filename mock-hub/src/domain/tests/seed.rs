//! The seed file: what it makes, and how its faults are named.

use super::*;

mod schema;

fn empty() -> Arc<Cloud> {
    Cloud::new(Clock::manual(START_MS), Fabric::new(), CloudOptions::default())
}

#[test]
fn faults_name_their_place_and_leave_nothing_behind() {
    for (seed, expected) in [
        ("", "EOF while parsing a value"),
        ("{", "EOF"),
        ("5", "invalid type: integer `5`"),
        (r#"{"version":2}"#, "version: 2 is no version"),
        (r#"{"colour":1}"#, "colour: unknown field `colour`"),
        (
            r#"{"devices":[{"productKey":"p","deviceSecret":12345}]}"#,
            "devices[0].deviceSecret: expected a string",
        ),
        (r#"{"devices":[],"devices":[]}"#, "devices: the key is there twice"),
        (
            r#"{"models":[{"modelId":"m","measurepoints":{"p":{"identifier":"p","dataType":"INT"},"p":{"identifier":"p","dataType":"DOUBLE"}}}]}"#,
            "models[0].measurepoints.p: the key is there twice",
        ),
        (r#"{"orgId":5}"#, "orgId: invalid type: integer `5`"),
        (
            r#"{"models":[{"modelId":"m","measurepoints":{"p":{"identifier":"p","dataType":"LONG"}}}]}"#,
            "models[0].measurepoints.p.dataType: \"LONG\"",
        ),
        (r#"{"models":[{"modelId":"m"},{"modelId":"m"}]}"#, "models[1].modelId: \"m\" is there twice"),
        (r#"{"products":[{"modelId":"m"}]}"#, "products[0].modelId: there is no model \"m\""),
        (
            r#"{"models":[{"modelId":"m"}],"products":[{"modelId":"m","dataFormat":"Custom"}]}"#,
            "products[0].dataFormat: unknown variant `Custom`",
        ),
        (
            r#"{"models":[{"modelId":"m"}],"products":[{"modelId":"m","productKey":"a/b"}]}"#,
            "products[0].productKey: \"a/b\" is no key",
        ),
        (r#"{"devices":[{"productKey":"p"}]}"#, "devices[0].productKey: there is no product \"p\""),
        (
            r#"{"devices":[{"productKey":"p","deviceKye":"d"}]}"#,
            "devices[0].deviceKye: unknown field `deviceKye`",
        ),
        (r#"{"devices":[{"deviceKey":"d"}]}"#, "devices[0]: missing field `productKey`"),
        (r#"{"applications":[{"appKey":"","appSecret":"s"}]}"#, "applications[0].appKey: is empty"),
        (
            r#"{"models":[{"modelId":"m"}],"products":[{"modelId":"m","productKey":"p"}],"devices":[{"productKey":"p","deviceKey":"d"},{"productKey":"p","deviceKey":"d"}]}"#,
            "devices[1].deviceKey: \"d\" is there twice",
        ),
        (
            r#"{"models":[{"modelId":"m"}],"products":[{"modelId":"m","productKey":"p"}],"devices":[{"productKey":"p","deviceAttributes":{"x":1}}]}"#,
            "devices[0].deviceAttributes: attribute \"x\": not in the model \"m\"",
        ),
    ] {
        let cloud = empty();
        let error = cloud.load_seed(seed).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{seed}: {error}");
        let left = cloud
            .store
            .read(|directory| directory.models.len() + directory.products.len() + directory.devices.len());
        assert_eq!(left, 0, "{seed}");
    }
}

#[test]
fn left_out_fields_get_the_clouds_defaults() {
    let cloud = empty();
    let seed = r#"{"models":[{"modelId":"m"}],"products":[{"productKey":"p","modelId":"m"}],"devices":[{"productKey":"p","deviceKey":"d"},{"productKey":"p"}]}"#;
    cloud.load_seed(seed).unwrap();
    let device = cloud.store.device(&DeviceId::new("p", "d")).unwrap().to_json("o1");
    assert_eq!(device["deviceSecret"].as_str().unwrap().len(), 20);
    assert_eq!(device["assetId"].as_str().unwrap().len(), 8);
    assert_eq!(device["deviceName"]["defaultValue"], "d");
    assert_eq!(device["status"], "inactive");
    assert_eq!(cloud.store.read(|directory| directory.devices.len()), 2);
    // Secrets that were made up survive a reset.
    cloud.reset().unwrap();
    let again = cloud.store.device(&DeviceId::new("p", "d")).unwrap().to_json("o1");
    assert_eq!(again["deviceSecret"], device["deviceSecret"]);
}

#[test]
fn two_seeds_add_up_and_a_third_that_clashes_is_refused_whole() {
    let cloud = empty();
    cloud.load_seed(r#"{"models":[{"modelId":"m"}]}"#).unwrap();
    cloud.load_seed(r#"{"products":[{"productKey":"p","modelId":"m"}]}"#).unwrap();
    let clash = r#"{"models":[{"modelId":"new"}],"products":[{"productKey":"p","modelId":"m"}]}"#;
    assert!(cloud.load_seed(clash).is_err());
    assert!(cloud.store.read(|directory| !directory.models.contains_key("new")));
}

#[test]
fn a_reset_goes_back_to_the_seed() {
    let world = World::example();
    let who = world.online("Tq4zR9Lw", "t-1");
    world.cloud.reset().unwrap();
    assert_eq!(world.status(&who.device), "inactive");
    // What still arrives on the old connection changes nothing.
    let payload = br#"{"id":"1","params":{"measurepoints":{"temp":1}}}"#;
    let answer = reply(&world.cloud.message(&who, "/sys/Tq4zR9Lw/t-1/thing/measurepoint/post", payload, 1));
    assert_eq!(answer["code"], 705);
}

#[test]
fn the_committed_schema_fits_the_example_and_what_the_hub_refuses() {
    let schema: Value = serde_json::from_str(include_str!("../../../seed.schema.json")).unwrap();
    let example: Value = serde_json::from_str(example_seed()).unwrap();
    assert_eq!(schema::fault(&schema, &schema, &example), None);
    for (pointer, value) in [
        ("/colour", json!(1)),
        ("/version", json!(2)),
        ("/devices/0/deviceKye", json!("x")),
        ("/devices/0/deviceKey", json!("a/b")),
        ("/products/0/productType", json!("Edge")),
        ("/products/0/biDirectionalAuth", json!("yes")),
        ("/models/0/measurepoints/temp/dataType", json!("LONG")),
        ("/models/0/services/reboot/callType", json!("LATER")),
        ("/applications/0/appSecret", json!("")),
    ] {
        let mut bent = example.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        bent.pointer_mut(parent).unwrap()[key] = value;
        assert!(schema::fault(&schema, &schema, &bent).is_some(), "the schema lets {pointer} pass");
        assert!(empty().load_seed(&bent.to_string()).is_err(), "the hub lets {pointer} pass");
    }
}
