//! Thing models: read from TSL JSON, compiled once, then used to check every post (`docs-model.md` §2).
//!
//! `dataDefinition` follows the vendor's API FAQ (`enumDesc`, `boolDesc`, `maxLength`, `items`, `itemType`); `min`
//! and `max` of numbers are the hub's own, since the vendor's pages give numbers no definition.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::names::{I18n, identifier};
use super::value_type::ValueType;

/// A thing model as it stands in a seed and in REST replies.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ModelSpec {
    pub(crate) model_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<I18n>,
    #[serde(skip_serializing_if = "Option::is_none")]
    desc: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    attributes: BTreeMap<String, AttributeSpec>,
    #[serde(default)]
    measurepoints: BTreeMap<String, MeasurepointSpec>,
    #[serde(default)]
    services: BTreeMap<String, ServiceSpec>,
    #[serde(default)]
    events: BTreeMap<String, EventSpec>,
}

/// What every element of a model has.
macro_rules! element {
    ($(#[$doc:meta])* $name:ident { $($field:tt)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize, Serialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct $name {
            identifier: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            name: Option<I18n>,
            #[serde(skip_serializing_if = "Option::is_none")]
            desc: Option<String>,
            #[serde(default)]
            tags: BTreeMap<String, String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            is_std_element: Option<bool>,
            #[serde(skip_serializing_if = "Option::is_none")]
            std_element_id: Option<String>,
            $($field)*
        }
    };
}

element!(AttributeSpec {
    data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_definition: Option<DataDefinition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<Value>,
    #[serde(default)]
    is_required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_value: Option<Value>,
});

element!(MeasurepointSpec {
    data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_definition: Option<DataDefinition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<Value>,
    #[serde(default)]
    has_quality: bool,
    #[serde(default)]
    signal_type: SignalType,
});

element!(ServiceSpec {
    #[serde(default)]
    input_data: Vec<DatapointSpec>,
    #[serde(default)]
    output_data: Vec<DatapointSpec>,
    #[serde(default)]
    call_type: CallType,
});

element!(EventSpec {
    #[serde(default)]
    output_data: Vec<DatapointSpec>,
    #[serde(default)]
    event_type: EventType,
});

element!(DatapointSpec {
    data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_definition: Option<DataDefinition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<Value>,
    #[serde(default)]
    required: bool,
});

#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
enum SignalType {
    #[default]
    Generic,
    #[serde(rename = "AI")]
    Analogue,
    #[serde(rename = "PI")]
    Pulse,
    #[serde(rename = "DI")]
    Discrete,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum CallType {
    #[default]
    Sync,
    Async,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum EventType {
    #[default]
    Info,
    Warn,
    Error,
}

/// What a data type leaves open.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DataDefinition {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) enum_desc: Option<BTreeMap<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) enum_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bool_desc: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) items: Option<Vec<ItemSpec>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_value: Option<Value>,
}

/// A member of a struct.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ItemSpec {
    pub(super) identifier: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<I18n>,
    pub(super) data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) data_definition: Option<DataDefinition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<Value>,
    #[serde(default)]
    pub(super) required: bool,
}

/// A compiled model.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) id: Arc<str>,
    pub(crate) points: Vec<Point>,
    point_index: HashMap<Box<str>, usize>,
    pub(crate) services: BTreeMap<Box<str>, Service>,
    pub(crate) attributes: BTreeMap<Box<str>, ValueType>,
    spec: ModelSpec,
}

/// A measurepoint, ready to check values.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) identifier: Arc<str>,
    pub(crate) value_type: ValueType,
    pub(crate) has_quality: bool,
    pub(crate) name: I18n,
}

/// A service, ready to check inputs.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) call_type: CallType,
    pub(crate) inputs: Vec<Input>,
    pub(crate) name: I18n,
}

/// One input of a service.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) identifier: String,
    pub(crate) value_type: ValueType,
    pub(crate) required: bool,
}

/// Where in a model something is wrong, and what.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ModelError {
    pub(crate) place: String,
    pub(crate) reason: String,
}

