//! Creating, enabling, disabling, replacing and deleting devices (`docs-model.md` §3).

use std::sync::Arc;

use crate::fabric::DeviceId;
use crate::store::Change;

use super::device::Device;
use super::names::key;
use super::random;
use super::seed::FieldFault;
use super::{Cloud, DeviceSpec, Entry, EntryKind};

/// Devices of the hub, at most; the vendor's limit for a product lies between 10,000 and 100,000
/// (`docs-mqtt.md` §14 no. 5).
const MAX_DEVICES: usize = 100_000;

/// The device is in the wrong state for what was asked, such as enabling an enabled one (code 11794).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WrongState;

impl Cloud {
    /// Creates an inactive device.
    pub(crate) fn create_device(&self, mut spec: DeviceSpec) -> Result<Arc<Device>, FieldFault> {
        spec.fill();
        let now = self.clock.now_ms();
        let device = self.store.write(|directory| {
            if directory.devices.len() >= MAX_DEVICES {
                return Err(FieldFault::full(
                    "productKey",
                    format!("the hub has {MAX_DEVICES} devices already"),
                ));
            }
            let device = spec.build(directory, now)?;
            let id = device.id.clone();
            let already = || FieldFault::taken("deviceKey", format!("there is a device {id} already"));
            if !directory.add_device(device) {
                return Err(already());
            }
            let device = directory.devices.get(&id).cloned().ok_or_else(already)?;
            self.keep_device(&device);
            Ok(device)
        })?;
        self.note(Entry::new(EntryKind::Admin, "device created").device(&device.id));
        Ok(device)
    }

    /// Lifts the ban of a disabled device.
    pub(crate) fn enable_device(&self, device: &Device) -> Result<(), WrongState> {
        self.set_disabled(device, false)?;
        self.note(Entry::new(EntryKind::Admin, "device enabled").device(&device.id));
        Ok(())
    }

    /// Bans a device and cuts its connection.
    pub(crate) fn disable_device(&self, device: &Device) -> Result<(), WrongState> {
        self.set_disabled(device, true)?;
        self.note(Entry::new(EntryKind::Admin, "device disabled").device(&device.id));
        self.fabric.cut(&device.id, "the device was disabled");
        Ok(())
    }

    fn set_disabled(&self, device: &Device, disabled: bool) -> Result<(), WrongState> {
        let mut state = device.state();
        if std::mem::replace(&mut state.disabled, disabled) == disabled {
            return Err(WrongState);
        }
        self.keep_state(device, &state);
        Ok(())
    }

    /// Deletes a device, ends its commands and cuts its connection.
    pub(crate) fn delete_device(&self, device: &Device) {
        self.store.write(|directory| {
            directory.remove_device(&device.id);
            let mut state = device.state();
            state.deleted = true;
            self.store.append(Change::DeviceGone(device.key));
        });
        self.note(Entry::new(EntryKind::Admin, "device deleted").device(&device.id));
        self.fail_commands(&device.asset_id, "the device was deleted");
        self.fabric.cut(&device.id, "the device was deleted");
    }

    /// Puts a new device in the place of another: asset, points and waiting commands stay, key and secret are new,
    /// and the device is inactive until it signs in.
    pub(crate) fn replace_device(&self, old: &Device, new_key: &str) -> Result<Arc<Device>, FieldFault> {
        key(new_key).map_err(|reason| FieldFault::new("newDeviceKey", reason))?;
        if *new_key == *old.id.device_key {
            return Err(FieldFault::same("newDeviceKey", "the device has this key already"));
        }
        let id = DeviceId { product_key: old.id.product_key.clone(), device_key: new_key.into() };
        let device = self.store.write(|directory| {
            if !directory.devices.contains_key(&old.id) {
                return Err(FieldFault::gone("device", format!("there is no device {} any more", old.id)));
            }
            if directory.devices.contains_key(&id) {
                return Err(FieldFault::taken("newDeviceKey", format!("there is a device {id} already")));
            }
            directory.remove_device(&old.id);
            let device = old.successor(id.clone(), &random::text(random::DEVICE_SECRET));
            directory.add_device(device);
            let device = directory
                .devices
                .get(&id)
                .cloned()
                .ok_or_else(|| FieldFault::taken("newDeviceKey", String::new()))?;
            self.keep_device(&device);
            self.keep_state(&device, &device.state());
            Ok(device)
        })?;
        let text = format!("device replaced by {id}: new secret, inactive");
        self.note(Entry::new(EntryKind::Admin, text).device(&old.id));
        self.move_commands(&device, "the device was replaced");
        self.fabric.cut(&old.id, "the device was replaced");
        Ok(device)
    }
}
