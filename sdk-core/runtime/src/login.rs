//! Who the device is, as the caller says it.

use crate::error::Error;
use crate::secret::{Secret, SecretStore};
use enos_core::ErrorKind;
use std::fmt;
use std::sync::Arc;

/// How the device proves who it is. A client certificate belongs to [`Tls`](crate::Tls) instead.
#[derive(Clone)]
pub struct Login {
    pub(crate) product_key: String,
    pub(crate) device_key: String,
    pub(crate) proof: Proof,
}

#[derive(Clone)]
pub(crate) enum Proof {
    Device(Secret),
    Product(Secret, Arc<dyn SecretStore>),
}

impl Login {
    /// Signs in with the device's own secret.
    pub fn device_secret(
        product_key: impl Into<String>,
        device_key: impl Into<String>,
        secret: impl Into<Secret>,
    ) -> Self {
        Self {
            product_key: product_key.into(),
            device_key: device_key.into(),
            proof: Proof::Device(secret.into()),
        }
    }

    /// Receives the device's own secret once, for the product's, and keeps it in the store; signs in with it then,
    /// and at each later start.
    pub fn dynamic_activation(
        product_key: impl Into<String>,
        device_key: impl Into<String>,
        product_secret: impl Into<Secret>,
        store: impl SecretStore + 'static,
    ) -> Self {
        Self {
            product_key: product_key.into(),
            device_key: device_key.into(),
            proof: Proof::Product(product_secret.into(), Arc::new(store)),
        }
    }

    /// The secret of an earlier activation. Reads the store.
    pub(crate) fn stored(&self) -> Result<Option<Secret>, Error> {
        let Proof::Product(_, store) = &self.proof else { return Ok(None) };
        store.load(&self.product_key, &self.device_key).map_err(|error| {
            let (pk, dk) = (&self.product_key, &self.device_key);
            let text = format!(
                "the stored secret of device {pk}/{dk} cannot be read: {error}. Check path and permissions of the store."
            );
            Error::new(ErrorKind::StorageFailed, text)
        })
    }

    /// The secret that was given, to be kept out of texts.
    pub(crate) fn secret(&self) -> &Secret {
        match &self.proof {
            Proof::Device(secret) | Proof::Product(secret, _) => secret,
        }
    }

    /// Whether the device may still have to be activated.
    pub(crate) fn is_activation(&self) -> bool {
        matches!(self.proof, Proof::Product(..))
    }

    pub(crate) fn store(&self) -> Option<Arc<dyn SecretStore>> {
        match &self.proof {
            Proof::Device(_) => None,
            Proof::Product(_, store) => Some(store.clone()),
        }
    }

    /// The same in the core's words.
    pub(crate) fn core<'l>(&'l self, stored: Option<&'l Secret>) -> enos_core::Login<'l> {
        let (product_key, device_key) = (&self.product_key, &self.device_key);
        match &self.proof {
            Proof::Device(secret) => {
                enos_core::Login::DeviceSecret { product_key, device_key, device_secret: secret.expose() }
            }
            Proof::Product(secret, _) => enos_core::Login::DynamicActivation {
                product_key,
                device_key,
                product_secret: secret.expose(),
                device_secret: stored.map(Secret::expose),
            },
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("product_key", &self.product_key)
            .field("device_key", &self.device_key)
            .finish_non_exhaustive()
    }
}
