//! The seed file: the world that a hub starts with (`mock-hub/seed.schema.json`).

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::enos::json::Cursor;
use crate::fabric::DeviceId;
use crate::journal::clip;
use crate::store::{Change, Directory};

use super::device::{Device, NewDevice, Product, Secret};
use super::double_key;
use super::model::{Model, ModelSpec};
use super::names::{I18n, key};
use super::random;

/// A seed with one product of each kind, as `mock-hub seed --example` prints it.
#[must_use]
pub fn example_seed() -> &'static str {
    include_str!("../../seed.example.json")
}

/// Why a seed was not taken; nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedError {
    /// Path inside the seed, such as `devices[3].deviceKey`; empty for the seed as a whole.
    pub place: String,
    /// What is wrong there.
    pub reason: String,
}

impl SeedError {
    pub(super) fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), reason: reason.into() }
    }

    /// What the JSON reader says, without the secret that it may quote.
    pub(super) fn of_reader(error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        let place = error.path().to_string();
        // The root is ".", a place that could not be told "?".
        let place = if matches!(&*place, "." | "?") { String::new() } else { place };
        let reason = match place.ends_with("Secret") {
            true => "expected a string".to_owned(),
            false => error.inner().to_string(),
        };
        Self::new(place, reason)
    }
}

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            f.write_str(&self.reason)
        } else {
            write!(f, "{}: {}", self.place, self.reason)
        }
    }
}

impl std::error::Error for SeedError {}

/// A seed; once its open fields are [filled](Self::fill), applying it twice gives the same world.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Seed {
    #[serde(default = "one")]
    version: u32,
    org_id: Option<String>,
    #[serde(default)]
    models: Vec<ModelSpec>,
    #[serde(default)]
    products: Vec<ProductSpec>,
    #[serde(default)]
    devices: Vec<DeviceSpec>,
    #[serde(default)]
    applications: Vec<ApplicationSpec>,
    /// Products and devices whose key was left open, by their place.
    #[serde(skip)]
    unnamed_products: HashSet<usize>,
    #[serde(skip)]
    unnamed_devices: HashSet<usize>,
}

/// What applying a seed led to.
#[derive(Default)]
pub(super) struct Applied {
    /// What must be kept.
    pub(super) changes: Vec<Change>,
    /// Where the seed says something else than what was found.
    pub(super) conflicts: Vec<String>,
}

/// A product in a seed, in a REST request that creates one, or as it is kept.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProductSpec {
    pub(crate) product_key: Option<String>,
    pub(crate) product_secret: Option<String>,
    pub(super) product_name: Option<I18n>,
    pub(super) product_desc: Option<String>,
    #[serde(default)]
    pub(super) product_tags: Option<Map<String, Value>>,
    pub(super) model_id: String,
    #[serde(default)]
    pub(super) product_type: ProductType,
    #[serde(default)]
    pub(super) data_format: DataFormat,
    #[serde(default)]
    pub(super) dynamic_activate_enabled: bool,
    #[serde(default)]
    pub(super) bi_directional_auth: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum ProductType {
    #[default]
    Device,
    Gateway,
}

#[derive(Clone, Copy, Default, Deserialize, Serialize)]
pub(super) enum DataFormat {
    #[default]
    Json,
}

/// A device in a seed, in a REST request that creates one, or as it is kept.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeviceSpec {
    pub(crate) product_key: String,
    pub(crate) device_key: Option<String>,
    pub(crate) device_secret: Option<String>,
    pub(crate) asset_id: Option<String>,
    pub(super) device_name: Option<I18n>,
    pub(super) device_desc: Option<String>,
    pub(super) timezone: Option<String>,
    #[serde(default)]
    pub(super) device_attributes: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) device_tags: Option<Map<String, Value>>,
}

/// An application in a seed, or as it is kept.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ApplicationSpec {
    pub(crate) app_key: String,
    pub(crate) app_secret: String,
}

/// A field that is wrong, and why.
#[derive(Debug)]
pub(crate) struct FieldFault {
    pub(crate) field: &'static str,
    pub(crate) reason: String,
    pub(crate) code: u32,
}

impl FieldFault {
    pub(super) fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Self { field, reason: reason.into(), code: 99400 }
    }
}

fn one() -> u32 {
    1
}

