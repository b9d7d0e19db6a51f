//! The world as records, and back: what a store or a snapshot holds.

use std::sync::Arc;

use crate::store::{DeviceImage, Directory, Image, Sample, StoreFault};

use super::device::{Device, DeviceState, Secret};
use super::model::Model;
use super::point::Points;
use super::seed::ApplicationSpec;
use super::{SeedError, names};

/// The records of a world; `samples` gives those of a device, asked for while its state stands still.
pub(super) fn of(
    directory: &Directory,
    samples: impl Fn(&Device) -> Result<Vec<(usize, Sample)>, StoreFault>,
) -> Result<Image, StoreFault> {
    let mut devices = Vec::with_capacity(directory.devices.len());
    for device in directory.devices.values() {
        let state = device.state();
        devices.push(DeviceImage {
            key: device.key,
            record: device.record(),
            state: state.record(),
            counters: state.points.counters(),
            samples: samples(device)?,
        });
    }
    let application = |(key, secret): (&Arc<str>, &Secret)| ApplicationSpec {
        app_key: key.to_string(),
        app_secret: secret.expose().to_owned(),
    };
    Ok(Image {
        org_id: directory.org_id.to_string(),
        last_message_id: 0,
        models: directory.models.values().map(|model| model.spec().clone()).collect(),
        products: directory.products.values().map(|product| product.record()).collect(),
        devices,
        applications: directory.applications.iter().map(application).collect(),
        commands: Vec::new(),
    })
}

/// The world of records. A device of key 0 gets one.
pub(super) fn directory(image: &Image) -> Result<Directory, SeedError> {
    names::key(&image.org_id).map_err(|reason| SeedError::new("orgId", reason))?;
    let mut directory = Directory { org_id: image.org_id.as_str().into(), ..Directory::default() };
    directory.last_key = image.devices.iter().map(|device| device.key).max().unwrap_or(0);
    for (index, spec) in image.models.iter().enumerate() {
        let place = format!("models[{index}]");
        let model = Model::compile(spec.clone())
            .map_err(|error| SeedError::new(format!("{place}.{}", error.place), error.reason))?;
        if directory.models.insert(model.id.clone(), Arc::new(model)).is_some() {
            return Err(twice(&place, "modelId"));
        }
    }
    for (index, record) in image.products.iter().enumerate() {
        let place = format!("products[{index}].product");
        let product =
            record.product.build(&directory, record.create_time).map_err(|fault| fault.at(&place))?;
        if directory.products.insert(product.key.clone(), Arc::new(product)).is_some() {
            return Err(twice(&place, "productKey"));
        }
    }
    for (index, kept) in image.devices.iter().enumerate() {
        let place = format!("devices[{index}].device");
        let spec = &kept.record.device;
        let mut device = spec.build(&directory, kept.record.create_time).map_err(|fault| fault.at(&place))?;
        device.key = kept.key;
        let points = Points::restored(&device.product.model, kept.counters, &kept.samples);
        *device.state() = DeviceState::restored(&kept.state, points);
        if directory.assets.contains_key(&device.asset_id) {
            return Err(twice(&place, "assetId"));
        }
        if !directory.add_device(device) {
            return Err(twice(&place, "deviceKey"));
        }
    }
    for (index, application) in image.applications.iter().enumerate() {
        let secret = Secret::new(&application.app_secret);
        if directory.applications.insert(application.app_key.as_str().into(), secret).is_some() {
            return Err(twice(&format!("applications[{index}]"), "appKey"));
        }
    }
    Ok(directory)
}

fn twice(place: &str, field: &str) -> SeedError {
    SeedError::new(format!("{place}.{field}"), "is there twice")
}
