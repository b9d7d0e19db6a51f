//! Changing what a device or a product says of itself (`docs-model.md` §9.2 update).
//!
//! A device is never changed in place: whoever holds the old one keeps it, and both share one state.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::device::{Device, Product};
use super::names::I18n;
use super::seed::{FieldFault, check_attributes};
use super::{Cloud, Entry, EntryKind};

/// Tags of a device or a product (`docs-mqtt.md` §12).
pub(super) const MAX_TAGS: usize = 100;

/// New properties of a device; what is left out stays. Attributes and tags are merged by their names.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DevicePatch {
    timezone: Option<String>,
    device_name: Option<I18n>,
    device_desc: Option<String>,
    device_attributes: Option<Map<String, Value>>,
    device_tags: Option<Map<String, Value>>,
}

/// New properties of a product; what is left out stays. Tags are merged by their names.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProductPatch {
    product_name: Option<I18n>,
    product_desc: Option<String>,
    product_tags: Option<Map<String, Value>>,
    dynamic_activate_enabled: Option<bool>,
    bi_directional_auth: Option<bool>,
}

impl Cloud {
    /// Changes the properties of a device; its connection, state and commands stay.
    pub(crate) fn update_device(&self, device: &Device, patch: DevicePatch) -> Result<(), FieldFault> {
        let DevicePatch { timezone, device_name, device_desc, device_attributes, device_tags } = patch;
        let attributes = device_attributes.unwrap_or_default();
        check_attributes(&device.product.model, &attributes)?;
        self.store.write(|directory| {
            // As it is now: another update may have come since the caller looked.
            let now = directory.devices.get(&device.id).filter(|now| now.asset_id == device.asset_id);
            let Some(now) = now else {
                return Err(FieldFault::gone("device", format!("there is no device {} any more", device.id)));
            };
            let mut next = Device::clone(now);
            next.timezone = timezone.unwrap_or(next.timezone);
            next.name = device_name.unwrap_or(next.name);
            next.description = device_desc.unwrap_or(next.description);
            next.attributes.extend(attributes);
            merge_tags("deviceTags", &mut next.tags, device_tags)?;
            self.keep_device(&next);
            directory.devices.insert(device.id.clone(), Arc::new(next));
            Ok(())
        })?;
        self.note(Entry::new(EntryKind::Admin, "device updated").device(&device.id));
        Ok(())
    }

    /// Changes the properties of a product. They count from the next sign-in of each device on. None if there is no
    /// such product.
    pub(crate) fn update_product(
        &self,
        product_key: &str,
        patch: ProductPatch,
    ) -> Option<Result<(), FieldFault>> {
        let updated = self.store.write(|directory| {
            let mut next = Product::clone(directory.products.get(product_key)?);
            next.name = patch.product_name.unwrap_or(next.name);
            next.description = patch.product_desc.unwrap_or(next.description);
            next.dynamic_activation = patch.dynamic_activate_enabled.unwrap_or(next.dynamic_activation);
            next.bi_directional_auth = patch.bi_directional_auth.unwrap_or(next.bi_directional_auth);
            if let Err(fault) = merge_tags("productTags", &mut next.tags, patch.product_tags) {
                return Some(Err(fault));
            }
            let next = Arc::new(next);
            self.keep_product(&next);
            for device in directory.devices.values_mut() {
                if *device.product.key == *product_key {
                    let mut same = Device::clone(device);
                    same.product = next.clone();
                    *device = Arc::new(same);
                }
            }
            directory.products.insert(next.key.clone(), next);
            Some(Ok(()))
        })?;
        if updated.is_ok() {
            self.note(Entry::new(EntryKind::Admin, format!("product {product_key} updated")));
        }
        Some(updated)
    }
}

fn merge_tags(
    field: &'static str,
    tags: &mut Map<String, Value>,
    more: Option<Map<String, Value>>,
) -> Result<(), FieldFault> {
    let more = more.unwrap_or_default();
    if let Some((name, _)) = more.iter().find(|(_, value)| !value.is_string()) {
        return Err(FieldFault::new(field, format!("the value of \"{name}\" is no text")));
    }
    tags.extend(more);
    if tags.len() > MAX_TAGS {
        return Err(FieldFault::new(field, format!("{} tags are more than {MAX_TAGS}", tags.len())));
    }
    Ok(())
}
