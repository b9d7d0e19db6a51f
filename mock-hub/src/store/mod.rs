//! What the cloud knows: models, products, devices and applications, in memory.
//!
//! A directory is replaced as a whole, so a seed is taken all or nothing and readers never see half of one.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

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
}

impl Directory {
    /// Enters a device; false if its keys or its asset id are taken.
    pub(crate) fn add_device(&mut self, device: Device) -> bool {
        if self.devices.contains_key(&device.id) || self.assets.contains_key(&device.asset_id) {
            return false;
        }
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

    /// Tells whether a product has devices.
    pub(crate) fn has_devices(&self, product_key: &str) -> bool {
        let first = DeviceId::new(product_key, "");
        self.devices.range(first..).next().is_some_and(|(id, _)| *id.product_key == *product_key)
    }
}

/// The store itself: short locks, no input or output.
#[derive(Default)]
pub(crate) struct Store(RwLock<Directory>);

impl Store {
    /// Looks something up.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Directory) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes something; `change` must leave the directory whole.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut Directory) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The device of this name.
    pub(crate) fn device(&self, id: &DeviceId) -> Option<Arc<Device>> {
        self.read(|directory| directory.devices.get(id).cloned())
    }
}