impl Seed {
    /// Reads a seed.
    pub(crate) fn parse(json: &str) -> Result<Self, SeedError> {
        if let Some(place) = double_key::find(json) {
            return Err(SeedError::new(place, "the key is there twice. Fix: leave one of them out"));
        }
        let mut reader = serde_json::Deserializer::from_str(json);
        let seed: Self = serde_path_to_error::deserialize(&mut reader).map_err(SeedError::of_reader)?;
        reader.end().map_err(|error| SeedError::new("", error.to_string()))?;
        if seed.version != 1 {
            let reason =
                format!("{} is no version of the seed that this hub reads: it reads 1", seed.version);
            return Err(SeedError::new("version", reason));
        }
        Ok(seed)
    }

    /// Makes up what was left open: from what was `found`, so that a made-up secret stays the same over restarts,
    /// else at random.
    pub(super) fn fill(&mut self, found: &Directory) {
        for (index, product) in self.products.iter_mut().enumerate() {
            match &product.product_key {
                None => drop(self.unnamed_products.insert(index)),
                Some(key) => {
                    let held = found.products.get(&**key).map(|product| product.secret.expose().to_owned());
                    product.product_secret = product.product_secret.take().or(held);
                }
            }
            product.fill();
        }
        for (index, device) in self.devices.iter_mut().enumerate() {
            match &device.device_key {
                None => drop(self.unnamed_devices.insert(index)),
                Some(key) => {
                    let id = DeviceId::new(&*device.product_key, &**key);
                    if let Some(held) = found.devices.get(&id) {
                        device.asset_id.get_or_insert_with(|| held.asset_id.to_string());
                        device.device_secret.get_or_insert_with(|| held.secret.expose().to_owned());
                    }
                }
            }
            device.fill();
        }
    }

    /// Enters everything into a directory; on an error the directory is to be thrown away.
    ///
    /// What was `found` in a data folder stays as it is, and entries without a key are made only if nothing was.
    pub(super) fn apply(
        &self,
        directory: &mut Directory,
        found: &Directory,
        now_ms: u64,
    ) -> Result<Applied, SeedError> {
        let mut applied = Applied::default();
        let is_new = found.is_empty();
        if let Some(org_id) = &self.org_id {
            key(org_id).map_err(|reason| SeedError::new("orgId", reason))?;
            if is_new {
                directory.org_id = org_id.as_str().into();
                applied.changes.push(Change::OrgId(directory.org_id.clone()));
            } else if **org_id != *found.org_id {
                applied.conflict("orgId", org_id, &format!("is \"{}\"", found.org_id));
            }
        }
        self.apply_models(directory, found, &mut applied)?;
        for (index, spec) in self.products.iter().enumerate() {
            let place = format!("products[{index}]");
            let product_key = spec.product_key.as_deref().unwrap_or_default();
            if let Some(held) = found.products.get(product_key) {
                spec.compare(held, &place, &mut applied);
                continue;
            }
            if !is_new && self.unnamed_products.contains(&index) {
                continue;
            }
            let product = spec.build(directory, now_ms).map_err(|fault| fault.at(&place))?;
            applied.changes.push(Change::Product(Box::new(product.record())));
            if directory.products.insert(product.key.clone(), Arc::new(product)).is_some() {
                return Err(taken(&place, "productKey", product_key));
            }
        }
        self.apply_devices(directory, found, now_ms, &mut applied)?;
        for (index, spec) in self.applications.iter().enumerate() {
            let place = format!("applications[{index}]");
            let app_key = not_empty(&spec.app_key, &place, "appKey")?;
            if let Some(held) = found.applications.get(app_key) {
                if *held.expose() != *spec.app_secret {
                    applied.conflict(&format!("{place}.appSecret"), app_key, "has another secret");
                }
                continue;
            }
            let secret = Secret::new(not_empty(&spec.app_secret, &place, "appSecret")?);
            if directory.applications.insert(app_key.into(), secret).is_some() {
                return Err(taken(&place, "appKey", app_key));
            }
            applied.changes.push(Change::Application(Box::new(spec.clone())));
        }
        Ok(applied)
    }