impl Model {
    /// Checks and compiles a model.
    pub(crate) fn compile(spec: ModelSpec) -> Result<Self, ModelError> {
        identifier(&spec.model_id, 64).map_err(|reason| error("modelId", reason))?;
        let mut points = Vec::with_capacity(spec.measurepoints.len());
        let mut point_index = HashMap::with_capacity(spec.measurepoints.len());
        for (key, point) in &spec.measurepoints {
            let place = format!("measurepoints.{key}");
            same_identifier(&place, key, &point.identifier)?;
            let value_type = compile(&place, &point.data_type, point.data_definition.as_ref())?;
            if point.has_quality && !value_type.is_numeric() {
                let reason = "only INT, FLOAT and DOUBLE points can have a quality".into();
                return Err(error(format!("{place}.hasQuality"), reason));
            }
            point_index.insert(key.as_str().into(), points.len());
            let name = I18n::or_default(point.name.as_ref(), key);
            points.push(Point {
                identifier: key.as_str().into(),
                value_type,
                has_quality: point.has_quality,
                name,
            });
        }
        let mut attributes = BTreeMap::new();
        for (key, attribute) in &spec.attributes {
            let place = format!("attributes.{key}");
            same_identifier(&place, key, &attribute.identifier)?;
            let value_type = compile(&place, &attribute.data_type, attribute.data_definition.as_ref())?;
            attributes.insert(key.as_str().into(), value_type);
        }
        let services = compile_services(&spec)?;
        for (key, event) in &spec.events {
            let place = format!("events.{key}");
            same_identifier(&place, key, &event.identifier)?;
            datapoints(&format!("{place}.outputData"), &event.output_data)?;
        }
        Ok(Self { id: spec.model_id.as_str().into(), points, point_index, services, attributes, spec })
    }

    /// The point of this identifier and its place in [`Self::points`].
    pub(crate) fn point(&self, identifier: &str) -> Option<(usize, &Point)> {
        let index = *self.point_index.get(identifier)?;
        self.points.get(index).map(|point| (index, point))
    }

    /// What the model was compiled from.
    pub(super) fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// Tells whether two models say the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        serde_json::to_value(&self.spec).ok() == serde_json::to_value(&other.spec).ok()
    }

    /// The model as REST shows it (`docs-model.md` §2).
    pub(crate) fn to_json(&self, org_id: &str) -> Value {
        let mut json = serde_json::to_value(&self.spec).unwrap_or_default();
        json["modelIdPath"] = format!("/{}", self.id).into();
        json["orgId"] = org_id.into();
        if self.spec.name.is_none() {
            json["name"] = I18n::or_default(None, &self.id).to_json();
        }
        json
    }
}

fn compile_services(spec: &ModelSpec) -> Result<BTreeMap<Box<str>, Service>, ModelError> {
    let mut services = BTreeMap::new();
    for (key, service) in &spec.services {
        let place = format!("services.{key}");
        same_identifier(&place, key, &service.identifier)?;
        datapoints(&format!("{place}.outputData"), &service.output_data)?;
        let compiled = Service {
            call_type: service.call_type,
            inputs: datapoints(&format!("{place}.inputData"), &service.input_data)?,
            name: I18n::or_default(service.name.as_ref(), key),
        };
        services.insert(key.as_str().into(), compiled);
    }
    Ok(services)
}

fn datapoints(place: &str, specs: &[DatapointSpec]) -> Result<Vec<Input>, ModelError> {
    let compiled = specs.iter().enumerate().map(|(index, spec)| {
        let place = format!("{place}[{index}]");
        identifier(&spec.identifier, 128).map_err(|reason| error(format!("{place}.identifier"), reason))?;
        Ok(Input {
            identifier: spec.identifier.clone(),
            value_type: compile(&place, &spec.data_type, spec.data_definition.as_ref())?,
            required: spec.required,
        })
    });
    compiled.collect()
}

