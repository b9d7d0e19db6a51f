//! Products and devices: who they are, and the state of a device (`docs-model.md` §3).

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use crate::fabric::{ConnectionId, DeviceId};

use crate::store::{DeviceRecord, ProductRecord, StateRecord};

use super::model::Model;
use super::names::I18n;
use super::point::Points;
use super::seed::{DataFormat, DeviceSpec, ProductSpec, ProductType};

/// A secret of a product, device or application; it never prints itself.
#[derive(Clone)]
pub(crate) struct Secret(Box<str>);

impl Secret {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The secret itself, for a signature or for the replies of the REST API that carry it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Devices of one model with the same access settings.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) key: Arc<str>,
    pub(crate) secret: Secret,
    pub(crate) name: I18n,
    pub(crate) description: String,
    pub(crate) tags: Map<String, Value>,
    pub(crate) is_gateway: bool,
    pub(crate) model: Arc<Model>,
    pub(crate) dynamic_activation: bool,
    pub(crate) bi_directional_auth: bool,
    pub(crate) created_ms: u64,
}

/// One device; what it does lies behind a short lock of its own, which a clone shares.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    /// Under what the store keeps the device; given by the directory, passed on to who replaces the device, never
    /// used for another.
    pub(crate) key: u64,
    pub(crate) id: DeviceId,
    pub(crate) asset_id: Arc<str>,
    pub(crate) secret: Secret,
    pub(crate) name: I18n,
    pub(crate) description: String,
    pub(crate) timezone: String,
    pub(crate) attributes: Map<String, Value>,
    pub(crate) tags: Map<String, Value>,
    pub(crate) product: Arc<Product>,
    pub(crate) created_ms: u64,
    state: Arc<Mutex<DeviceState>>,
}

/// What a device is doing.
#[derive(Debug, Default)]
pub(crate) struct DeviceState {
    pub(crate) disabled: bool,
    pub(crate) deleted: bool,
    /// 0 as long as the device is inactive.
    pub(crate) active_ms: u64,
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) last_online_ms: u64,
    pub(crate) last_offline_ms: u64,
    pub(crate) last_offline_reason: String,
    pub(crate) points: Points,
    /// Bits of the rules that the journal warned of on this connection.
    pub(crate) warned: u32,
    /// When the last correctly signed CONNECTs came, by the monotonic clock; at most 5.
    pub(crate) connects: VecDeque<u64>,
    pub(crate) blocked_until_ms: u64,
    /// When it last signed in by CoAP, by the monotonic clock.
    pub(crate) last_coap_ms: Option<u64>,
}

/// The states of the REST API (`docs-model.md` §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Inactive,
    Online,
    Offline,
    Disabled,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Disabled => "disabled",
        }
    }
}

impl DeviceState {
    /// What is kept of the state.
    pub(super) fn record(&self) -> StateRecord {
        StateRecord {
            disabled: self.disabled,
            active_time: self.active_ms,
            last_online_time: self.last_online_ms,
            last_offline_time: self.last_offline_ms,
            last_offline_reason: self.last_offline_reason.clone(),
        }
    }

    /// A state as it was kept; nobody is connected.
    pub(super) fn restored(record: &StateRecord, points: Points) -> Self {
        Self {
            disabled: record.disabled,
            active_ms: record.active_time,
            last_online_ms: record.last_online_time,
            last_offline_ms: record.last_offline_time,
            last_offline_reason: record.last_offline_reason.clone(),
            points,
            ..Self::default()
        }
    }

    pub(crate) fn status(&self) -> Status {
        match (self.disabled, self.active_ms, &self.connection) {
            (true, ..) => Status::Disabled,
            (false, 0, _) => Status::Inactive,
            (false, _, Some(_)) => Status::Online,
            (false, _, None) => Status::Offline,
        }
    }
}

/// What a new device is made of.
pub(crate) struct NewDevice {
    pub(crate) id: DeviceId,
    pub(crate) asset_id: String,
    pub(crate) secret: String,
    pub(crate) name: I18n,
    pub(crate) description: String,
    pub(crate) timezone: String,
    pub(crate) attributes: Map<String, Value>,
    pub(crate) tags: Map<String, Value>,
    pub(crate) product: Arc<Product>,
    pub(crate) created_ms: u64,
}

