//! The world in memory: everything that can be looked up.
//!
//! A directory is replaced as a whole, so a seed or a snapshot is taken all or nothing and readers never see half
//! of one.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::device::{Device, Product, Secret};
use crate::domain::model::Model;
use crate::fabric::DeviceId;

/// Everything that can be looked up. Cloning shares what it holds.
#[derive(Clone, Default)]
pub(crate) struct Directory {
    pub(crate) org_id: Arc<str>,
    pub(crate) models: BTreeMap<Arc<str>, Arc<Model>>,
    pub(crate) products: BTreeMap<Arc<str>, Arc<Product>>,
    pub(crate) devices: BTreeMap<DeviceId, Arc<Device>>,
    pub(crate) assets: BTreeMap<Arc<str>, DeviceId>,
    pub(crate) applications: BTreeMap<Arc<str>, Secret>,
    /// The highest [`Device::key`] given so far.
    pub(crate) last_key: u64,
}

impl Directory {
    /// Enters a device and gives it a storage key, unless it has one; false if its keys or its asset id are taken.
    pub(crate) fn add_device(&mut self, mut device: Device) -> bool {
        if self.devices.contains_key(&device.id) || self.assets.contains_key(&device.asset_id) {
            return false;
        }
        if device.key == 0 {
            device.key = self.last_key + 1;
        }
        self.last_key = self.last_key.max(device.key);
        self.assets.insert(device.asset_id.clone(), device.id.clone());
        self.devices.insert(device.id.clone(), Arc::new(device));
        true
    }

    /// Takes a device out.
    pub(crate) fn remove_device(&mut self, id: &DeviceId) -> Option<Arc<Device>> {
        let device = self.devices.remove(id)?;
        self.assets.remove(&device.asset_id);
        Some(device)
    }

    /// Tells whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.models.is_empty()
            && self.products.is_empty()
            && self.devices.is_empty()
            && self.applications.is_empty()
    }

    /// Tells whether a product has devices.
    pub(crate) fn has_devices(&self, product_key: &str) -> bool {
        let first = DeviceId::new(product_key, "");
        self.devices.range(first..).next().is_some_and(|(id, _)| *id.product_key == *product_key)
    }
}