fn compile(
    place: &str,
    data_type: &str,
    definition: Option<&DataDefinition>,
) -> Result<ValueType, ModelError> {
    ValueType::compile(data_type, definition)
        .map_err(|fault| error(format!("{place}.{}", fault.field), fault.reason))
}

fn same_identifier(place: &str, key: &str, inner: &str) -> Result<(), ModelError> {
    identifier(key, 128).map_err(|reason| error(place, reason))?;
    if key == inner {
        return Ok(());
    }
    Err(error(format!("{place}.identifier"), format!("\"{inner}\" differs from its key \"{key}\"")))
}

fn error(place: impl Into<String>, reason: String) -> ModelError {
    ModelError { place: place.into(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn compile(json: Value) -> Result<Model, String> {
        let spec = serde_json::from_value(json).map_err(|error| error.to_string())?;
        Model::compile(spec).map_err(|error| format!("{}: {}", error.place, error.reason))
    }

    /// The sample of the vendor's "Get Thing Model" page.
    #[test]
    fn the_vendor_sample_compiles_and_comes_back() {
        let name = |text: &str| json!({"defaultValue": text, "i18nValue": {"en_US": text}});
        let element = |id: &str, kind: &str| json!({"identifier": id, "name": name(id), "desc": "", "tags": {}, "dataType": kind, "unit": null});
        let model = json!({
            "modelId": "planet", "name": name("planet"), "desc": "test", "tags": {},
            "attributes": {"starsystem": {"identifier": "starsystem", "name": name("star system"), "dataType": "STRING", "unit": null, "isRequired": false}},
            "measurepoints": {"temperature": {"identifier": "temperature", "dataType": "FLOAT", "hasQuality": false, "signalType": "Generic", "unit": {"unitId": "°C", "multiplier": "ONE"}}},
            "services": {"speedup": {"identifier": "speedup", "outputData": [element("delta", "INT")], "inputData": [element("delta", "INT")], "callType": "ASYNC"}},
            "events": {"alert": {"identifier": "alert", "outputData": [element("event1", "INT")], "eventType": "ERROR"}}
        });
        let compiled = compile(model).unwrap();
        let (index, point) = compiled.point("temperature").unwrap();
        assert_eq!((index, &*point.identifier, point.has_quality), (0, "temperature", false));
        assert_eq!(compiled.services["speedup"].call_type, CallType::Async);
        let shown = compiled.to_json("o1");
        assert_eq!(shown["modelIdPath"], "/planet");
        assert_eq!(shown["measurepoints"]["temperature"]["unit"]["unitId"], "°C");
        assert_eq!(shown["events"]["alert"]["eventType"], "ERROR");
    }

    // Proves: MODEL-2-3
    #[test]
    fn faults_name_their_place() {
        let point = |extra: Value| {
            let mut point = json!({"identifier": "p", "dataType": "INT"});
            for (key, value) in extra.as_object().unwrap() {
                point[key] = value.clone();
            }
            compile(json!({"modelId": "m", "measurepoints": {"p": point}})).unwrap_err()
        };
        assert!(point(json!({"identifier": "q"})).starts_with("measurepoints.p.identifier: \"q\" differs"));
        assert!(point(json!({"dataType": "INT64"})).starts_with("measurepoints.p.dataType: \"INT64\""));
        assert!(
            point(json!({"dataDefinition": {"min": 2, "max": 1}}))
                .starts_with("measurepoints.p.dataDefinition")
        );
        assert!(
            point(json!({"dataType": "STRING", "hasQuality": true}))
                .starts_with("measurepoints.p.hasQuality")
        );
        assert!(point(json!({"colour": 1})).contains("unknown field `colour`"));
        assert!(compile(json!({"modelId": "a/b"})).unwrap_err().starts_with("modelId"));
        let service = json!({"modelId": "m", "services": {"s": {"identifier": "s", "inputData": [{"identifier": "i", "dataType": "x"}]}}});
        assert!(compile(service).unwrap_err().starts_with("services.s.inputData[0].dataType"));
    }
}