    fn apply_models(
        &self,
        directory: &mut Directory,
        found: &Directory,
        applied: &mut Applied,
    ) -> Result<(), SeedError> {
        for (index, spec) in self.models.iter().enumerate() {
            let place = format!("models[{index}]");
            let model = Model::compile(spec.clone())
                .map_err(|error| SeedError::new(format!("{place}.{}", error.place), error.reason))?;
            if let Some(held) = found.models.get(&model.id) {
                if !held.is_same(&model) {
                    applied.conflict(&place, &model.id, "is defined otherwise");
                }
                continue;
            }
            if directory.models.insert(model.id.clone(), Arc::new(model)).is_some() {
                return Err(taken(&place, "modelId", &spec.model_id));
            }
            applied.changes.push(Change::Model(Box::new(spec.clone())));
        }
        Ok(())
    }

    fn apply_devices(
        &self,
        directory: &mut Directory,
        found: &Directory,
        now_ms: u64,
        applied: &mut Applied,
    ) -> Result<(), SeedError> {
        for (index, spec) in self.devices.iter().enumerate() {
            let place = format!("devices[{index}]");
            let device_key = spec.device_key.as_deref().unwrap_or_default();
            let id = DeviceId::new(&*spec.product_key, device_key);
            if let Some(held) = found.devices.get(&id) {
                if spec.device_secret.as_deref() != Some(held.secret.expose()) {
                    applied.conflict(&format!("{place}.deviceSecret"), device_key, "has another secret");
                }
                if spec.asset_id.as_deref() != Some(&*held.asset_id) {
                    applied.conflict(&format!("{place}.assetId"), device_key, "has another asset id");
                }
                continue;
            }
            if !found.is_empty() && self.unnamed_devices.contains(&index) {
                continue;
            }
            let device = spec.build(directory, now_ms).map_err(|fault| fault.at(&place))?;
            if directory.assets.contains_key(&device.asset_id) {
                return Err(taken(&place, "assetId", &device.asset_id));
            }
            let record = Box::new(device.record());
            if !directory.add_device(device) {
                return Err(taken(&place, "deviceKey", device_key));
            }
            applied.changes.push(Change::Device(directory.last_key, record));
        }
        Ok(())
    }
}

impl Applied {
    fn conflict(&mut self, place: &str, name: &str, what: &str) {
        self.conflicts.push(format!(
            "seed {place}: \"{}\" {what} in the data folder; what is there stays. Fix: change the seed, or reset \
             the hub to take it",
            clip(name, 80)
        ));
    }
}

impl FieldFault {
    /// The fault of a key that is in use (11702).
    pub(super) fn taken(field: &'static str, reason: String) -> Self {
        Self { code: 11702, ..Self::new(field, reason) }
    }

    /// The fault of a quota that is used up (11739).
    pub(super) fn full(field: &'static str, reason: String) -> Self {
        Self { code: 11739, ..Self::new(field, reason) }
    }

    /// The fault of a device that is replaced by itself (11704).
    pub(super) fn same(field: &'static str, reason: &str) -> Self {
        Self { code: 11704, ..Self::new(field, reason) }
    }

    /// The fault of what is not there (99404).
    pub(super) fn gone(field: &'static str, reason: String) -> Self {
        Self { code: 99404, ..Self::new(field, reason) }
    }

    pub(super) fn at(self, place: &str) -> SeedError {
        SeedError::new(format!("{place}.{}", self.field), self.reason)
    }
}

impl ProductSpec {
    /// Makes up the key and the secret if they were left open.
    pub(crate) fn fill(&mut self) {
        self.product_key.get_or_insert_with(|| random::text(random::PRODUCT_KEY));
        self.product_secret.get_or_insert_with(|| random::text(random::PRODUCT_SECRET));
    }

    /// Notes where the seed says something else of a product than what was found.
    fn compare(&self, held: &Product, place: &str, applied: &mut Applied) {
        let secret = self.product_secret.as_deref() == Some(held.secret.expose());
        for (same, field, what) in [
            (secret, "productSecret", "has another secret"),
            (*self.model_id == *held.model.id, "modelId", "has another model"),
            (
                (self.product_type == ProductType::Gateway) == held.is_gateway,
                "productType",
                "is of another type",
            ),
            (
                self.dynamic_activate_enabled == held.dynamic_activation,
                "dynamicActivateEnabled",
                "says otherwise of dynamic activation",
            ),
            (
                self.bi_directional_auth == held.bi_directional_auth,
                "biDirectionalAuth",
                "says otherwise of certificates",
            ),
        ] {
            if !same {
                applied.conflict(&format!("{place}.{field}"), &held.key, what);
            }
        }
    }

