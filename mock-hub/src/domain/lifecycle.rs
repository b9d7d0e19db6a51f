//! Creating, enabling, disabling and deleting devices (`docs-model.md` §3).

use std::sync::Arc;

use super::device::Device;
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
            if !directory.add_device(device) {
                return Err(FieldFault::taken("deviceKey", format!("there is a device {id} already")));
            }
            directory.devices.get(&id).cloned().ok_or_else(|| FieldFault::taken("deviceKey", String::new()))
        })?;
        self.note(Entry::new(EntryKind::Admin, "device created").device(&device.id));
        Ok(device)
    }

    /// Lifts the ban of a disabled device.
    pub(crate) fn enable_device(&self, device: &Device) -> Result<(), WrongState> {
        if !std::mem::replace(&mut device.state().disabled, false) {
            return Err(WrongState);
        }
        self.note(Entry::new(EntryKind::Admin, "device enabled").device(&device.id));
        Ok(())
    }

    /// Bans a device and cuts its connection.
    pub(crate) fn disable_device(&self, device: &Device) -> Result<(), WrongState> {
        if std::mem::replace(&mut device.state().disabled, true) {
            return Err(WrongState);
        }
        self.note(Entry::new(EntryKind::Admin, "device disabled").device(&device.id));
        self.fabric.cut(&device.id, "the device was disabled");
        Ok(())
    }

    /// Deletes a device and cuts its connection.
    pub(crate) fn delete_device(&self, device: &Device) {
        self.store.write(|directory| directory.remove_device(&device.id));
        device.state().deleted = true;
        self.note(Entry::new(EntryKind::Admin, "device deleted").device(&device.id));
        self.fabric.cut(&device.id, "the device was deleted");
    }
}
