//! Tags and attributes of a device, asked for, set and deleted by the device itself (`payloads.md` §4 and §5).
//!
//! They are the ones of the REST API (`docs-model.md` §9.2), so what one side sets the other reads.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::device::Device;
use super::patch::MAX_TAGS;
use super::seed::check_attributes;
use super::{Cloud, SignedIn};

/// What a device wants of its properties: the last two segments of the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    TagQuery,
    TagUpdate,
    TagDelete,
    AttributeQuery,
    AttributeUpdate,
    AttributeDelete,
}

impl Verb {
    /// The verb of a topic's segments after the keys.
    pub(super) fn of(segments: &str) -> Option<Self> {
        Some(match segments {
            "thing/tag/query" => Self::TagQuery,
            "thing/tag/update" => Self::TagUpdate,
            "thing/tag/delete" => Self::TagDelete,
            "thing/attribute/query" => Self::AttributeQuery,
            "thing/attribute/update" => Self::AttributeUpdate,
            "thing/attribute/delete" => Self::AttributeDelete,
            _ => return None,
        })
    }

    /// What the journal says of one that was served.
    pub(super) fn served(self) -> &'static str {
        match self {
            Self::TagQuery => "tags told, replied 200",
            Self::TagUpdate => "tags updated, replied 200",
            Self::TagDelete => "tags deleted, replied 200",
            Self::AttributeQuery => "attributes told, replied 200",
            Self::AttributeUpdate => "attributes updated, replied 200",
            Self::AttributeDelete => "attributes deleted, replied 200",
        }
    }

    /// How its params look, for the fix.
    pub(super) fn form(self) -> &'static str {
        match self {
            Self::TagQuery => "send params as {\"tags\":[key]}; an empty array asks for all",
            Self::TagUpdate => {
                "send params as [{\"tagKey\":text,\"tagValue\":text}]; a device has at most 100 tags"
            }
            Self::TagDelete => "send params as {\"tags\":[key]}",
            Self::AttributeQuery => "send params as {\"attributes\":[id]}; an empty array asks for all",
            Self::AttributeUpdate => {
                "send params as {\"attributes\":{id: value}}, with values of the thing model"
            }
            Self::AttributeDelete => "send params as {\"attributes\":[id]}",
        }
    }
}

/// Why the properties stay as they are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The params have another form.
    Form(String),
    /// The thing model does not allow it.
    Model(String),
    /// The device is gone.
    Gone,
}

#[derive(Deserialize)]
struct TagNames {
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct AttributeNames {
    attributes: Vec<String>,
}

#[derive(Deserialize)]
struct Attributes {
    attributes: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tag {
    tag_key: String,
    tag_value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TagKey {
    tag_key: String,
}

impl Cloud {
    /// Serves a verb of a device that may have it; gives the reply's data as JSON text.
    pub(super) fn serve_properties(
        &self,
        who: &SignedIn,
        verb: Verb,
        params: &str,
    ) -> Result<String, Refusal> {
        match verb {
            Verb::TagQuery => {
                let TagNames { tags } = read(params)?;
                self.told(who, |device| chosen(&device.tags, &tags))
            }
            Verb::AttributeQuery => {
                let AttributeNames { attributes } = read(params)?;
                self.told(who, |device| chosen(&device.attributes, &attributes))
            }
            Verb::TagUpdate => {
                let tags: Vec<Tag> = read(params)?;
                self.change(who, "\"1\"", |device| {
                    device.tags.extend(tags.into_iter().map(|tag| (tag.tag_key, tag.tag_value.into())));
                    let count = device.tags.len();
                    if count <= MAX_TAGS {
                        Ok(())
                    } else {
                        Err(Refusal::Form(format!("{count} tags are more than {MAX_TAGS}")))
                    }
                })
            }
            Verb::TagDelete => {
                let keys = match read(params) {
                    Ok(TagNames { tags }) => tags,
                    // The form of the vendor's old Java SDK.
                    Err(wrong) => match read::<Vec<TagKey>>(params) {
                        Ok(keys) => keys.into_iter().map(|key| key.tag_key).collect(),
                        Err(_) => return Err(wrong),
                    },
                };
                self.change(who, "\"1\"", |device| {
                    device.tags.retain(|key, _| !keys.contains(key));
                    Ok(())
                })
            }
            Verb::AttributeUpdate => {
                let Attributes { attributes } = read(params)?;
                check_attributes(&who.target.product.model, &attributes)
                    .map_err(|fault| Refusal::Model(fault.reason))?;
                self.change(who, "\"\"", |device| {
                    device.attributes.extend(attributes);
                    Ok(())
                })
            }
            Verb::AttributeDelete => {
                let AttributeNames { attributes } = read(params)?;
                self.change(who, "\"\"", |device| {
                    device.attributes.retain(|id, _| !attributes.contains(id));
                    Ok(())
                })
            }
        }
    }

    /// What the directory says of the device now: it may have been changed since it signed in.
    fn told(&self, who: &SignedIn, tell: impl FnOnce(&Device) -> Value) -> Result<String, Refusal> {
        let device = self.store.device(&who.device).filter(|now| now.asset_id == who.target.asset_id);
        device.map(|device| tell(&device).to_string()).ok_or(Refusal::Gone)
    }

    /// Changes the device in the directory; `data` is what the reply tells.
    fn change(
        &self,
        who: &SignedIn,
        data: &str,
        change: impl FnOnce(&mut Device) -> Result<(), Refusal>,
    ) -> Result<String, Refusal> {
        self.store.write(|directory| {
            let now = directory.devices.get(&who.device);
            let now = now.filter(|now| now.asset_id == who.target.asset_id).ok_or(Refusal::Gone)?;
            let mut next = Device::clone(now);
            change(&mut next)?;
            self.keep_device(&next);
            directory.devices.insert(who.device.clone(), Arc::new(next));
            Ok(data.to_owned())
        })
    }
}

fn read<T: DeserializeOwned>(params: &str) -> Result<T, Refusal> {
    serde_json::from_str(params).map_err(|error| Refusal::Form(format!("params is of another form: {error}")))
}

/// The named members, or all if none is named; what is not there is left out.
fn chosen(all: &Map<String, Value>, names: &[String]) -> Value {
    let wanted = |name: &String| names.is_empty() || names.contains(name);
    let members = all.iter().filter(|(name, _)| wanted(name));
    Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect())
}