    /// Builds a filled product.
    pub(crate) fn build(&self, directory: &Directory, now_ms: u64) -> Result<Product, FieldFault> {
        let product_key = self.product_key.as_deref().unwrap_or_default();
        key(product_key).map_err(|reason| FieldFault::new("productKey", reason))?;
        if product_key.contains(['&', '%']) {
            return Err(FieldFault::new("productKey", "a product key holds no & and no %"));
        }
        let Some(model) = directory.models.get(&*self.model_id) else {
            let reason = format!("there is no model \"{}\"", self.model_id);
            return Err(FieldFault { code: 11699, ..FieldFault::new("modelId", reason) });
        };
        let DataFormat::Json = self.data_format;
        Ok(Product {
            key: product_key.into(),
            secret: Secret::new(self.product_secret.as_deref().unwrap_or_default()),
            name: I18n::or_default(self.product_name.as_ref(), product_key),
            description: self.product_desc.clone().unwrap_or_default(),
            tags: self.product_tags.clone().unwrap_or_default(),
            is_gateway: self.product_type == ProductType::Gateway,
            model: model.clone(),
            dynamic_activation: self.dynamic_activate_enabled,
            bi_directional_auth: self.bi_directional_auth,
            created_ms: now_ms,
        })
    }
}

impl DeviceSpec {
    /// Makes up the key, the asset id and the secret if they were left open.
    pub(crate) fn fill(&mut self) {
        self.device_key.get_or_insert_with(|| random::text(random::DEVICE_KEY));
        self.asset_id.get_or_insert_with(|| random::text(random::ASSET_ID));
        self.device_secret.get_or_insert_with(|| random::text(random::DEVICE_SECRET));
    }

    /// The first field that the REST API asks for and that was left out.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        match (&self.device_name, &self.timezone) {
            (None, _) => Some("deviceName"),
            (_, None) => Some("timezone"),
            _ => None,
        }
    }

    /// Builds a filled device.
    pub(crate) fn build(&self, directory: &Directory, now_ms: u64) -> Result<Device, FieldFault> {
        let Some(product) = directory.products.get(&*self.product_key) else {
            let reason = format!("there is no product \"{}\"", self.product_key);
            return Err(FieldFault::gone("productKey", reason));
        };
        let device_key = self.device_key.as_deref().unwrap_or_default();
        key(device_key).map_err(|reason| FieldFault::new("deviceKey", reason))?;
        let asset_id = self.asset_id.clone().unwrap_or_default();
        key(&asset_id).map_err(|reason| FieldFault::new("assetId", reason))?;
        let secret = self.device_secret.clone().unwrap_or_default();
        if secret.is_empty() {
            return Err(FieldFault::new(
                "deviceSecret",
                "a secret is not empty; leave the field out for a random one",
            ));
        }
        let attributes = self.device_attributes.clone().unwrap_or_default();
        check_attributes(&product.model, &attributes)?;
        Ok(Device::new(NewDevice {
            id: DeviceId { product_key: product.key.clone(), device_key: device_key.into() },
            asset_id,
            secret,
            name: I18n::or_default(self.device_name.as_ref(), device_key),
            description: self.device_desc.clone().unwrap_or_default(),
            timezone: self.timezone.clone().unwrap_or_else(|| "+00:00".to_owned()),
            attributes,
            tags: self.device_tags.clone().unwrap_or_default(),
            product: product.clone(),
            created_ms: now_ms,
        }))
    }
}

pub(super) fn check_attributes(model: &Model, attributes: &Map<String, Value>) -> Result<(), FieldFault> {
    for (name, value) in attributes {
        let fault =
            |reason: String| FieldFault::new("deviceAttributes", format!("attribute \"{name}\": {reason}"));
        let Some(value_type) = model.attributes.get(name.as_str()) else {
            return Err(fault(format!("not in the model \"{}\"", model.id)));
        };
        let text = value.to_string();
        let value = Cursor::new(&text).value().map_err(|error| fault(error.to_string()))?;
        value_type.check(&value).map_err(fault)?;
    }
    Ok(())
}

fn not_empty<'a>(text: &'a str, place: &str, field: &str) -> Result<&'a str, SeedError> {
    if text.is_empty() { Err(SeedError::new(format!("{place}.{field}"), "is empty")) } else { Ok(text) }
}

fn taken(place: &str, field: &str, value: &str) -> SeedError {
    SeedError::new(format!("{place}.{field}"), format!("\"{value}\" is there twice"))
}