impl Device {
    pub(crate) fn new(new: NewDevice) -> Self {
        let points = Points::for_model(&new.product.model);
        Self {
            key: 0,
            id: new.id,
            asset_id: new.asset_id.into(),
            secret: Secret::new(&new.secret),
            name: new.name,
            description: new.description,
            timezone: new.timezone,
            attributes: new.attributes,
            tags: new.tags,
            product: new.product,
            created_ms: new.created_ms,
            state: Arc::new(Mutex::new(DeviceState { points, ..DeviceState::default() })),
        }
    }

    /// The device that takes this one's place under a new key: same asset and points, inactive. Whoever still holds
    /// this one finds it deleted.
    pub(super) fn successor(&self, id: DeviceId, secret: &str) -> Self {
        let points = {
            let mut state = self.state();
            state.deleted = true;
            std::mem::take(&mut state.points)
        };
        Self {
            id,
            secret: Secret::new(secret),
            state: Arc::new(Mutex::new(DeviceState { points, ..DeviceState::default() })),
            ..self.clone()
        }
    }

    /// The state; hold it briefly and call nothing else meanwhile.
    pub(crate) fn state(&self) -> MutexGuard<'_, DeviceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept of a device beside its state.
    pub(super) fn record(&self) -> DeviceRecord {
        let device = DeviceSpec {
            product_key: self.id.product_key.to_string(),
            device_key: Some(self.id.device_key.to_string()),
            device_secret: Some(self.secret.expose().to_owned()),
            asset_id: Some(self.asset_id.to_string()),
            device_name: Some(self.name.clone()),
            device_desc: Some(self.description.clone()),
            timezone: Some(self.timezone.clone()),
            device_attributes: Some(self.attributes.clone()),
            device_tags: Some(self.tags.clone()),
        };
        DeviceRecord { device, create_time: self.created_ms }
    }

    /// The device struct of the REST API; it holds the device secret, as the vendor's does.
    pub(crate) fn to_json(&self, org_id: &str) -> Value {
        let state = self.state();
        let product = &self.product;
        json!({
            "orgId": org_id,
            "assetId": &*self.asset_id,
            "modelId": &*product.model.id,
            "modelIdPath": format!("/{}", product.model.id),
            "productKey": &*product.key,
            "productName": product.name.to_json(),
            "productType": product.type_name(),
            "dataFormat": "Json",
            "deviceKey": &*self.id.device_key,
            "deviceName": self.name.to_json(),
            "deviceSecret": self.secret.expose(),
            "deviceDesc": self.description,
            "timezone": self.timezone,
            "deviceAttributes": self.attributes,
            "deviceTags": self.tags,
            "createTime": self.created_ms,
            "status": state.status().name(),
            "activeTime": state.active_ms,
            "lastOnlineTime": state.last_online_ms,
            "lastOfflineTime": state.last_offline_ms,
            "measurepointLastUpdate": state.points.last_update_ms,
            "featureLastUpdate": state.points.last_update_ms,
        })
    }
}

impl Product {
    /// What is kept of a product.
    pub(super) fn record(&self) -> ProductRecord {
        let product = ProductSpec {
            product_key: Some(self.key.to_string()),
            product_secret: Some(self.secret.expose().to_owned()),
            product_name: Some(self.name.clone()),
            product_desc: Some(self.description.clone()),
            product_tags: Some(self.tags.clone()),
            model_id: self.model.id.to_string(),
            product_type: if self.is_gateway { ProductType::Gateway } else { ProductType::Device },
            data_format: DataFormat::Json,
            dynamic_activate_enabled: self.dynamic_activation,
            bi_directional_auth: self.bi_directional_auth,
        };
        ProductRecord { product, create_time: self.created_ms }
    }

    pub(crate) fn type_name(&self) -> &'static str {
        if self.is_gateway { "Gateway" } else { "Device" }
    }

    /// The product struct of the REST API; it holds the product secret, as the vendor's does.
    pub(crate) fn to_json(&self, org_id: &str) -> Value {
        json!({
            "orgId": org_id,
            "productKey": &*self.key,
            "productName": self.name.to_json(),
            "productSecret": self.secret.expose(),
            "productDesc": self.description,
            "productType": self.type_name(),
            "dataFormat": "Json",
            "productTags": self.tags,
            "modelId": &*self.model.id,
            "dynamicActivateEnabled": self.dynamic_activation,
            "biDirectionalAuth": self.bi_directional_auth,
            "createTime": self.created_ms,
            "updateTime": self.created_ms,
        })
    }
}
