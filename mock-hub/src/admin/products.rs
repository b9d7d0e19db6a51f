//! `products?action=create | get | search | update | delete` (`docs-model.md` §9.2).

use std::sync::Arc;

use axum::http::Method;
use serde_json::{Value, json};
use time::UtcOffset;

use crate::domain::{Entry, EntryKind, ProductPatch, ProductSpec};

use super::Admin;
use super::call::Call;
use super::listing::{Listing, SearchBody};
use super::reply::{Fault, Reply};

/// Products of the hub, at most.
const MAX_PRODUCTS: usize = 10_000;

const SEARCH: Listing = Listing {
    fields: &["productKey", "productName", "productName.", "productType", "modelId", "productTags."],
    default_page_size: 10,
    sorted_by: Value::Null,
    zone: UtcOffset::UTC,
};

pub(super) fn answer(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    match &*call.action {
        "create" => call.is(&Method::POST).and_then(|()| create(admin, call)),
        "get" => call.is(&Method::GET).and_then(|()| get(admin, call)),
        "search" => call.is(&Method::POST).and_then(|()| search(admin, call)),
        "update" => call.is(&Method::POST).and_then(|()| update(admin, call)),
        "delete" => call.is(&Method::POST).and_then(|()| delete(admin, call)),
        _ => Err(call.unknown("products")),
    }
}

fn create(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    let mut spec: ProductSpec = call.body()?;
    if spec.product_key.is_some() || spec.product_secret.is_some() {
        let reason = "the cloud assigns key and secret; a seed may choose them";
        return Err(Fault::argument("productKey", reason));
    }
    spec.fill();
    let now = admin.cloud.clock.now_ms();
    let product_key = admin.cloud.store.write(|directory| {
        if directory.products.len() >= MAX_PRODUCTS {
            return Err(Fault::argument(
                "productKey",
                format!("the hub has {MAX_PRODUCTS} products already"),
            ));
        }
        let product = spec.build(directory, now)?;
        let product_key = product.key.clone();
        admin.cloud.keep_product(&product);
        directory.products.insert(product_key.clone(), Arc::new(product));
        Ok::<_, Fault>(product_key)
    })?;
    admin.cloud.note(Entry::new(EntryKind::Admin, format!("product {product_key} created")));
    Ok(Reply::ok(json!({"productKey": &*product_key})))
}

fn get(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    let product_key = call.required("productKey")?;
    let found = admin.cloud.store.read(|directory| {
        directory.products.get(product_key).map(|product| product.to_json(&directory.org_id))
    });
    found.map(Reply::ok).ok_or_else(|| unknown(product_key))
}

fn search(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    let body: SearchBody = call.body()?;
    let items = admin.cloud.store.read(|directory| {
        directory.products.values().map(|product| product.to_json(&directory.org_id)).collect()
    });
    SEARCH.reply(items, &body)
}

/// The vendor's page gives a product that is not there a code of its own here.
fn update(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    let product_key = call.required("productKey")?;
    let patch: ProductPatch = call.body()?;
    let unknown = || Fault::new(11651_u32, format!("there is no product \"{product_key}\""));
    admin.cloud.update_product(product_key, patch).ok_or_else(unknown)??;
    Ok(Reply::ok(product_key.into()))
}

fn delete(admin: &Admin, call: &Call) -> Result<Reply, Fault> {
    let product_key = call.required("productKey")?;
    admin.cloud.store.write(|directory| {
        if directory.has_devices(product_key) {
            return Err(Fault::new(11619_u32, format!("product \"{product_key}\" still has devices")));
        }
        let product = directory.products.remove(product_key).ok_or_else(|| unknown(product_key))?;
        admin.cloud.forget_product(&product);
        Ok(())
    })?;
    admin.cloud.note(Entry::new(EntryKind::Admin, format!("product {product_key} deleted")));
    Ok(Reply::ok(product_key.into()))
}

fn unknown(product_key: &str) -> Fault {
    Fault::not_found(format!("there is no product \"{product_key}\""))
}
